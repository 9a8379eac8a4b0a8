/*
 * fork() while other threads are inside the library: the child goes on with the client they shared, whatever they
 * were doing just then, and so does the parent.
 *
 *     fork_threads [forks]
 */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4 };

static const kuai_client *client;
static volatile sig_atomic_t over;

static void ask(int number)
{
    char request[128], expected[64];
    kuai_status status;
    char *answer, *text;

    sprintf(request, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%d+100=\"}]}", number);
    sprintf(expected, "%d+100=%d", number, number + 100);
    answer = kuai_chat_complete(client, request, &status);
    if (status != KUAI_OK) {
        fprintf(stderr, "%s\n", answer);
    }
    CHECK(status == KUAI_OK);
    text = kuai_json_get(answer, "/choices/0/message/content");
    CHECK(text != NULL && strcmp(text, expected) == 0);
    kuai_string_free(text);
    kuai_string_free(answer);
}

static void *work(void *argument)
{
    int number = *(const int *)argument;
    while (!over) {
        ask(number++);
    }
    return NULL;
}

/* Makes a stream of the parent's its own child's to free. */
static void child(kuai_client *shared, kuai_stream *stream, int number)
{
    /* A child that waits for ever is killed, and the parent sees it. */
    alarm(60);
    ask(number);
    kuai_stream_free(stream);
    ask(number + 1);
    kuai_client_cancel(shared);
    ask(number + 2);
    kuai_client_free(shared);
    client = kuai_client_new(NULL);
    ask(number + 3);
    _exit(0);
}

int main(int argc, char **argv)
{
    int forks = argc > 1 ? atoi(argv[1]) : 100, i;
    pthread_t ids[THREADS];
    int firsts[THREADS];
    kuai_client *shared = kuai_client_new(NULL);

    client = shared;
    CHECK(kuai_client_error(client) == NULL);
    for (i = 0; i < THREADS; i++) {
        firsts[i] = 1000000 * (i + 1);
        CHECK(pthread_create(&ids[i], NULL, work, &firsts[i]) == 0);
    }
    for (i = 0; i < forks; i++) {
        int status = 0;
        pid_t id;
        kuai_stream *stream =
            kuai_chat_stream(client, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}");
        CHECK(kuai_stream_next(stream) == KUAI_OK);
        id = fork();
        CHECK(id >= 0);
        if (id == 0) {
            child(shared, stream, 10 * i);
        }
        while (kuai_stream_next(stream) == KUAI_OK) {
        }
        CHECK(strcmp(kuai_result_text(kuai_stream_result(stream), NULL), "1+100=101") == 0);
        kuai_stream_free(stream);
        CHECK(waitpid(id, &status, 0) == id);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    over = 1;
    for (i = 0; i < THREADS; i++) {
        CHECK(pthread_join(ids[i], NULL) == 0);
    }
    kuai_client_free(shared);
    puts("every child got its own answers");
    return 0;
}
