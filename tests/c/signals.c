/* A storm of signals that interrupt every system call changes neither answers nor time limits. */
#define _XOPEN_SOURCE 700
#include "check.h"
#include <signal.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    (void)number;
    caught++;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static kuai_status call(const kuai_client *client, const char *model, const char *options)
{
    char request[160];
    kuai_result *result;
    kuai_status status;
    sprintf(request, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}", model);
    result = kuai_call(client, "chat.completions.create", request, options);
    status = kuai_result_status(result);
    if (status == KUAI_OK)
        CHECK(strcmp(kuai_result_text(result, NULL), "1+100=101") == 0);
    kuai_result_free(result);
    return status;
}

int main(void)
{
    struct sigaction action;
    struct itimerval every;
    kuai_client *client = kuai_client_new(NULL);
    double start, took;
    int i;

    /* Without SA_RESTART: every blocking call of the system ends with EINTR. */
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    memset(&every, 0, sizeof every);
    every.it_interval.tv_usec = every.it_value.tv_usec = 2000;
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);

    for (i = 0; i < 200; i++)
        CHECK(call(client, "m", NULL) == KUAI_OK);

    start = seconds();
    CHECK(call(client, "error-hang", "{\"timeout_ms\":400,\"max_retries\":0}") == KUAI_TIMEOUT);
    took = seconds() - start;
    CHECK(took > 0.39 && took < 5.0);
    CHECK(call(client, "error-hang-midway", "{\"idle_timeout_ms\":400,\"max_retries\":0}") == KUAI_TIMEOUT);
    CHECK(caught > 100);

    /* Whose handlers they are has not changed. */
    CHECK(sigaction(SIGALRM, NULL, &action) == 0 && action.sa_handler == on_signal);
    CHECK(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    kuai_client_free(client);
    puts("signals change nothing");
    return 0;
}
