/*
 * A conversation: the service remembers nothing, so the program sends the whole history each time.
 * Reads one question a line, until the end of the input.
 *
 *     cc conversation.c -o conversation $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./conversation
 */
#include <kuai.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Appends {"role":…,"content":…} to the comma-separated list. */
static char *add_message(char *history, const char *role, const char *content)
{
    char *quoted = kuai_json_quote(content);
    size_t old = strlen(history);
    size_t size = old + strlen(role) + strlen(quoted) + sizeof ",{\"role\":\"\",\"content\":}";
    char *longer = realloc(history, size);

    if (longer == NULL) abort();
    snprintf(longer + old, size - old, "%s{\"role\":\"%s\",\"content\":%s}", old > 0 ? "," : "", role, quoted);
    kuai_string_free(quoted);
    return longer;
}

int main(void)
{
    static const char form[] = "{\"model\":\"gpt-4o-mini\",\"messages\":[%s]}";
    kuai_client *client = kuai_client_new(NULL);
    char *history = calloc(1, 1);
    char line[4096];
    kuai_status status = KUAI_OK;

    if (history == NULL) abort();
    while (status == KUAI_OK && fgets(line, sizeof line, stdin) != NULL) {
        char *request, *answer, *text;
        size_t size;

        line[strcspn(line, "\r\n")] = '\0';
        history = add_message(history, "user", line);

        size = sizeof form + strlen(history);
        request = malloc(size);
        if (request == NULL) abort();
        snprintf(request, size, form, history);

        answer = kuai_chat_complete(client, request, &status);
        text = kuai_json_get(answer, status == KUAI_OK ? "/choices/0/message/content" : "/error/message");
        printf("> %s\n%s\n", line, text != NULL ? text : answer);
        if (status == KUAI_OK && text != NULL) {
            history = add_message(history, "assistant", text);
        }
        kuai_string_free(text);
        kuai_string_free(answer);
        free(request);
    }

    free(history);
    kuai_client_free(client);
    return status == KUAI_OK ? 0 : 1;
}
