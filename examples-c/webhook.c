/*
 * A webhook's receiver, as a CGI program: it believes an event only when its signature is right and it is of this time.
 *
 *     cc webhook.c -o webhook.cgi $(pkg-config --cflags --libs kuai)
 *
 * The web server runs it for each POST, with the body on standard input and the headers in the environment, and with the
 * secret that the service gave in OPENAI_WEBHOOK_SECRET.
 */
#include <kuai.h>
#include <stdio.h>
#include <stdlib.h>

/* {"webhook-id":"…",…} of the headers that count. */
static void headers(char *json, size_t size)
{
    char *id = kuai_json_quote(getenv("HTTP_WEBHOOK_ID")); /* NULL becomes "" */
    char *timestamp = kuai_json_quote(getenv("HTTP_WEBHOOK_TIMESTAMP"));
    char *signature = kuai_json_quote(getenv("HTTP_WEBHOOK_SIGNATURE"));

    snprintf(json, size, "{\"webhook-id\":%s,\"webhook-timestamp\":%s,\"webhook-signature\":%s}", id, timestamp, signature);
    kuai_string_free(id);
    kuai_string_free(timestamp);
    kuai_string_free(signature);
}

int main(void)
{
    static char body[1024 * 1024 + 1]; /* a longer one is cut, and then its signature is wrong */
    size_t size = fread(body, 1, sizeof body - 1, stdin);
    char json[4096];
    kuai_status status;

    headers(json, sizeof json);
    status = kuai_webhook_verify(getenv("OPENAI_WEBHOOK_SECRET"), json, body, size, 300);

    if (status == KUAI_OK) { /* only now may it be looked into */
        char *type = kuai_json_get(body, "/type"), *id = kuai_json_get(body, "/data/id");
        fprintf(stderr, "%s of %s\n", type != NULL ? type : "?", id != NULL ? id : "?"); /* into the server's log */
        kuai_string_free(type);
        kuai_string_free(id);
        printf("Status: 204 No Content\r\n\r\n"); /* and quickly: work that takes long is for afterwards */
    } else {
        fprintf(stderr, "webhook refused: %s\n", kuai_status_name(status));
        printf("Status: %s\r\n\r\n", status == KUAI_INVALID_ARGUMENT ? "500 Internal Server Error" : "400 Bad Request");
    }
    return 0;
}
