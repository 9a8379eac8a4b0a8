/*
 * NULL in each pointer position of every function: a defined result, nothing else. The other arguments are good ones, so
 * that it is the NULL that is looked at. Where NULL has a meaning of its own, it is that meaning.
 */
#include "check.h"

#define QUESTION "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}"
#define REFUSED(call) CHECK((call) == KUAI_INVALID_ARGUMENT)

static void expect_result(kuai_result *result, kuai_status status)
{
    CHECK(result != NULL);
    CHECK(kuai_result_status(result) == status);
    if (status < 0) {
        CHECK(HOLDS(kuai_result_json(result), kuai_status_name(status)));
    }
    kuai_result_free(result);
}

static void expect_refused_stream(kuai_stream *stream)
{
    CHECK(stream != NULL);
    REFUSED(kuai_stream_next(stream));
    CHECK(HOLDS(kuai_result_json(kuai_stream_result(stream)), "invalid_argument"));
    CHECK(strcmp(kuai_stream_text(stream, NULL), "") == 0);
    kuai_stream_free(stream);
}

static void expect_answer(char *answer, const char *part)
{
    CHECK(HOLDS(answer, part));
    kuai_string_free(answer);
}

static void clients(const kuai_client *client)
{
    kuai_status status = KUAI_OK;
    kuai_client *from_environment = kuai_client_new(NULL);

    CHECK(kuai_client_error(from_environment) == NULL);
    kuai_client_free(from_environment);
    CHECK(HOLDS(kuai_client_error(NULL), "invalid_argument"));
    kuai_client_cancel(NULL);
    kuai_client_free(NULL);

    expect_answer(kuai_chat_complete(NULL, QUESTION, &status), "invalid_argument");
    REFUSED(status);
    status = KUAI_OK;
    expect_answer(kuai_chat_complete(client, NULL, &status), "invalid_argument");
    REFUSED(status);
    expect_answer(kuai_chat_complete(NULL, NULL, NULL), "invalid_argument");
    expect_answer(kuai_chat_complete(client, QUESTION, NULL), "1+100=101");

    expect_refused_stream(kuai_chat_stream(NULL, QUESTION));
    expect_refused_stream(kuai_chat_stream(client, NULL));
    expect_refused_stream(kuai_chat_stream(NULL, NULL));

    expect_result(kuai_call(NULL, "models.list", "{}", "{}"), KUAI_INVALID_ARGUMENT);
    expect_result(kuai_call(client, NULL, "{}", "{}"), KUAI_INVALID_ARGUMENT);
    expect_result(kuai_call(client, "models.list", NULL, "{}"), KUAI_OK);
    expect_result(kuai_call(client, "models.list", "{}", NULL), KUAI_OK);
    expect_result(kuai_call(NULL, NULL, NULL, NULL), KUAI_INVALID_ARGUMENT);
}

/* A new request for each step: the first failure stays with a request. */
static kuai_status step(kuai_request *request, kuai_status status)
{
    kuai_request_free(request);
    return status;
}

#define STEP(call) (request = kuai_request_new("POST /files", NULL, NULL), step(request, (call)))

