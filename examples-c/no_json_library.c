/*
 * Without a JSON library: kuai_json_quote makes a string safe to put into a request, kuai_json_get takes values out
 * of an answer by their JSON pointer, and kuai_text_copy fits a text into a field of fixed size.
 *
 *     cc no_json_library.c -o no_json_library $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./no_json_library '"quotes" and \ backslashes'
 */
#include <kuai.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    static const char form[] = "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":%s}]}";
    static const char *const pointers[] = {"/choices/0/message/role", "/choices/0/finish_reason", "/usage/total_tokens", "/usage",
                                           "/no/such/member"};
    char *quoted = kuai_json_quote(argc > 1 ? argv[1] : "Say \"1+100=\"\nand nothing else");
    size_t size = sizeof form + strlen(quoted);
    char *request = malloc(size);
    kuai_client *client = kuai_client_new(NULL);
    char *answer = NULL, *text;
    char field[16];
    size_t i, needed;
    kuai_status status = KUAI_INTERNAL;

    if (request != NULL) {
        snprintf(request, size, form, quoted);
        answer = kuai_chat_complete(client, request, &status);
        printf("asked: %s\n", quoted);
        for (i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
            char *value = kuai_json_get(answer, pointers[i]); /* NULL: there is no such value */
            printf("%s: %s\n", pointers[i], value != NULL ? value : "absent");
            kuai_string_free(value);
        }

        text = kuai_json_get(answer, status == KUAI_OK ? "/choices/0/message/content" : "/error/message");
        needed = kuai_text_copy(text, field, sizeof field); /* always NUL-terminated */
        printf("in %d bytes: %s%s\n", (int)sizeof field, field, needed > sizeof field ? " (cut)" : "");
        kuai_string_free(text);
    }

    kuai_string_free(answer);
    kuai_client_free(client);
    free(request);
    kuai_string_free(quoted);
    return status == KUAI_OK ? 0 : 1;
}
