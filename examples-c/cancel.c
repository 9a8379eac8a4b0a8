/*
 * Ending a call that takes too long: from another thread after a second, and from a signal handler at Ctrl-C.
 *
 *     cc cancel.c -o cancel $(pkg-config --cflags --libs kuai) -pthread
 *     KUAI_API_KEY=sk-... ./cancel [model]
 */
#define _POSIX_C_SOURCE 200809L /* sleep() */
#include <kuai.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static kuai_cancel *interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    kuai_cancel_trigger(interrupted); /* one of the few functions that a signal handler may call */
}

static void *give_up_after_a_second(void *cancel)
{
    sleep(1);
    kuai_cancel_trigger(cancel);
    return NULL;
}

static void ask(const kuai_client *client, const char *model, const kuai_cancel *cancel)
{
    char params[300];
    kuai_request *request;
    kuai_result *result;

    snprintf(params, sizeof params, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"Tell a long story.\"}]}", model);
    request = kuai_request_new("chat.completions.create", params, NULL);
    kuai_request_cancel_with(request, cancel);
    result = kuai_send(client, request);
    printf("%s\n", kuai_status_name(kuai_result_status(result)));
    fflush(stdout);
    kuai_result_free(result);
    kuai_request_free(request);
}

int main(int argc, char **argv)
{
    const char *model = argc > 1 ? argv[1] : "gpt-4o-mini";
    kuai_client *client = kuai_client_new(NULL);
    kuai_cancel *too_long = kuai_cancel_new();
    pthread_t watch;

    if (pthread_create(&watch, NULL, give_up_after_a_second, too_long) == 0) {
        ask(client, model, too_long);
        pthread_join(watch, NULL);
    }
    kuai_cancel_free(too_long);

    interrupted = kuai_cancel_new();
    signal(SIGINT, on_interrupt);
    puts("Once more; Ctrl-C ends it.");
    fflush(stdout);
    ask(client, model, interrupted);

    signal(SIGINT, SIG_DFL); /* before the handler's object goes */
    kuai_cancel_free(interrupted);
    kuai_client_free(client);
    return 0;
}
