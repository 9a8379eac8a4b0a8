/*
 * A picture made from words, into a file. Some models answer with its address, others with the picture itself in Base64.
 *
 *     cc image.c -o image $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./image gpt-image-1 "A white cat" cat.png
 */
#include <kuai.h>
#include <stdio.h>
#include <string.h>

static int write_decoded(const char *base64, const char *path)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    FILE *file = fopen(path, "wb");
    unsigned bits = 0;
    int count, failed;

    if (file == NULL) return 0;
    for (count = 0; *base64 != '\0' && strchr(digits, *base64) != NULL; base64++, count++) {
        bits = (bits << 6 | (unsigned)(strchr(digits, *base64) - digits)) & 0xffff;
        if (count % 4 != 0) putc((int)(bits >> (6 - count % 4 * 2) & 0xff), file);
    }
    failed = ferror(file);
    return fclose(file) == 0 && !failed;
}

/* Fetches an address that is not the service's: "bare" sends nothing of ours along, least of all the key. */
static int fetch(const kuai_client *client, const char *url, const char *path)
{
    char operation[4096];
    kuai_request *request;
    kuai_result *result;
    int fetched;

    snprintf(operation, sizeof operation, "GET %s", url);
    request = kuai_request_new(operation, NULL, "{\"bare\":true}");
    kuai_request_save_to(request, path);
    result = kuai_send(client, request);
    fetched = kuai_result_status(result) == KUAI_OK && kuai_result_http_status(result) == 200; /* a 404 is no failure when bare */
    if (!fetched) fprintf(stderr, "HTTP %d: %s\n", (int)kuai_result_http_status(result), kuai_result_json(result));
    kuai_result_free(result);
    kuai_request_free(request);
    return fetched;
}

int main(int argc, char **argv)
{
    char *model = kuai_json_quote(argc > 1 ? argv[1] : "gpt-image-1");
    char *prompt = kuai_json_quote(argc > 2 ? argv[2] : "A white cat");
    const char *path = argc > 3 ? argv[3] : "image.png";
    char params[4096], *url, *base64;
    kuai_client *client = kuai_client_new(NULL);
    kuai_result *result;
    int saved;

    snprintf(params, sizeof params, "{\"model\":%s,\"prompt\":%s,\"size\":\"1024x1024\"}", model, prompt);
    result = kuai_call(client, "images.generate", params, NULL);
    url = kuai_json_get(kuai_result_json(result), "/data/0/url");
    base64 = kuai_json_get(kuai_result_json(result), "/data/0/b64_json");
    saved = url != NULL ? fetch(client, url, path) : base64 != NULL && write_decoded(base64, path);
    fprintf(saved ? stdout : stderr, "%s\n", saved ? path : kuai_result_json(result));

    kuai_string_free(base64);
    kuai_string_free(url);
    kuai_result_free(result);
    kuai_client_free(client);
    kuai_string_free(prompt);
    kuai_string_free(model);
    return saved ? 0 : 1;
}
