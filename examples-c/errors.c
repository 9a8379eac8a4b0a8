/*
 * Failures: a status to branch on, and a document that says everything else. Retries happen inside the call.
 *
 *     cc errors.c -o errors $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./errors
 *
 * The models named here exist on the stand-in service, which fails on demand; a real service will not know them.
 */
#include <kuai.h>
#include <stdio.h>

static void show(const char *document, const char *label, const char *pointer)
{
    char *value = kuai_json_get(document, pointer);
    printf("  %-14s %s\n", label, value != NULL ? value : "-");
    kuai_string_free(value);
}

static void ask(const kuai_client *client, const char *model)
{
    char request[200];
    char *answer;
    kuai_status status;

    snprintf(request, sizeof request, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}", model);
    answer = kuai_chat_complete(client, request, &status);
    printf("%s: %d %s\n", model, (int)status, kuai_status_name(status));

    switch (status) {
    case KUAI_OK: /* perhaps at the second attempt */
        show(answer, "content", "/choices/0/message/content");
        break;
    case KUAI_RATE_LIMITED: /* still, after the retries: the caller may wait and ask again */
        show(answer, "retry_after_ms", "/error/retry_after_ms");
        /* fall through */
    default: /* every status below zero is a failure, also one that this program does not know */
        show(answer, "message", "/error/message");
        show(answer, "http_status", "/error/http_status");
        show(answer, "attempts", "/error/attempts");
    }
    kuai_string_free(answer);
}

int main(void)
{
    static const char *const models[] = {"error-once-503", "error-429", "error-500", "error-html", "error-code-msg"};
    kuai_client *client = kuai_client_new("{\"max_retries\":1,\"max_retry_after_ms\":2000}");
    size_t i;

    if (kuai_client_error(client) != NULL) { /* no key, a wrong address: known before anything is sent */
        fprintf(stderr, "%s\n", kuai_client_error(client));
    }
    for (i = 0; i < sizeof models / sizeof models[0]; i++) {
        ask(client, models[i]);
    }
    kuai_client_free(client);
    return 0;
}
