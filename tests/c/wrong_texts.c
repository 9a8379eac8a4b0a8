/*
 * Text that is not UTF-8, not JSON or not what it should be, in each text position: a failure that says which argument it
 * was and where, never a crash. Wrong bytes that look like GBK (what a Chinese Windows console gives) are called that.
 */
#include "check.h"

#define QUESTION "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}"

static const char *const not_utf8[] = {
    "\xff",                     /* never occurs */
    "ab\xe4\xbd",               /* cut in the middle of a character */
    "\xc0\x80",                 /* overlong */
    "\xed\xa0\x80",             /* half of a surrogate pair */
    "\xf4\x90\x80\x80",         /* above U+10FFFF */
    "{\"a\":\"\xc4\xe3\xba\xc3\"}" /* 你好 in GBK */
};

static const char *const not_json[] = {"", " ", "{", "{]", "nul", "{\"a\":1}}", "{\"a\":\"\n\"}", "{'a':1}", "[1,]", "\xef\xbb\xbf{}", "1e", "\"\\u12\""};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void expect_refused(kuai_result *result, const char *argument)
{
    CHECK(kuai_result_status(result) == KUAI_INVALID_ARGUMENT);
    CHECK(kuai_result_http_status(result) == 0);
    CHECK(HOLDS(kuai_result_json(result), argument));
    kuai_result_free(result);
}

static void expect_refused_stream(kuai_stream *stream)
{
    CHECK(kuai_stream_next(stream) == KUAI_INVALID_ARGUMENT);
    CHECK(kuai_result_status(kuai_stream_result(stream)) == KUAI_INVALID_ARGUMENT);
    kuai_stream_free(stream);
}

static void expect_refused_pages(kuai_pages *pages, const char *argument)
{
    CHECK(kuai_pages_next(pages) == KUAI_INVALID_ARGUMENT);
    CHECK(HOLDS(kuai_result_json(kuai_pages_result(pages)), argument));
    kuai_pages_free(pages);
}

static void expect_refused_tools(kuai_tools *tools, const char *argument)
{
    CHECK(kuai_tools_next(tools) == KUAI_INVALID_ARGUMENT);
    CHECK(HOLDS(kuai_result_json(kuai_tools_result(tools)), argument));
    kuai_tools_free(tools);
}

static void expect_refused_job(kuai_job *job, const char *argument)
{
    CHECK(kuai_job_next(job) == KUAI_INVALID_ARGUMENT);
    CHECK(HOLDS(kuai_result_json(kuai_job_result(job)), argument));
    kuai_job_free(job);
}

static void expect_refused_answer(const kuai_client *client, const char *request)
{
    kuai_status status = KUAI_OK;
    char *answer = kuai_chat_complete(client, request, &status);

    CHECK(status == KUAI_INVALID_ARGUMENT);
    CHECK(HOLDS(answer, "\"error\""));
    kuai_string_free(answer);
}

/* A new request for each step: the first failure stays with a request. */
static kuai_status step(kuai_request *request, kuai_status status)
{
    kuai_request_free(request);
    return status;
}

#define STEP(call) (request = kuai_request_new("POST /files", NULL, NULL), step(request, (call)))

static void a_wrong_result(const kuai_client *client, const char *wrong)
{
    kuai_tools *tools = kuai_tools_new(client,
        "{\"messages\":[{\"role\":\"user\",\"content\":\"How is the weather?\"}],\"functions\":[{\"name\":\"weather\"}]}", NULL);

    CHECK(kuai_tools_next(tools) == KUAI_OK);
    CHECK(kuai_tools_give(tools, wrong) == KUAI_INVALID_ARGUMENT);
    expect_refused_tools(tools, "content");
}

