/*
 * Any operation by its name: kuai_call takes the names that the official SDKs use. Here: embeddings, and how close
 * two words are.
 *
 *     cc embeddings.c -o embeddings $(pkg-config --cflags --libs kuai) -lm
 *     KUAI_API_KEY=sk-... ./embeddings
 */
#include <kuai.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LARGEST = 4096 };

/* Reads "[0.1,-0.2,…]"; returns how many numbers there were. */
static int read_vector(const char *json, double *numbers)
{
    int count = 0;

    while (json != NULL && (*json == '[' || *json == ',') && count < LARGEST) {
        char *after;
        numbers[count] = strtod(json + 1, &after);
        if (after == json + 1) break; /* "[]" */
        count++;
        json = after;
    }
    return count;
}

static double cosine(const double *a, const double *b, int count)
{
    double ab = 0, aa = 0, bb = 0;
    int i;

    for (i = 0; i < count; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

int main(void)
{
    static double cat[LARGEST], mao[LARGEST];
    kuai_client *client = kuai_client_new(NULL);
    kuai_result *result = kuai_call(client, "embeddings.create",
                                    "{\"model\":\"text-embedding-3-small\",\"input\":[\"cat\",\"猫\"]}", NULL);
    kuai_status status = kuai_result_status(result);

    if (status == KUAI_OK) {
        char *first = kuai_json_get(kuai_result_json(result), "/data/0/embedding");
        char *second = kuai_json_get(kuai_result_json(result), "/data/1/embedding");
        int count = read_vector(first, cat);
        if (count > 0 && read_vector(second, mao) == count) {
            printf("dimensions: %d\ncat ~ 猫: %.3f\n", count, cosine(cat, mao, count));
        }
        kuai_string_free(first);
        kuai_string_free(second);
    } else {
        fprintf(stderr, "%s\n", kuai_result_json(result));
    }

    kuai_result_free(result);
    kuai_client_free(client);
    return status == KUAI_OK ? 0 : 1;
}
