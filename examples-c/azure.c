/*
 * The same calls to Azure: there a model is a deployment of one's own, and a part of the address. The configuration says
 * so once; the calls stay as they are.
 *
 *     cc azure.c -o azure $(pkg-config --cflags --libs kuai)
 *     AZURE_OPENAI_ENDPOINT=https://NAME.openai.azure.com AZURE_OPENAI_API_KEY=... ./azure DEPLOYMENT
 */
#include <kuai.h>
#include <stdio.h>
#include <stdlib.h>

static const char api_version[] = "2024-10-21";

int main(int argc, char **argv)
{
    const char *deployment = argc > 1 ? argv[1] : "gpt-4o-mini";
    const char *endpoint = getenv("AZURE_OPENAI_ENDPOINT");
    char config[4096];
    char *quoted_endpoint = kuai_json_quote(endpoint);
    char *quoted_key = kuai_json_quote(getenv("AZURE_OPENAI_API_KEY"));
    char *quoted_deployment = kuai_json_quote(deployment);
    kuai_client *client;
    kuai_result *result;
    kuai_status status;

    snprintf(config, sizeof config, "{\"base_url\":%s,\"api_key\":%s,\"azure\":{\"deployment\":%s,\"api_version\":\"%s\"}}",
             quoted_endpoint, quoted_key, quoted_deployment, api_version);
    client = kuai_client_new(config);
    printf("POST %s/openai/deployments/%s/chat/completions?api-version=%s\n", endpoint != NULL ? endpoint : "", deployment,
           api_version);

    result = kuai_call(client, "chat.completions.create", "{\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}", NULL);
    status = kuai_result_status(result);
    if (status == KUAI_OK) {
        printf("%s\n", kuai_result_text(result, NULL));
    } else {
        fprintf(stderr, "%s\n", kuai_result_json(result));
    }

    kuai_result_free(result);
    kuai_client_free(client);
    kuai_string_free(quoted_deployment);
    kuai_string_free(quoted_key);
    kuai_string_free(quoted_endpoint);
    return status == KUAI_OK ? 0 : 1;
}
