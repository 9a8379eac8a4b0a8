/*
 * Time limits are exact while signals rain down that restart no system call:  limits LIMIT BASE_URL [stream]
 *
 * Asks a service that never comes to an end, five times, and prints how late the best and the worst were, in ms. Early is a failure.
 */
#define _XOPEN_SOURCE 700
#include "check.h"
#include <signal.h>
#include <sys/time.h>
#include <time.h>

enum { LENGTH = 200, TRIES = 5, LARGE = 32 << 20 };

static char large[LARGE];

static const char QUESTION[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";

static void nothing(int number)
{
    (void)number;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

int main(int count, char **arguments)
{
    static const struct itimerval storm = {{0, 3000}, {0, 3000}};
    char config[1024];
    struct sigaction action;
    kuai_client *client;
    double best = 1e9, worst = 0;
    int i;

    CHECK(count >= 3);
    sprintf(config, "{\"base_url\":\"%.400s\",\"max_retries\":0,\"connect_timeout_ms\":60000}", arguments[2]);
    if (strcmp(arguments[1], "connect_timeout_ms") == 0)
        sprintf(config, "{\"base_url\":\"%.400s\",\"max_retries\":0,\"connect_timeout_ms\":%d}", arguments[2], LENGTH);
    else
        sprintf(config + strlen(config) - 1, ",\"%.40s\":%d}", arguments[1], LENGTH);
    client = kuai_client_new(config);
    CHECK(kuai_client_error(client) == NULL);
    memset(&action, 0, sizeof action);
    action.sa_handler = nothing;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &storm, NULL) == 0);

    for (i = 0; i < TRIES; i++) {
        double begin = now(), late;
        int upload = strstr(arguments[2], "/upload/") != NULL;
        kuai_request *request = kuai_request_new("POST /chat/completions", upload ? NULL : QUESTION, NULL);
        kuai_status status;
        if (upload) {
            /* More than all buffers on the way hold. */
            CHECK(kuai_request_body(request, "text/plain", large, LARGE) == KUAI_OK);
            begin = now();
        }
        if (count > 3) {
            kuai_stream *stream = kuai_open(client, request);
            while ((status = kuai_stream_next(stream)) == KUAI_OK)
                ;
            CHECK(strstr(kuai_result_json(kuai_stream_result(stream)), arguments[1]) != NULL);
            kuai_stream_free(stream);
        } else {
            kuai_result *result = kuai_send(client, request);
            status = kuai_result_status(result);
            if (status != KUAI_TIMEOUT)
                fprintf(stderr, "%s\n", kuai_result_json(result));
            CHECK(strstr(kuai_result_json(result), arguments[1]) != NULL);
            kuai_result_free(result);
        }
        late = now() - begin - LENGTH;
        CHECK(status == KUAI_TIMEOUT);
        CHECK(late > -1);
        best = late < best ? late : best;
        worst = late > worst ? late : worst;
        kuai_request_free(request);
    }
    kuai_client_free(client);
    printf("%.1f %.1f\n", best, worst);
    return 0;
}
