/* After fork() parent and child both go on with the client they share, and neither sees the other's answers. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS 60

/* Asks sums whose answers only this process can expect. */
static void ask(const kuai_client *client, int who)
{
    int i;
    for (i = 0; i < CALLS; i++) {
        char request[128], expected[64];
        kuai_status status;
        char *answer, *text;
        int a = who * 1000 + i, b = 7 * who;
        sprintf(request, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%d+%d=\"}]}", a, b);
        sprintf(expected, "%d+%d=%d", a, b, a + b);
        answer = kuai_chat_complete(client, request, &status);
        if (status != KUAI_OK) {
            fprintf(stderr, "process %d, call %d: %s\n", who, i, answer);
            exit(1);
        }
        text = kuai_json_get(answer, "/choices/0/message/content");
        CHECK(text != NULL && strcmp(text, expected) == 0);
        kuai_string_free(text);
        kuai_string_free(answer);
    }
}

int main(void)
{
    kuai_client *client = kuai_client_new(NULL);
    kuai_stream *stream;
    pid_t children[3];
    int i;

    CHECK(kuai_client_error(client) == NULL);
    /* A connection at rest and one in the middle of a stream: both are shared by the fork. */
    ask(client, 1);
    stream = kuai_chat_stream(client, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}");
    CHECK(kuai_stream_next(stream) == KUAI_OK);

    for (i = 0; i < 3; i++) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0) {
            ask(client, 2 + i);
            /* The parent's stream is not the child's to read; giving it up must not disturb the parent. */
            kuai_stream_free(stream);
            kuai_client_cancel(client);
            ask(client, 6 + i);
            kuai_client_free(client);
            exit(0);
        }
    }
    ask(client, 9);
    while (kuai_stream_next(stream) == KUAI_OK)
        ;
    CHECK(kuai_result_status(kuai_stream_result(stream)) == KUAI_OK);
    CHECK(strcmp(kuai_result_text(kuai_stream_result(stream), NULL), "1+100=101") == 0);
    kuai_stream_free(stream);
    for (i = 0; i < 3; i++) {
        int status = 0;
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    ask(client, 10);
    kuai_client_free(client);
    puts("parent and children got their own answers");
    return 0;
}
