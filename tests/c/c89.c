/*
 * Every function once, from strict C89, against the stand-in service: what a caller with an old compiler gets.
 */
#include "check.h"

#define QUESTION "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}"

static void the_main_job(const kuai_client *client)
{
    kuai_status status = KUAI_INTERNAL;
    char *answer = kuai_chat_complete(client, QUESTION, &status);
    char *text = kuai_json_get(answer, "/choices/0/message/content");

    CHECK(status == KUAI_OK);
    CHECK(strcmp(text, "1+100=101") == 0);
    kuai_string_free(text);
    kuai_string_free(answer);
}

static void events_of_a_stream(const kuai_client *client)
{
    char joined[100] = "";
    size_t size;
    kuai_status status;
    kuai_stream *stream = kuai_chat_stream(client, QUESTION);
    const kuai_result *whole;

    while ((status = kuai_stream_next(stream)) == KUAI_OK) {
        const char *text = kuai_stream_text(stream, &size);
        CHECK(strlen(text) == size);
        CHECK(kuai_stream_json(stream)[0] == '{');
        CHECK(strcmp(kuai_stream_event(stream), "") == 0);
        CHECK(strlen(joined) + size < sizeof joined);
        strcat(joined, text);
    }
    CHECK(status == KUAI_DONE);
    CHECK(strcmp(joined, "1+100=101") == 0);

    whole = kuai_stream_result(stream);
    CHECK(kuai_result_status(whole) == KUAI_OK);
    CHECK(strcmp(kuai_result_text(whole, &size), "1+100=101") == 0 && size == 9);
    CHECK(HOLDS(kuai_result_json(whole), "chat.completion\""));
    CHECK(kuai_stream_next(stream) == KUAI_DONE);
    kuai_stream_free(stream);
}

static void bytes_of_a_stream(const kuai_client *client)
{
    char bytes[4096];
    size_t all = 0, got;
    kuai_status status;
    kuai_request *request = kuai_request_new("POST /chat/completions", QUESTION, NULL);
    kuai_stream *stream = kuai_open(client, request);

    while ((status = kuai_stream_read(stream, bytes + all, sizeof bytes - 1 - all, &got)) == KUAI_OK) {
        all += got;
    }
    bytes[all] = '\0';
    CHECK(status == KUAI_DONE);
    CHECK(HOLDS(bytes, "data: {") && HOLDS(bytes, "data: [DONE]"));
    kuai_stream_free(stream);
    kuai_request_free(request);
}

static void a_call_and_its_result(const kuai_client *client)
{
    kuai_result *result = kuai_call(client, "chat.completions.create", QUESTION, "{\"timeout_ms\":10000}");
    size_t size;

    CHECK(kuai_result_status(result) == KUAI_OK);
    CHECK(kuai_result_http_status(result) == 200);
    CHECK(HOLDS(kuai_result_json(result), "1+100=101"));
    CHECK(strcmp(kuai_result_text(result, NULL), "1+100=101") == 0);
    CHECK(kuai_result_body(result, &size) != NULL && size == kuai_result_body_size(result));
    CHECK(HOLDS(kuai_result_header(result, "CONTENT-type"), "application/json"));
    CHECK(kuai_result_header(result, "x-no-such-header") == NULL);
    CHECK(HOLDS(kuai_result_headers(result), "[[\""));
    CHECK(HOLDS(kuai_result_times(result), "\"wait_us\":"));
    kuai_result_free(result);
}

static void a_request_in_steps(const kuai_client *client, const char *scratch)
{
    kuai_cancel *cancel = kuai_cancel_new();
    kuai_request *request = kuai_request_new("POST /chat/completions", NULL, NULL);
    kuai_result *result;
    FILE *saved;
    char start[2] = "";

    CHECK(kuai_request_body(request, "application/json", QUESTION, strlen(QUESTION)) == KUAI_OK);
    CHECK(kuai_request_save_to(request, scratch) == KUAI_OK);
    CHECK(kuai_request_cancel_with(request, cancel) == KUAI_OK);
    result = kuai_send(client, request);
    CHECK(kuai_result_status(result) == KUAI_OK);
    kuai_result_free(result);

    saved = fopen(scratch, "rb");
    CHECK(saved != NULL && fread(start, 1, 1, saved) == 1 && start[0] == '{');
    fclose(saved);

    kuai_cancel_trigger(cancel);
    result = kuai_send(client, request);
    CHECK(kuai_result_status(result) == KUAI_CANCELLED);
    kuai_result_free(result);
    kuai_request_free(request);
    kuai_cancel_free(cancel);
    remove(scratch);
}

