/*
 * An answer with fields: a JSON schema in the request, and the text of the answer is JSON of that form.
 *
 *     cc structured_output.c -o structured_output $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./structured_output "Where is the Louvre?"
 */
#include <kuai.h>
#include <stdio.h>

static const char schema[] = "{\"type\":\"object\",\"properties\":{"
                             "\"city\":{\"type\":\"string\"},"
                             "\"continent\":{\"type\":\"string\",\"enum\":[\"Europe\",\"Asia\",\"Africa\",\"elsewhere\"]},"
                             "\"population\":{\"type\":\"integer\"},"
                             "\"capital\":{\"type\":\"boolean\"}},"
                             "\"required\":[\"city\",\"continent\",\"population\",\"capital\"],\"additionalProperties\":false}";

/* Prints a field; false when there is none. */
static int show(const char *json, const char *label, const char *pointer)
{
    char *value = kuai_json_get(json, pointer); /* a string decoded, a number or true or false as JSON has it */
    int found = value != NULL;

    if (found) printf("%s: %s\n", label, value);
    kuai_string_free(value);
    return found;
}

int main(int argc, char **argv)
{
    char request[4096];
    char *question = kuai_json_quote(argc > 1 ? argv[1] : "Where is the Louvre?");
    kuai_client *client = kuai_client_new(NULL);
    kuai_result *result;
    const char *text;
    int complete;

    snprintf(request, sizeof request,
             "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":%s}],"
             "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"place\",\"strict\":true,\"schema\":%s}}}",
             question, schema);
    result = kuai_call(client, "chat.completions.create", request, NULL);

    text = kuai_result_text(result, NULL); /* "" when the call failed */
    complete = show(text, "city", "/city") && show(text, "continent", "/continent") &&
               show(text, "population", "/population") && show(text, "capital", "/capital");
    if (!complete) { /* an error; or the model refused, or had no room left: refusal and finish_reason tell */
        fprintf(stderr, "%s\n", kuai_result_json(result));
    }

    kuai_result_free(result);
    kuai_client_free(client);
    kuai_string_free(question);
    return complete ? 0 : 1;
}
