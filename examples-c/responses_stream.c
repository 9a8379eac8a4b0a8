/*
 * The Responses API as a stream: every event has a name, some bring text, and at the end the whole response is there.
 *
 *     cc responses_stream.c -o responses_stream $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./responses_stream
 */
#include <kuai.h>
#include <stdio.h>
#include <string.h>

static void show(const char *json, const char *label, const char *pointer)
{
    char *value = kuai_json_get(json, pointer);
    printf("%s: %s\n", label, value != NULL ? value : "-");
    kuai_string_free(value);
}

int main(void)
{
    kuai_client *client = kuai_client_new(NULL);
    kuai_request *request = kuai_request_new("responses.create", "{\"model\":\"gpt-4o-mini\",\"input\":\"请介绍一下你自己\"}", NULL);
    kuai_stream *stream = kuai_open(client, request);
    kuai_status status;
    const char *response;

    while ((status = kuai_stream_next(stream)) == KUAI_OK) {
        const char *event = kuai_stream_event(stream);
        if (strcmp(event, "response.created") == 0) {
            show(kuai_stream_json(stream), "id", "/response/id"); /* what an interrupted program would ask for again */
        } else if (strcmp(event, "response.output_text.done") == 0) {
            putchar('\n');
        }
        fputs(kuai_stream_text(stream, NULL), stdout); /* "" but for response.output_text.delta */
        fflush(stdout);
    }

    response = kuai_result_json(kuai_stream_result(stream));
    if (status == KUAI_DONE) { /* also when it is "incomplete": too long, or filtered */
        show(response, "status", "/status");
        show(response, "tokens", "/usage/total_tokens");
    } else {
        fprintf(stderr, "%s\n", response);
    }

    kuai_stream_free(stream);
    kuai_request_free(request);
    kuai_client_free(client);
    return status == KUAI_DONE ? 0 : 1;
}
