/*
 * The smallest program: one question, one answer. A failure comes back the same way, with a document that says why.
 *
 *     cc hello.c -o hello $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./hello
 *
 * Without an installed library: `make examples` builds this and its neighbours into examples-c/bin.
 */
#include <kuai.h>
#include <stdio.h>

int main(void)
{
    kuai_client *client = kuai_client_new(NULL); /* key and address from the environment */
    kuai_result *result = kuai_call(client, "chat.completions.create",
                                    "{\"model\":\"gpt-4o-mini\","
                                    "\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}",
                                    NULL);
    kuai_status status = kuai_result_status(result);

    if (status == KUAI_OK) {
        printf("%s\n", kuai_result_text(result, NULL));
    } else {
        fprintf(stderr, "%s\n", kuai_result_json(result));
    }

    kuai_result_free(result);
    kuai_client_free(client);
    return status == KUAI_OK ? 0 : 1;
}
