/*
 * An assistant: it is made, a thread is begun, a run answers it, and what was said is read from the thread.
 *
 *     cc assistants.c -o assistants $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./assistants
 */
#include <kuai.h>
#include <stdio.h>

/* Calls an operation and takes a text out of its answer; "" when either fails. */
static void call(const kuai_client *client, const char *operation, const char *params, const char *pointer, char *text, size_t size)
{
    kuai_result *result = kuai_call(client, operation, params, NULL);
    char *found = kuai_json_get(kuai_result_json(result), pointer);

    if (kuai_result_status(result) != KUAI_OK) {
        fprintf(stderr, "%s: %s\n", operation, kuai_result_json(result));
    }
    kuai_text_copy(found, text, size);
    kuai_string_free(found);
    kuai_result_free(result);
}

int main(void)
{
    char assistant[100], thread[100], run[100], said[1000], params[400];
    kuai_client *client = kuai_client_new(NULL);
    kuai_status status;
    kuai_job *job;

    call(client, "beta.assistants.create", "{\"model\":\"gpt-4o-mini\",\"instructions\":\"You do sums.\"}", "/id", assistant, sizeof assistant);
    call(client, "beta.threads.create", "{\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}", "/id", thread, sizeof thread);
    snprintf(params, sizeof params, "{\"thread_id\":\"%s\",\"assistant_id\":\"%s\"}", thread, assistant);
    call(client, "beta.threads.runs.create", params, "/id", run, sizeof run);

    snprintf(params, sizeof params, "{\"thread_id\":\"%s\",\"run_id\":\"%s\"}", thread, run);
    job = kuai_job_wait(client, "beta.threads.runs.retrieve", params, "{\"longest_wait_ms\":600000}");
    do {
        status = kuai_job_next(job);
        if (status >= 0) { /* "requires_action" is an end too: then it is the program's turn */
            char *state = kuai_json_get(kuai_job_json(job), "/status");
            printf("run: %s\n", state != NULL ? state : "?");
            kuai_string_free(state);
        }
    } while (status == KUAI_OK);
    if (status < 0) {
        fprintf(stderr, "%s\n", kuai_result_json(kuai_job_result(job)));
    }
    kuai_job_free(job);

    /* The newest message comes first. */
    snprintf(params, sizeof params, "{\"thread_id\":\"%s\",\"limit\":1}", thread);
    call(client, "beta.threads.messages.list", params, "/data/0/content/0/text/value", said, sizeof said);
    puts(said);

    snprintf(params, sizeof params, "{\"assistant_id\":\"%s\"}", assistant);
    call(client, "beta.assistants.delete", params, "/deleted", said, sizeof said);
    kuai_client_free(client);
    return status == KUAI_DONE ? 0 : 1;
}
