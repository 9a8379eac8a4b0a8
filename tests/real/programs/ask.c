/*
 * Asks one thing and prints what came, in lines that the programs in the other languages print just so.
 *
 *     ask CONFIG call OPERATION PARAMS
 *     ask CONFIG stream OPERATION PARAMS
 */
#include <kuai.h>
#include <stdio.h>
#include <string.h>

static void print(const kuai_result *result)
{
    char *message = kuai_json_get(kuai_result_json(result), "/error/message");
    const char *type = kuai_result_header(result, "content-type");
    printf("status: %s\n", kuai_status_name(kuai_result_status(result)));
    printf("http: %d\n", (int)kuai_result_http_status(result));
    printf("type: %s\n", type != NULL ? type : "");
    printf("text: %s\n", kuai_result_text(result, NULL));
    printf("error: %s\n", message != NULL ? message : "");
    printf("json: %s\n", kuai_result_json(result));
    kuai_string_free(message);
}

int main(int count, char **arguments)
{
    kuai_client *client;
    if (count != 5) {
        fprintf(stderr, "usage: ask CONFIG call|stream OPERATION PARAMS\n");
        return 2;
    }
    client = kuai_client_new(arguments[1]);
    if (strcmp(arguments[2], "stream") == 0) {
        kuai_request *request = kuai_request_new(arguments[3], arguments[4], NULL);
        kuai_stream *stream = kuai_open(client, request);
        int events = 0;
        printf("pieces: ");
        while (kuai_stream_next(stream) == KUAI_OK) {
            fputs(kuai_stream_text(stream, NULL), stdout);
            events++;
        }
        printf("\nseveral events: %s\n", events > 2 ? "yes" : "no");
        print(kuai_stream_result(stream));
        kuai_stream_free(stream);
        kuai_request_free(request);
    } else {
        kuai_result *result = kuai_call(client, arguments[3], arguments[4], NULL);
        print(result);
        kuai_result_free(result);
    }
    kuai_client_free(client);
    return 0;
}