static void requests(const kuai_client *client)
{
    kuai_cancel *cancel = kuai_cancel_new();
    kuai_request *request = kuai_request_new(NULL, "{}", "{}");

    CHECK(request != NULL);
    expect_result(kuai_send(client, request), KUAI_INVALID_ARGUMENT);
    expect_refused_stream(kuai_open(client, request));
    kuai_request_free(request);

    request = kuai_request_new("models.list", NULL, NULL);
    expect_result(kuai_send(client, request), KUAI_OK);
    expect_result(kuai_send(NULL, request), KUAI_INVALID_ARGUMENT);
    expect_result(kuai_send(client, NULL), KUAI_INVALID_ARGUMENT);
    expect_result(kuai_send(NULL, NULL), KUAI_INVALID_ARGUMENT);
    expect_refused_stream(kuai_open(NULL, request));
    expect_refused_stream(kuai_open(client, NULL));
    REFUSED(kuai_request_save_to(request, NULL));
    expect_result(kuai_send(client, request), KUAI_INVALID_ARGUMENT); /* the failed step stays */
    kuai_request_free(request);
    kuai_request_free(NULL);

    REFUSED(kuai_request_save_to(NULL, "file"));
    REFUSED(kuai_request_cancel_with(NULL, cancel));
    REFUSED(STEP(kuai_request_cancel_with(request, NULL)));

    REFUSED(kuai_request_body(NULL, "text/plain", "x", 1));
    REFUSED(STEP(kuai_request_body(request, "text/plain", NULL, 1)));
    CHECK(STEP(kuai_request_body(request, "text/plain", NULL, 0)) == KUAI_OK); /* an empty body */
    CHECK(STEP(kuai_request_body(request, NULL, "x", 1)) == KUAI_OK);          /* JSON */

    REFUSED(kuai_request_file(NULL, "file", "a.txt", "text/plain", "x", 1));
    REFUSED(STEP(kuai_request_file(request, NULL, "a.txt", "text/plain", "x", 1)));
    REFUSED(STEP(kuai_request_file(request, "file", NULL, "text/plain", "x", 1)));
    REFUSED(STEP(kuai_request_file(request, "file", "a.txt", "text/plain", NULL, 1)));
    CHECK(STEP(kuai_request_file(request, "file", "a.txt", "text/plain", NULL, 0)) == KUAI_OK); /* an empty file */
    CHECK(STEP(kuai_request_file(request, "file", "a.txt", NULL, "x", 1)) == KUAI_OK);          /* a type from its name */

    REFUSED(kuai_request_file_path(NULL, "file", "a.txt"));
    REFUSED(STEP(kuai_request_file_path(request, NULL, "a.txt")));
    REFUSED(STEP(kuai_request_file_path(request, "file", NULL)));

    kuai_cancel_trigger(NULL);
    kuai_cancel_free(cancel);
    kuai_cancel_free(NULL);
}

static void results(const kuai_client *client)
{
    size_t size = 77;
    kuai_result *result;

    REFUSED(kuai_result_status(NULL));
    CHECK(kuai_result_http_status(NULL) == 0);
    CHECK(HOLDS(kuai_result_json(NULL), "invalid_argument") || strcmp(kuai_result_json(NULL), "") == 0);
    CHECK(strcmp(kuai_result_text(NULL, &size), "") == 0 && size == 0);
    CHECK(strcmp(kuai_result_text(NULL, NULL), "") == 0);
    size = 77;
    kuai_result_body(NULL, &size);
    CHECK(size == 0);
    kuai_result_body(NULL, NULL);
    CHECK(kuai_result_body_size(NULL) == 0);
    CHECK(kuai_result_header(NULL, "date") == NULL);
    CHECK(kuai_result_headers(NULL) != NULL);
    CHECK(strcmp(kuai_result_times(NULL), "{}") == 0);
    kuai_result_free(NULL);

    result = kuai_call(client, "models.list", NULL, NULL);
    CHECK(kuai_result_header(result, NULL) == NULL);
    CHECK(kuai_result_text(result, NULL) != NULL);
    CHECK(kuai_result_body(result, NULL) != NULL);
    kuai_result_free(result);
}

static void streams(const kuai_client *client)
{
    char buffer[4];
    size_t got = 77;
    kuai_stream *stream;

    REFUSED(kuai_stream_next(NULL));
    CHECK(kuai_stream_json(NULL) != NULL);
    CHECK(strcmp(kuai_stream_text(NULL, &got), "") == 0 && got == 0);
    CHECK(strcmp(kuai_stream_text(NULL, NULL), "") == 0);
    CHECK(strcmp(kuai_stream_event(NULL), "") == 0);
    got = 77;
    REFUSED(kuai_stream_read(NULL, buffer, sizeof buffer, &got));
    CHECK(got == 0);
    REFUSED(kuai_stream_read(NULL, NULL, 0, NULL));
    REFUSED(kuai_result_status(kuai_stream_result(NULL)));
    kuai_stream_free(NULL);

    stream = kuai_chat_stream(client, QUESTION);
    got = 77;
    REFUSED(kuai_stream_read(stream, NULL, 4, &got));
    CHECK(got == 0);
    kuai_stream_free(stream);

    stream = kuai_chat_stream(client, QUESTION);
    CHECK(kuai_stream_read(stream, buffer, sizeof buffer, NULL) == KUAI_OK);
    kuai_stream_free(stream);
}

