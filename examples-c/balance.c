/*
 * What is left on the account: an operation of the gateway's own, called by its method and path.
 *
 *     cc balance.c -o balance $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./balance
 */
#include <kuai.h>
#include <stdio.h>

int main(void)
{
    kuai_client *client = kuai_client_new(NULL);
    kuai_result *result = kuai_call(client, "POST /dashboard/billing/credit_grants", NULL, NULL);
    /* A text, and better left one: money does not fit into a double. */
    char *amount = kuai_json_get(kuai_result_json(result), "/grants/available_amount");

    if (amount != NULL) {
        printf("available: %s\n", amount);
    } else { /* an error, or a service that knows no such thing */
        fprintf(stderr, "%s\n", kuai_result_json(result));
    }

    kuai_string_free(amount);
    kuai_result_free(result);
    kuai_client_free(client);
    return amount != NULL ? 0 : 1;
}
