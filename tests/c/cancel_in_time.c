/*
 * Cancelling ends a call that hangs: by a switch from another thread, by a switch from a signal handler, and by the client's own
 * switch for everything in flight. Prints the slowest of them, in milliseconds from the trigger.
 *
 *     cancel_in_time   with a service that never answers the model error-hang
 */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define HANGS "{\"model\":\"error-hang\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}"
#define STALLS "{\"model\":\"error-hang-midway\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}"

static kuai_client *client;
static kuai_cancel *cancel;
static double triggered_at, slowest;

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void note_the_end(void)
{
    double took = now_ms() - triggered_at;
    if (took > slowest) {
        slowest = took;
    }
}

static void *trigger_later(void *whole_client)
{
    struct timespec pause = {0, 200000000};
    nanosleep(&pause, NULL);
    triggered_at = now_ms();
    if (whole_client != NULL) {
        kuai_client_cancel(client);
    } else {
        kuai_cancel_trigger(cancel);
    }
    return NULL;
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
    triggered_at = now_ms();
    kuai_cancel_trigger(cancel);
}

static void send_and_be_cancelled(const char *params)
{
    kuai_request *request = kuai_request_new("chat.completions.create", params, NULL);
    kuai_result *result;

    CHECK(kuai_request_cancel_with(request, cancel) == KUAI_OK);
    result = kuai_send(client, request);
    note_the_end();
    CHECK(kuai_result_status(result) == KUAI_CANCELLED);
    CHECK(HOLDS(kuai_result_json(result), "\"cancelled\""));
    kuai_result_free(result);
    kuai_request_free(request);
}

static void stream_and_be_cancelled(void)
{
    kuai_request *request = kuai_request_new("chat.completions.create", STALLS, NULL);
    kuai_stream *stream;
    kuai_status status;

    CHECK(kuai_request_cancel_with(request, cancel) == KUAI_OK);
    stream = kuai_open(client, request);
    kuai_request_free(request);
    while ((status = kuai_stream_next(stream)) == KUAI_OK) {
    }
    note_the_end();
    CHECK(status == KUAI_CANCELLED);
    kuai_stream_free(stream);
}

static void from_a_thread(void (*job)(void), void *whole_client)
{
    pthread_t thread;

    cancel = kuai_cancel_new();
    CHECK(pthread_create(&thread, NULL, trigger_later, whole_client) == 0);
    job();
    CHECK(pthread_join(thread, NULL) == 0);
    kuai_cancel_free(cancel);
}

static void hang(void)
{
    send_and_be_cancelled(HANGS);
}

static void stall(void)
{
    send_and_be_cancelled(STALLS);
}

static void from_a_signal_handler(void)
{
    cancel = kuai_cancel_new();
    signal(SIGALRM, on_alarm);
    alarm(1);
    hang();
    signal(SIGALRM, SIG_DFL);
    kuai_cancel_free(cancel);
}

int main(void)
{
    client = kuai_client_new(NULL);
    CHECK(kuai_client_error(client) == NULL);
    from_a_thread(hang, NULL);
    from_a_thread(stall, NULL);
    from_a_thread(stream_and_be_cancelled, NULL);
    from_a_thread(hang, client);
    from_a_thread(stream_and_be_cancelled, client);
    from_a_signal_handler();
    kuai_client_free(client);
    printf("slowest: %.1f ms\n", slowest);
    return 0;
}