static void expect_refused_job(kuai_job *job)
{
    CHECK(job != NULL);
    REFUSED(kuai_job_next(job));
    REFUSED(kuai_job_next(job));
    CHECK(HOLDS(kuai_result_json(kuai_job_result(job)), "invalid_argument"));
    CHECK(strcmp(kuai_job_json(job), "") == 0);
    kuai_job_free(job);
}

static void jobs(const kuai_client *client, const char *existing)
{
    kuai_cancel *cancel = kuai_cancel_new();
    kuai_job *job;

    expect_refused_job(kuai_job_wait(NULL, "GET /models", "{}", "{}"));
    expect_refused_job(kuai_job_wait(client, NULL, "{}", "{}"));
    job = kuai_job_wait(client, "GET /models", NULL, NULL);
    REFUSED(kuai_job_cancel_with(job, NULL));
    CHECK(kuai_job_next(job) == KUAI_DONE);
    kuai_job_free(job);

    expect_refused_job(kuai_job_upload(NULL, existing, "{}", "{}"));
    expect_refused_job(kuai_job_upload(client, NULL, "{}", "{}"));
    job = kuai_job_upload(client, existing, NULL, NULL);
    CHECK(kuai_job_next(job) == KUAI_BAD_REQUEST); /* the service wants a purpose */
    kuai_job_free(job);

    expect_refused_job(kuai_job_batch(NULL, "[{}]", "{}", "{}"));
    expect_refused_job(kuai_job_batch(client, NULL, "{}", "{}"));
    expect_refused_job(kuai_job_batch(client, NULL, NULL, NULL));
    job = kuai_job_batch(client, "[{}]", NULL, NULL);
    CHECK(kuai_job_next(job) == KUAI_OK);
    kuai_job_free(job);

    REFUSED(kuai_job_cancel_with(NULL, cancel));
    REFUSED(kuai_job_next(NULL));
    CHECK(strcmp(kuai_job_json(NULL), "") == 0);
    REFUSED(kuai_result_status(kuai_job_result(NULL)));
    kuai_job_free(NULL);
    kuai_cancel_free(cancel);
}

static void expect_refused_pages(kuai_pages *pages)
{
    CHECK(pages != NULL);
    REFUSED(kuai_pages_next(pages));
    CHECK(HOLDS(kuai_result_json(kuai_pages_result(pages)), "invalid_argument"));
    CHECK(strcmp(kuai_pages_json(pages), "") == 0);
    kuai_pages_free(pages);
}

static void lists(const kuai_client *client)
{
    kuai_cancel *cancel = kuai_cancel_new();
    kuai_pages *pages;

    expect_refused_pages(kuai_pages_open(NULL, "models.list", "{}", "{}"));
    expect_refused_pages(kuai_pages_open(client, NULL, "{}", "{}"));
    expect_refused_pages(kuai_pages_open(NULL, NULL, NULL, NULL));
    pages = kuai_pages_open(client, "models.list", NULL, NULL);
    REFUSED(kuai_pages_cancel_with(pages, NULL));
    CHECK(kuai_pages_next(pages) == KUAI_OK);
    kuai_pages_free(pages);

    REFUSED(kuai_pages_cancel_with(NULL, cancel));
    REFUSED(kuai_pages_next(NULL));
    CHECK(strcmp(kuai_pages_json(NULL), "") == 0);
    REFUSED(kuai_result_status(kuai_pages_result(NULL)));
    kuai_pages_free(NULL);
    kuai_cancel_free(cancel);
}

