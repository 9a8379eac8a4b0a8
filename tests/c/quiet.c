/*
 * Uses the library between two marks that a trace of system calls shows:  quiet CA_FILE HTTPS_BASE_URL
 * What lies between them is what the library does to its process.
 */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <unistd.h>

static void mark(const char *name)
{
    CHECK(access(name, F_OK) != 0);
}

static void use(const char *config)
{
    static const char QUESTION[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}";
    static const char WRONG[] = "{\"model\":\"error-404\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}";
    kuai_client *client = kuai_client_new(config);
    kuai_stream *stream;
    kuai_status status;
    char *answer;

    CHECK(kuai_client_error(client) == NULL);
    answer = kuai_chat_complete(client, QUESTION, &status);
    CHECK(status == KUAI_OK);
    kuai_string_free(answer);
    stream = kuai_chat_stream(client, QUESTION);
    while (kuai_stream_next(stream) == KUAI_OK)
        ;
    CHECK(kuai_result_status(kuai_stream_result(stream)) == KUAI_OK);
    kuai_stream_free(stream);
    answer = kuai_chat_complete(client, WRONG, &status);
    CHECK(status == KUAI_NOT_FOUND);
    kuai_string_free(answer);
    answer = kuai_chat_complete(client, "{", &status);
    CHECK(status == KUAI_INVALID_ARGUMENT);
    kuai_string_free(answer);
    kuai_client_free(client);
}

int main(int count, char **arguments)
{
    char config[1024];
    CHECK(count == 3);
    sprintf(config, "{\"base_url\":\"%.400s\",\"ca_file\":\"%.400s\",\"api_key\":\"sk-test\"}", arguments[2], arguments[1]);
    mark("/the-library-begins");
    use(NULL);
    use(config);
    mark("/the-library-ends");
    puts("used");
    return 0;
}