/* Each function's each text, with `wrong` in place of it. */
static void in_each_position(const kuai_client *client, const char *wrong)
{
    kuai_client *unusable = kuai_client_new(wrong);
    kuai_request *request;
    kuai_result *result;
    char buffer[64];

    CHECK(kuai_client_error(unusable) != NULL);
    kuai_client_free(unusable);

    expect_refused_answer(client, wrong);
    expect_refused_stream(kuai_chat_stream(client, wrong));
    expect_refused(kuai_call(client, wrong, NULL, NULL), "operation");
    expect_refused(kuai_call(client, "embeddings.create", wrong, NULL), "params");
    expect_refused(kuai_call(client, "models.list", NULL, wrong), "options");

    CHECK(STEP(kuai_request_body(request, wrong, "x", 1)) == KUAI_INVALID_ARGUMENT);
    CHECK(STEP(kuai_request_file(request, wrong, "name", "text/plain", "x", 1)) == KUAI_INVALID_ARGUMENT);
    CHECK(STEP(kuai_request_file(request, "file", wrong, "text/plain", "x", 1)) == KUAI_INVALID_ARGUMENT);
    CHECK(STEP(kuai_request_file(request, "file", "name", wrong, "x", 1)) == KUAI_INVALID_ARGUMENT);
    CHECK(STEP(kuai_request_file_path(request, wrong, "name")) == KUAI_INVALID_ARGUMENT);
    CHECK(STEP(kuai_request_file_path(request, "file", wrong)) == KUAI_INVALID_ARGUMENT);
    CHECK(STEP(kuai_request_save_to(request, wrong)) == KUAI_INVALID_ARGUMENT);

    expect_refused_pages(kuai_pages_open(client, wrong, NULL, NULL), "operation");
    expect_refused_pages(kuai_pages_open(client, "models.list", wrong, NULL), "params");
    expect_refused_pages(kuai_pages_open(client, "models.list", NULL, wrong), "options");

    expect_refused_tools(kuai_tools_new(client, wrong, NULL), "request");
    expect_refused_tools(kuai_tools_new(client, QUESTION, wrong), "options");
    a_wrong_result(client, wrong);

    expect_refused_job(kuai_job_wait(client, wrong, NULL, NULL), "operation");
    expect_refused_job(kuai_job_wait(client, "GET /models", wrong, NULL), "params");
    expect_refused_job(kuai_job_wait(client, "GET /models", NULL, wrong), "options");
    expect_refused_job(kuai_job_upload(client, wrong, NULL, NULL), "path");
    expect_refused_job(kuai_job_upload(client, "file", wrong, NULL), "params");
    expect_refused_job(kuai_job_upload(client, "file", NULL, wrong), "options");
    expect_refused_job(kuai_job_batch(client, wrong, NULL, NULL), "requests");
    expect_refused_job(kuai_job_batch(client, "[{}]", wrong, NULL), "params");
    expect_refused_job(kuai_job_batch(client, "[{}]", NULL, wrong), "options");

    result = kuai_call(client, "models.list", NULL, NULL);
    CHECK(kuai_result_header(result, wrong) == NULL);
    kuai_result_free(result);

    CHECK(kuai_json_get(wrong, "") == NULL);
    CHECK(kuai_json_get("{\"a\":1}", wrong) == NULL);
    CHECK(kuai_text_copy(wrong, buffer, sizeof buffer) > 0);
    CHECK(kuai_estimate_tokens(wrong) == KUAI_INVALID_ARGUMENT);
    kuai_string_free(kuai_json_quote(wrong));
    CHECK(kuai_webhook_verify(wrong, "{}", "x", 1, 300) < 0);
    CHECK(kuai_webhook_verify("whsec_AAAA", wrong, "x", 1, 300) < 0);
}

static void chats_that_are_no_chats(const kuai_client *client)
{
    static const char *const wrong[] = {
        "[]", "null", "{}", "{\"messages\":\"hello\"}", "{\"messages\":{\"role\":\"user\"}}", "{\"messages\":[]}",
        "{\"messages\":[\"hello\"]}", "{\"messages\":[{\"content\":\"no role\"}]}"};
    size_t i;

    for (i = 0; i < COUNT(wrong); i++) {
        expect_refused_answer(client, wrong[i]);
        expect_refused_stream(kuai_chat_stream(client, wrong[i]));
    }
}

int main(void)
{
    kuai_client *client = kuai_client_new(NULL);
    kuai_status status;
    char *answer;
    size_t i;

    CHECK(kuai_client_error(client) == NULL);
    for (i = 0; i < COUNT(not_utf8); i++) {
        in_each_position(client, not_utf8[i]);
    }
    for (i = 0; i < COUNT(not_json); i++) {
        expect_refused_answer(client, not_json[i]);
        expect_refused_stream(kuai_chat_stream(client, not_json[i]));
        CHECK(kuai_json_get(not_json[i], "") == NULL);
    }
    chats_that_are_no_chats(client);

    answer = kuai_chat_complete(client, "{\"messages\":[{\"role\":\"user\",\"content\":\"\xc4\xe3\xba\xc3\"}]}", &status);
    CHECK(HOLDS(answer, "GBK") && HOLDS(answer, "byte 39")); /* the argument, and the byte */
    kuai_string_free(answer);

    answer = kuai_chat_complete(client, QUESTION, &status);
    CHECK(status == KUAI_OK); /* none of it did any harm */
    kuai_string_free(answer);
    kuai_client_free(client);
    puts("wrong texts are refused");
    return 0;
}
