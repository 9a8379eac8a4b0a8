/*
 * Many threads, one client: every answer, plain and streamed, belongs to the question that its thread asked.
 *
 *     many_threads [threads [calls of each]]
 */
#include "check.h"
#include <pthread.h>

enum { MOST_THREADS = 64 };

static const kuai_client *client;
static int calls;

static void expect_sum(const char *text, int number)
{
    char sum[64];
    sprintf(sum, "%d+100=%d", number, number + 100);
    CHECK(strcmp(text, sum) == 0);
}

static void ask_plain(const char *request, int number)
{
    kuai_status status;
    char *answer = kuai_chat_complete(client, request, &status);
    char *text = kuai_json_get(answer, "/choices/0/message/content");

    if (status != KUAI_OK) {
        fprintf(stderr, "%s\n", answer);
    }
    CHECK(status == KUAI_OK);
    expect_sum(text, number);
    kuai_string_free(text);
    kuai_string_free(answer);
}

static void ask_streamed(const char *request, int number)
{
    kuai_status status;
    kuai_stream *stream = kuai_chat_stream(client, request);

    while ((status = kuai_stream_next(stream)) == KUAI_OK) {
    }
    CHECK(status == KUAI_DONE);
    expect_sum(kuai_result_text(kuai_stream_result(stream), NULL), number);
    kuai_stream_free(stream);
}

static void *work(void *argument)
{
    int first = *(const int *)argument, i;
    char request[200];

    for (i = 0; i < calls; i++) {
        sprintf(request, "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"%d+100=\"}]}", first + i);
        if (i % 4 == 3) {
            ask_streamed(request, first + i);
        } else {
            ask_plain(request, first + i);
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 8, i;
    pthread_t ids[MOST_THREADS];
    int firsts[MOST_THREADS];
    kuai_client *shared = kuai_client_new(NULL);

    CHECK(threads > 0 && threads <= MOST_THREADS);
    CHECK(kuai_client_error(shared) == NULL);
    client = shared;
    calls = argc > 2 ? atoi(argv[2]) : 100;
    for (i = 0; i < threads; i++) {
        firsts[i] = i * calls;
        CHECK(pthread_create(&ids[i], NULL, work, &firsts[i]) == 0);
    }
    for (i = 0; i < threads; i++) {
        CHECK(pthread_join(ids[i], NULL) == 0);
    }
    kuai_client_free(shared);
    printf("%d answers match their questions\n", threads * calls);
    return 0;
}
