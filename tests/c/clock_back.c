/* Laid under a program (LD_PRELOAD): the time of day goes back an hour whenever it is asked. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static long hours;
    long failed = syscall(SYS_clock_gettime, clock, time);
    if (failed == 0 && clock == CLOCK_REALTIME) {
        time->tv_sec -= 3600 * ++hours;
    }
    return (int)failed;
}
