/*
 * A tool: the model asks the program to look the weather up, and answers with what it is given. The text is printed as
 * it comes.
 *
 *     cc tools.c -o tools $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./tools
 */
#include <kuai.h>
#include <stdio.h>
#include <string.h>

/* What get_weather does. What goes wrong is told to the model, which can then do better. */
static void get_weather(kuai_tools *tools)
{
    char *city = kuai_json_get(kuai_tools_arguments(tools), "/city"); /* NULL also when the arguments are no JSON */
    char result[200];

    if (city == NULL) {
        snprintf(result, sizeof result, "error: the argument city is missing");
    } else {
        snprintf(result, sizeof result, "%.50s: %d degrees, sunny", city, 15 + (int)strlen(city));
    }
    printf("%s -> %s\n", kuai_tools_arguments(tools), result);
    kuai_tools_give(tools, result);
    kuai_string_free(city);
}

int main(void)
{
    static const char request[] =
        "{\"model\":\"gpt-4o-mini\","
        "\"messages\":[{\"role\":\"user\",\"content\":\"What is the weather in Paris and Tokyo?\"}],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"The weather of now\","
        "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}}]}";
    kuai_client *client = kuai_client_new(NULL);
    kuai_tools *tools = kuai_tools_new(client, request, "{\"stream\":true,\"max_turns\":5}");
    kuai_status status;

    while ((status = kuai_tools_next(tools)) == KUAI_OK) {
        const char *name = kuai_tools_name(tools); /* "" when this step brought text */

        if (strcmp(name, "get_weather") == 0) {
            get_weather(tools);
        } else if (strcmp(name, "") != 0) {
            kuai_tools_give(tools, "error: there is no such tool");
        }
        fputs(kuai_tools_text(tools, NULL), stdout);
        fflush(stdout);
    }
    putchar('\n');
    if (status != KUAI_DONE) {
        fprintf(stderr, "%s\n", kuai_result_json(kuai_tools_result(tools)));
    }

    kuai_tools_free(tools);
    kuai_client_free(client);
    return status == KUAI_DONE ? 0 : 1;
}