static void expect_refused_tools(kuai_tools *tools)
{
    CHECK(tools != NULL);
    REFUSED(kuai_tools_next(tools));
    CHECK(HOLDS(kuai_result_json(kuai_tools_result(tools)), "invalid_argument"));
    CHECK(strcmp(kuai_tools_name(tools), "") == 0);
    CHECK(strcmp(kuai_tools_messages(tools), "[]") == 0);
    REFUSED(kuai_tools_give(tools, "x"));
    kuai_tools_free(tools);
}

static void conversations(const kuai_client *client)
{
    kuai_cancel *cancel = kuai_cancel_new();
    kuai_tools *tools;
    size_t size = 77;

    expect_refused_tools(kuai_tools_new(NULL, QUESTION, "{}"));
    expect_refused_tools(kuai_tools_new(client, NULL, "{}"));
    expect_refused_tools(kuai_tools_new(NULL, NULL, NULL));
    tools = kuai_tools_new(client, QUESTION, NULL);
    REFUSED(kuai_tools_cancel_with(tools, NULL));
    REFUSED(kuai_tools_give(tools, NULL));
    CHECK(kuai_tools_next(tools) == KUAI_DONE);
    CHECK(strcmp(kuai_tools_text(tools, NULL), "1+100=101") == 0);
    kuai_tools_free(tools);

    REFUSED(kuai_tools_cancel_with(NULL, cancel));
    REFUSED(kuai_tools_next(NULL));
    REFUSED(kuai_tools_give(NULL, "x"));
    CHECK(strcmp(kuai_tools_name(NULL), "") == 0);
    CHECK(strcmp(kuai_tools_arguments(NULL), "") == 0);
    CHECK(strcmp(kuai_tools_call_id(NULL), "") == 0);
    CHECK(strcmp(kuai_tools_text(NULL, &size), "") == 0 && size == 0);
    CHECK(strcmp(kuai_tools_text(NULL, NULL), "") == 0);
    CHECK(strcmp(kuai_tools_messages(NULL), "[]") == 0);
    REFUSED(kuai_result_status(kuai_tools_result(NULL)));
    kuai_tools_free(NULL);
    kuai_cancel_free(cancel);
}

static void texts(void)
{
    char buffer[4] = "xxx";

    kuai_string_free(NULL);
    CHECK(kuai_json_get(NULL, "/a") == NULL);
    CHECK(kuai_json_get("{\"a\":1}", NULL) == NULL);
    CHECK(kuai_json_get(NULL, NULL) == NULL);
    kuai_string_free(kuai_json_quote(NULL));
    CHECK(kuai_text_copy(NULL, buffer, sizeof buffer) == 1 && strcmp(buffer, "") == 0);
    CHECK(kuai_text_copy("four", NULL, 0) == 5);
    CHECK(kuai_text_copy("four", NULL, 4) == 5);
    CHECK(kuai_text_size(NULL) == 0);
    CHECK(kuai_estimate_tokens(NULL) == KUAI_INVALID_ARGUMENT);
    CHECK(kuai_status_name(12345) != NULL);
    REFUSED(kuai_webhook_verify(NULL, "{}", "x", 1, 300));
    REFUSED(kuai_webhook_verify("whsec_AAAA", NULL, "x", 1, 300));
    REFUSED(kuai_webhook_verify("whsec_AAAA", "{}", NULL, 1, 300));
}

int main(int argc, char **argv)
{
    kuai_client *client = kuai_client_new(NULL);

    CHECK(argc > 0);
    CHECK(kuai_client_error(client) == NULL);
    clients(client);
    requests(client);
    results(client);
    streams(client);
    lists(client);
    conversations(client);
    jobs(client, argv[0]);
    texts();
    kuai_client_free(client);
    puts("NULL is defined everywhere");
    return 0;
}
