/*
 * A model of one's own: examples are uploaded, a fine-tuning job is made of them and waited for, and the model is asked.
 *
 *     cc fine_tune.c -o fine_tune $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./fine_tune
 */
#include <kuai.h>
#include <stdio.h>
#include <string.h>

#define EXAMPLE(question, answer)                                        \
    "{\"messages\":[{\"role\":\"user\",\"content\":\"" question "\"}," \
    "{\"role\":\"assistant\",\"content\":\"" answer "\"}]}\n"

/* One member of a call's answer, which the caller frees; NULL, and the failure told, when it went wrong. */
static char *member(kuai_result *result, const char *pointer)
{
    char *value = NULL;

    if (kuai_result_status(result) == KUAI_OK) {
        value = kuai_json_get(kuai_result_json(result), pointer);
    } else {
        fprintf(stderr, "%s\n", kuai_result_json(result));
    }
    kuai_result_free(result);
    return value;
}

int main(void)
{
    static const char lines[] = EXAMPLE("1+1=", "2, of course.") EXAMPLE("1+2=", "3, of course.") EXAMPLE("2+2=", "4, of course.");
    char params[500];
    kuai_client *client = kuai_client_new(NULL);
    kuai_request *upload = kuai_request_new("files.create", "{\"purpose\":\"fine-tune\"}", NULL);
    kuai_status status;
    kuai_job *job;
    char *file, *id, *model;

    kuai_request_file(upload, "file", "training.jsonl", NULL, lines, strlen(lines));
    file = member(kuai_send(client, upload), "/id");
    kuai_request_free(upload);

    snprintf(params, sizeof params, "{\"model\":\"gpt-4o-mini\",\"training_file\":\"%s\"}", file != NULL ? file : "");
    id = member(kuai_call(client, "fine_tuning.jobs.create", params, NULL), "/id");

    snprintf(params, sizeof params, "{\"fine_tuning_job_id\":\"%s\"}", id != NULL ? id : "");
    job = kuai_job_wait(client, "fine_tuning.jobs.retrieve", params, "{\"interval_ms\":10000}");
    while ((status = kuai_job_next(job)) == KUAI_OK) {
        char *state = kuai_json_get(kuai_job_json(job), "/status");
        printf("%s\n", state != NULL ? state : "?");
        fflush(stdout);
        kuai_string_free(state);
    }

    /* There is a model when it "succeeded"; "failed" and "cancelled" are ends too. */
    model = kuai_json_get(kuai_job_json(job), "/fine_tuned_model");
    snprintf(params, sizeof params, "{\"model\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}", model != NULL ? model : "");
    printf("model: %s\n", model != NULL ? model : kuai_result_json(kuai_job_result(job)));
    if (status == KUAI_DONE && model != NULL) {
        char *answer = member(kuai_call(client, "chat.completions.create", params, NULL), "/choices/0/message/content");
        printf("%s\n", answer != NULL ? answer : "no answer");
        kuai_string_free(answer);
    }
    kuai_string_free(file);
    kuai_string_free(id);
    kuai_string_free(model);
    kuai_job_free(job);
    kuai_client_free(client);
    return status == KUAI_DONE ? 0 : 1;
}
