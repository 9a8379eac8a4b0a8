/*
 * A list, item by item: the models, or any other list of the API. Long lists come in pages, which are fetched as they
 * are needed; the loop is the same for one page and for a thousand.
 *
 *     cc models.c -o models $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./models
 *     KUAI_API_KEY=sk-... ./models fine_tuning.jobs.list '{"limit":50}'
 */
#include <kuai.h>
#include <stdio.h>

static void print_item(const char *json)
{
    char *id = kuai_json_get(json, "/id");

    puts(id != NULL ? id : json);
    kuai_string_free(id);
}

int main(int argc, char **argv)
{
    const char *operation = argc > 1 ? argv[1] : "models.list";
    const char *params = argc > 2 ? argv[2] : NULL; /* "limit" is the size of a page, not of the list */
    kuai_client *client = kuai_client_new(NULL);
    kuai_pages *pages = kuai_pages_open(client, operation, params, NULL);
    kuai_status status;
    int count = 0;

    while ((status = kuai_pages_next(pages)) == KUAI_OK) {
        print_item(kuai_pages_json(pages));
        count++;
    }
    printf("%d in all\n", count);
    if (status != KUAI_DONE) { /* what came before is good, but it is not everything */
        fprintf(stderr, "%s\n", kuai_result_json(kuai_pages_result(pages)));
    }

    kuai_pages_free(pages);
    kuai_client_free(client);
    return status == KUAI_DONE ? 0 : 1;
}
