/*
 * A file of many times the memory that the process may use is uploaded in parts: it is read as it is sent. The path of the
 * file is the argument.
 */
#define _XOPEN_SOURCE 600 /* getrusage() */
#include "check.h"

#include <sys/resource.h>

enum { MOST_KIB = 8 * 1024 };

static long peak_kib(void)
{
    struct rusage usage;

    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_maxrss;
}

int main(int argc, char **argv)
{
    kuai_client *client = kuai_client_new(NULL);
    kuai_job *job;
    kuai_status status;
    long before, grown;

    CHECK(argc == 2);
    kuai_result_free(kuai_call(client, "models.list", NULL, NULL)); /* what every call needs is there */
    before = peak_kib();

    job = kuai_job_upload(client, argv[1], "{\"purpose\":\"user_data\"}", NULL);
    while ((status = kuai_job_next(job)) == KUAI_OK) {
    }
    CHECK(status == KUAI_DONE);
    kuai_job_free(job);

    grown = peak_kib() - before;
    if (grown > MOST_KIB) {
        fprintf(stderr, "%ld KiB more\n", grown);
    }
    CHECK(grown <= MOST_KIB);
    kuai_client_free(client);
    puts("the upload needed next to no memory");
    return 0;
}