static void a_form_with_files(const kuai_client *client, const char *existing)
{
    static const char bytes[] = {'R', 'I', 'F', 'F', 0, 1, 2, 3};
    kuai_request *request = kuai_request_new("POST /audio/translations", "{\"model\":\"whisper-1\"}", NULL);
    kuai_result *result;

    CHECK(kuai_request_file(request, "file", "a.wav", "audio/wav", bytes, sizeof bytes) == KUAI_OK);
    CHECK(kuai_request_file_path(request, "second", existing) == KUAI_OK);
    result = kuai_send(client, request); /* the stand-in has no such path, but the form has to get there */
    CHECK(kuai_result_status(result) == KUAI_NOT_FOUND);
    CHECK(kuai_result_http_status(result) == 404);
    kuai_result_free(result);
    kuai_request_free(request);
}

static void a_list_over_pages(const kuai_client *client)
{
    kuai_cancel *cancel = kuai_cancel_new();
    kuai_pages *pages = kuai_pages_open(client, "models.list", "{\"limit\":2}", NULL);
    kuai_status status;
    int count = 0;

    CHECK(strcmp(kuai_pages_json(pages), "") == 0);
    CHECK(kuai_pages_cancel_with(pages, cancel) == KUAI_OK);
    while ((status = kuai_pages_next(pages)) == KUAI_OK) {
        CHECK(HOLDS(kuai_result_json(kuai_pages_result(pages)), kuai_pages_json(pages)));
        count++;
    }
    CHECK(status == KUAI_DONE && kuai_pages_next(pages) == KUAI_DONE);
    CHECK(count == 5 && strcmp(kuai_pages_json(pages), "") == 0);
    kuai_pages_free(pages);

    pages = kuai_pages_open(client, "models.list", NULL, NULL);
    kuai_cancel_trigger(cancel);
    CHECK(kuai_pages_cancel_with(pages, cancel) == KUAI_OK);
    CHECK(kuai_pages_next(pages) == KUAI_CANCELLED);
    CHECK(HOLDS(kuai_result_json(kuai_pages_result(pages)), "cancelled"));
    kuai_pages_free(pages);
    kuai_cancel_free(cancel);
}

static void a_conversation_with_tools(const kuai_client *client)
{
    static const char request[] =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"How is the weather in Paris?\"}],\"tools\":[{\"type\":\"function\","
        "\"function\":{\"name\":\"weather\",\"parameters\":{\"properties\":{\"city\":{\"type\":\"string\"}}}}}]}";
    kuai_cancel *cancel = kuai_cancel_new();
    kuai_tools *tools = kuai_tools_new(client, request, "{\"max_turns\":2}");
    size_t size;

    CHECK(kuai_tools_cancel_with(tools, cancel) == KUAI_OK);
    CHECK(kuai_tools_next(tools) == KUAI_OK);
    CHECK(strcmp(kuai_tools_name(tools), "weather") == 0);
    CHECK(strcmp(kuai_tools_arguments(tools), "{\"city\":\"Paris\"}") == 0);
    CHECK(strncmp(kuai_tools_call_id(tools), "call_", 5) == 0);
    CHECK(strcmp(kuai_tools_text(tools, &size), "") == 0 && size == 0);
    CHECK(kuai_tools_give(tools, "rain") == KUAI_OK);
    CHECK(strcmp(kuai_tools_name(tools), "") == 0);
    CHECK(kuai_tools_next(tools) == KUAI_DONE);
    CHECK(strcmp(kuai_tools_text(tools, &size), "The tool says: rain") == 0 && size == 19);
    CHECK(HOLDS(kuai_result_json(kuai_tools_result(tools)), "The tool says: rain"));
    CHECK(HOLDS(kuai_tools_messages(tools), "\"content\":\"rain\"}"));
    CHECK(kuai_tools_give(tools, "snow") == KUAI_INVALID_ARGUMENT);
    kuai_tools_free(tools);

    tools = kuai_tools_new(client, request, NULL);
    CHECK(kuai_tools_next(tools) == KUAI_OK);
    CHECK(kuai_tools_give(tools, "rain") == KUAI_OK);
    kuai_cancel_trigger(cancel);
    CHECK(kuai_tools_cancel_with(tools, cancel) == KUAI_OK);
    CHECK(kuai_tools_next(tools) == KUAI_CANCELLED);
    kuai_tools_free(tools);
    kuai_cancel_free(cancel);
}

