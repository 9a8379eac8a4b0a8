/*
 * A streamed answer: each piece is printed as it comes, and the whole answer is there at the end.
 *
 *     cc stream.c -o stream $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./stream
 */
#include <kuai.h>
#include <stdio.h>

int main(void)
{
    const char *request = "{\"model\":\"gpt-4o-mini\","
                          "\"messages\":[{\"role\":\"user\",\"content\":\"请介绍一下你自己\"}]}";
    kuai_client *client = kuai_client_new(NULL);
    kuai_stream *stream = kuai_chat_stream(client, request);
    const char *outcome; /* the whole answer, or the error document */
    kuai_status status;

    while ((status = kuai_stream_next(stream)) == KUAI_OK) {
        fputs(kuai_stream_text(stream, NULL), stdout);
        fflush(stdout);
    }
    putchar('\n');

    outcome = kuai_result_json(kuai_stream_result(stream));
    if (status == KUAI_DONE) {
        char *reason = kuai_json_get(outcome, "/choices/0/finish_reason");
        printf("finish_reason: %s\n", reason != NULL ? reason : "none");
        kuai_string_free(reason);
    } else {
        fprintf(stderr, "%s\n", outcome);
    }

    kuai_stream_free(stream);
    kuai_client_free(client);
    return status == KUAI_DONE ? 0 : 1;
}
