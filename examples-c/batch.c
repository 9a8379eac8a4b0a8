/*
 * Many questions as one batch: cheaper, and answered within a day. The batch is uploaded, waited for, and its answers are
 * there by the name of their question.
 *
 *     cc batch.c -o batch $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./batch
 */
#include <kuai.h>
#include <stdio.h>

#define ASK(name, question)                                              \
    "{\"custom_id\":\"" name "\",\"body\":{\"model\":\"gpt-4o-mini\"," \
    "\"messages\":[{\"role\":\"user\",\"content\":\"" question "\"}]}}"

static void show(const char *json, const char *label, const char *pointer)
{
    char *value = kuai_json_get(json, pointer);
    printf("%s: %s\n", label, value != NULL ? value : "-");
    kuai_string_free(value);
}

int main(void)
{
    kuai_client *client = kuai_client_new(NULL);
    kuai_job *job = kuai_job_batch(client, "[" ASK("sum", "1+100=") "," ASK("hello", "你好") "]",
                                   "{\"metadata\":{\"project\":\"example\"}}",
                                   "{\"interval_ms\":10000,\"longest_wait_ms\":86400000}");
    kuai_status status;
    const char *result;

    while ((status = kuai_job_next(job)) == KUAI_OK) {
        /* Worth keeping: with "resume" another run of the program goes on with it. */
        show(kuai_job_json(job), "status", "/batch/status");
        fflush(stdout);
    }

    result = kuai_result_json(kuai_job_result(job));
    if (status == KUAI_DONE) { /* also when the batch failed or expired: its status says so */
        show(result, "batch", "/batch/status");
        show(result, "sum", "/results/sum/choices/0/message/content");
        show(result, "hello", "/results/hello/choices/0/message/content");
        show(result, "errors", "/errors");
    } else {
        fprintf(stderr, "%s\n", result);
    }
    kuai_job_free(job);
    kuai_client_free(client);
    return status == KUAI_DONE ? 0 : 1;
}
