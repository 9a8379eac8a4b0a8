/*
 * A picture by its address: the service fetches it and answers a question about it. The message's content is then not a
 * text but a list of parts.
 *
 *     cc vision_url.c -o vision_url $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./vision_url https://example.com/cat.jpg "What is in this picture?"
 */
#include <kuai.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    char request[8192]; /* JSON that does not fit would be cut, and the call would refuse it */
    char *url = kuai_json_quote(argc > 1 ? argv[1] : "https://upload.wikimedia.org/wikipedia/commons/3/3a/Cat03.jpg");
    char *question = kuai_json_quote(argc > 2 ? argv[2] : "What is in this picture?");
    kuai_client *client = kuai_client_new(NULL);
    kuai_result *result;
    kuai_status status;

    snprintf(request, sizeof request,
             "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":["
             "{\"type\":\"text\",\"text\":%s},"
             "{\"type\":\"image_url\",\"image_url\":{\"url\":%s,\"detail\":\"low\"}}]}]}",
             question, url);
    result = kuai_call(client, "chat.completions.create", request, NULL);
    status = kuai_result_status(result);

    if (status == KUAI_OK) {
        printf("%s\n", kuai_result_text(result, NULL));
    } else {
        fprintf(stderr, "%s\n", kuai_result_json(result));
    }

    kuai_result_free(result);
    kuai_client_free(client);
    kuai_string_free(question);
    kuai_string_free(url);
    return status == KUAI_OK ? 0 : 1;
}
