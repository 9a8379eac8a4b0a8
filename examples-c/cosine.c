/*
 * Search by meaning: of several texts, the one whose embedding lies nearest to the question's. Near is what has a large
 * cosine: 1 is the same direction, and what has nothing to do with the question is about 0.
 *
 *     cc cosine.c -o cosine $(pkg-config --cflags --libs kuai) -lm
 *     KUAI_API_KEY=sk-... ./cosine "When can I visit you?"
 */
#include <kuai.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXTS "\"We are open from nine to five.\",\"A return is free within 30 days.\",\"我们支持微信支付。\""
enum { COUNT = 3 };

/* The cosine of two vectors, "[0.1,-0.2,…]", read side by side. (strtod wants the decimal point: no other locale than "C".) */
static double cosine(const char *a, const char *b)
{
    double ab = 0, aa = 0, bb = 0;

    while (a != NULL && b != NULL && (*a == '[' || *a == ',') && (*b == '[' || *b == ',')) {
        char *after_a, *after_b;
        double x = strtod(a + 1, &after_a), y = strtod(b + 1, &after_b);
        if (after_a == a + 1 || after_b == b + 1) break; /* "[]" */
        ab += x * y;
        aa += x * x;
        bb += y * y;
        a = after_a;
        b = after_b;
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

int main(int argc, char **argv)
{
    char params[4096], pointer[40], *asked = kuai_json_quote(argc > 1 ? argv[1] : "When can I visit you?");
    kuai_client *client = kuai_client_new(NULL);
    kuai_result *result;
    kuai_status status;
    int i, nearest = 1;
    double cosines[COUNT + 1];

    snprintf(params, sizeof params, "{\"model\":\"text-embedding-3-small\",\"input\":[%s," TEXTS "]}", asked);
    result = kuai_call(client, "embeddings.create", params, NULL); /* one call for all */
    status = kuai_result_status(result);

    if (status == KUAI_OK) {
        char *question = kuai_json_get(kuai_result_json(result), "/data/0/embedding"), *text;
        for (i = 1; i <= COUNT; i++) {
            char *vector;
            snprintf(pointer, sizeof pointer, "/data/%d/embedding", i);
            vector = kuai_json_get(kuai_result_json(result), pointer);
            cosines[i] = cosine(question, vector);
            if (cosines[i] > cosines[nearest]) nearest = i;
            kuai_string_free(vector);
        }
        snprintf(pointer, sizeof pointer, "/input/%d", nearest);
        text = kuai_json_get(params, pointer);
        printf("%s (%.3f)\n", text, cosines[nearest]);
        kuai_string_free(text);
        kuai_string_free(question);
    } else {
        fprintf(stderr, "%s\n", kuai_result_json(result));
    }

    kuai_result_free(result);
    kuai_client_free(client);
    kuai_string_free(asked);
    return status == KUAI_OK ? 0 : 1;
}
