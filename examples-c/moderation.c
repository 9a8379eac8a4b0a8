/*
 * What must not be published: each text is flagged or not, with the kinds of harm that were found and how sure that is.
 *
 *     cc moderation.c -o moderation $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./moderation "I will kill you"
 */
#include <kuai.h>
#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {"harassment", "hate", "illicit", "self-harm", "sexual", "violence"};

int main(int argc, char **argv)
{
    char params[8192];
    char *text = kuai_json_quote(argc > 1 ? argv[1] : "I will kill you");
    kuai_client *client = kuai_client_new(NULL);
    kuai_result *result;
    kuai_status status;

    snprintf(params, sizeof params, "{\"model\":\"omni-moderation-latest\",\"input\":%s}", text);
    result = kuai_call(client, "moderations.create", params, NULL);
    status = kuai_result_status(result);

    if (status == KUAI_OK) {
        char *flagged = kuai_json_get(kuai_result_json(result), "/results/0/flagged");
        size_t i;

        printf("%s\n", flagged != NULL && strcmp(flagged, "true") == 0 ? "flagged" : "harmless");
        for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
            char pointer[80], *found, *score;
            snprintf(pointer, sizeof pointer, "/results/0/categories/%s", kinds[i]);
            found = kuai_json_get(kuai_result_json(result), pointer);
            snprintf(pointer, sizeof pointer, "/results/0/category_scores/%s", kinds[i]);
            score = kuai_json_get(kuai_result_json(result), pointer);
            if (found != NULL && strcmp(found, "true") == 0) {
                printf("  %s: %s\n", kinds[i], score != NULL ? score : "?");
            }
            kuai_string_free(score);
            kuai_string_free(found);
        }
        kuai_string_free(flagged);
    } else {
        fprintf(stderr, "%s\n", kuai_result_json(result));
    }

    kuai_result_free(result);
    kuai_client_free(client);
    kuai_string_free(text);
    return status == KUAI_OK ? 0 : 1;
}
