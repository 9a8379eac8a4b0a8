/* The log is pulled from another thread while calls run; each attempt has one line, and the times are those of the results. */
#include "check.h"
#include <pthread.h>

#define THREADS 4
#define CALLS 25

static const char QUESTION[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}";
static const char WRONG[] = "{\"model\":\"error-404\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}";

static void *ask(void *client)
{
    int i;
    for (i = 0; i < CALLS; i++) {
        kuai_result *result = kuai_call(client, "chat.completions.create", i % 5 ? QUESTION : WRONG, NULL);
        char *wait = kuai_json_get(kuai_result_times(result), "/wait_us");
        CHECK(wait != NULL && atol(wait) > 0);
        kuai_string_free(wait);
        kuai_result_free(result);
    }
    return NULL;
}

/* How many lines there were, and how many of them tell of a failure. */
static void count(const kuai_client *client, int *lines, int *failures)
{
    char *log = kuai_client_log(client), *line, *end;
    for (line = log; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        char *status, *path;
        *end = '\0';
        status = kuai_json_get(line, "/status");
        path = kuai_json_get(line, "/path");
        CHECK(status != NULL && path != NULL && strcmp(path, "/v1/chat/completions") == 0);
        CHECK(strstr(line, "sk-test") == NULL && strstr(line, "1+100") == NULL);
        ++*lines;
        *failures += strcmp(status, "not_found") == 0;
        kuai_string_free(status);
        kuai_string_free(path);
    }
    kuai_string_free(log);
}

int main(void)
{
    kuai_client *client = kuai_client_new("{\"log\":\"info\"}");
    kuai_client *silent = kuai_client_new(NULL);
    kuai_client *wrong = kuai_client_new("{\"log\":\"loud\"}");
    pthread_t threads[THREADS];
    int i, lines = 0, failures = 0, none = 0;

    CHECK(kuai_client_error(client) == NULL);
    CHECK(strstr(kuai_client_error(wrong), "\\\"debug\\\"") != NULL);
    count(wrong, &none, &none);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, ask, client) == 0);
    for (i = 0; i < 50; i++)
        count(client, &lines, &failures);
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    count(client, &lines, &failures);
    CHECK(lines == THREADS * CALLS && failures == THREADS * CALLS / 5);
    ask(silent);
    count(silent, &none, &none);
    CHECK(none == 0);
    kuai_client_free(wrong);
    kuai_client_free(silent);
    kuai_client_free(client);
    printf("%d lines\n", lines);
    return 0;
}
