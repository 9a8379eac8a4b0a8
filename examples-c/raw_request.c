/*
 * Anything the library has no name for: "METHOD /path" goes to the service as it stands (the path is the one behind
 * /v1), and the answer is there with its HTTP status, its headers and its bytes.
 *
 *     cc raw_request.c -o raw_request $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./raw_request
 */
#include <kuai.h>
#include <stdio.h>

static kuai_status show(const kuai_client *client, const char *operation, const char *params, const char *options)
{
    kuai_result *result = kuai_call(client, operation, params, options);
    kuai_status status = kuai_result_status(result);
    const char *type = kuai_result_header(result, "Content-Type"); /* in any case; NULL when absent */
    size_t size;

    kuai_result_body(result, &size);
    printf("%s: HTTP %d, %s, %s, %lu bytes\n", operation, (int)kuai_result_http_status(result), kuai_status_name(status),
           type != NULL ? type : "no type", (unsigned long)size);
    printf("  headers: %s\n", kuai_result_headers(result));
    printf("  json:    %.70s\n", kuai_result_json(result));
    kuai_result_free(result);
    return status;
}

int main(void)
{
    kuai_client *client = kuai_client_new(NULL);
    const char *question = "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}";
    kuai_status status = show(client, "POST /chat/completions", question, NULL);

    show(client, "GET /models", NULL, "{\"headers\":{\"X-Note\":\"one more header\"},\"timeout_ms\":10000}");
    show(client, "GET /no/such/path", NULL, NULL);
    kuai_client_free(client);
    return status == KUAI_OK ? 0 : 1;
}