static void jobs(const kuai_client *client, const char *existing)
{
    kuai_cancel *cancel = kuai_cancel_new();
    kuai_job *job = kuai_job_batch(client, "[" QUESTION "]", "{\"metadata\":{\"a\":\"b\"}}", "{\"interval_ms\":1}");
    kuai_status status;
    char batch[300], *id;

    CHECK(strcmp(kuai_job_json(job), "") == 0);
    CHECK(kuai_job_cancel_with(job, cancel) == KUAI_OK);
    while ((status = kuai_job_next(job)) == KUAI_OK) {
        CHECK(HOLDS(kuai_job_json(job), "\"input_file_id\":\"file-"));
    }
    CHECK(status == KUAI_DONE);
    CHECK(HOLDS(kuai_result_json(kuai_job_result(job)), "1+100=101"));

    id = kuai_json_get(kuai_job_json(job), "/batch_id");
    sprintf(batch, "{\"batch_id\":\"%.200s\"}", id);
    kuai_string_free(id);
    kuai_job_free(job);

    job = kuai_job_wait(client, "batches.retrieve", batch, NULL);
    CHECK(kuai_job_next(job) == KUAI_DONE && kuai_job_next(job) == KUAI_DONE);
    CHECK(kuai_result_status(kuai_job_result(job)) == KUAI_OK);
    CHECK(strcmp(kuai_job_json(job), kuai_result_json(kuai_job_result(job))) == 0);
    kuai_job_free(job);

    job = kuai_job_upload(client, existing, "{\"purpose\":\"user_data\"}", NULL);
    CHECK(kuai_job_next(job) == KUAI_OK); /* begun */
    kuai_cancel_trigger(cancel);
    CHECK(kuai_job_cancel_with(job, cancel) == KUAI_OK);
    CHECK(kuai_job_next(job) == KUAI_CANCELLED);
    CHECK(HOLDS(kuai_result_json(kuai_job_result(job)), "cancelled"));
    CHECK(HOLDS(kuai_job_json(job), "\"upload_id\":\"upload_"));
    kuai_job_free(job);
    kuai_cancel_free(cancel);
}

static void without_a_client(void)
{
    char *quoted = kuai_json_quote("a\"b");
    char field[3];
    const char *headers = "{\"webhook-id\":\"msg_1\",\"webhook-timestamp\":\"1700000000\","
                          "\"webhook-signature\":\"v1,dIEP3076ikJX7Jronk7zp6j09ibD2ejwRVvpfandl/w=\"}";
    const char *body = "{\"type\":\"response.completed\"}";
    const char *secret = "whsec_bGlia3VhaS10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5YWI=";

    CHECK(strcmp(quoted, "\"a\\\"b\"") == 0);
    kuai_string_free(quoted);
    CHECK(strchr(kuai_version(), '.') != NULL);
    CHECK(strcmp(kuai_status_name(KUAI_RATE_LIMITED), "rate_limited") == 0);
    CHECK(HOLDS(kuai_operations(), "\"chat.completions.create\""));
    CHECK(kuai_text_size("four") == 4);
    CHECK(kuai_text_copy("four", field, sizeof field) == 5 && strcmp(field, "fo") == 0);
    CHECK(kuai_estimate_tokens("\xe4\xbd\xa0\xe5\xa5\xbd hello world") == 5); /* 2 + 2 x 1.3 = 4.6 */
    CHECK(kuai_webhook_verify(secret, headers, body, strlen(body), (int64_t)2000000000) == KUAI_OK);
    CHECK(kuai_webhook_verify(secret, headers, body, strlen(body) - 1, (int64_t)2000000000) < 0);
    CHECK(kuai_webhook_verify(secret, headers, body, strlen(body), 300) < 0); /* it is old */
}

int main(int argc, char **argv)
{
    kuai_client *client = kuai_client_new(NULL);

    CHECK(argc == 2); /* where a file may be written */
    CHECK(kuai_client_error(client) == NULL);
    the_main_job(client);
    events_of_a_stream(client);
    bytes_of_a_stream(client);
    a_call_and_its_result(client);
    a_request_in_steps(client, argv[1]);
    a_form_with_files(client, argv[0]);
    a_list_over_pages(client);
    a_conversation_with_tools(client);
    jobs(client, argv[0]);
    without_a_client();
    kuai_client_cancel(client); /* nothing is in flight: nothing happens */
    the_main_job(client);
    kuai_client_free(client);
    puts("every function works from C89");
    return 0;
}
