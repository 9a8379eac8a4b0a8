/*
 * kuai.hpp against the stand-in service: every class and function, moves, ranges, and failures as exceptions and as values.
 */
#include <kuai.hpp>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <thread>
#include <type_traits>
#include <vector>
#if __cplusplus >= 202002L
#include <ranges>
static_assert(std::ranges::input_range<kuai::stream> && std::ranges::input_range<kuai::pages>);
#endif

#define CHECK(...)                                                                        \
    do {                                                                                  \
        if (!(__VA_ARGS__)) {                                                             \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #__VA_ARGS__); \
            std::exit(1);                                                                 \
        }                                                                                 \
    } while (false)

namespace {

using namespace std::string_view_literals;

constexpr auto question = R"({"model":"gpt-4o-mini","messages":[{"role":"user","content":"1+100="}]})";

static_assert(!std::is_copy_constructible_v<kuai::client> && std::is_nothrow_move_constructible_v<kuai::client>);
static_assert(!std::is_copy_constructible_v<kuai::result> && std::is_nothrow_move_assignable_v<kuai::result>);
static_assert(!std::is_copy_constructible_v<kuai::stream> && std::is_nothrow_move_constructible_v<kuai::stream>);
static_assert(!std::is_copy_constructible_v<kuai::request> && !std::is_copy_constructible_v<kuai::cancel>);
static_assert(!std::is_copy_constructible_v<kuai::job> && std::is_nothrow_move_constructible_v<kuai::job>);
static_assert(!std::is_copy_constructible_v<kuai::pages> && std::is_nothrow_move_constructible_v<kuai::pages>);
static_assert(!std::is_copy_constructible_v<kuai::tools> && std::is_nothrow_move_constructible_v<kuai::tools>);
static_assert(std::is_nothrow_copy_constructible_v<kuai::error>);

template <class Job> kuai::error failure_of(Job job)
{
    try {
        job();
    } catch (const kuai::error &problem) {
        return problem;
    }
    std::fputs("no failure\n", stderr);
    std::exit(1);
}

std::string chat_with(std::string_view model)
{
    return R"({"model":)" + kuai::json_quote(model) + R"(,"messages":[{"role":"user","content":"1+100="}]})";
}

void chats(const kuai::client &client)
{
    const std::string answer = client.chat_complete(question);
    CHECK(kuai::json_get(answer, "/choices/0/message/content") == "1+100=101");

    // Text in from whatever there is.
    const std::string owned = question;
    CHECK(client.chat_complete(owned) == answer);
    CHECK(client.chat_complete(std::string_view(owned + "#").substr(0, owned.size())) == answer);
#ifdef __cpp_char8_t
    CHECK(kuai::json_quote(u8"你好") == "\"\xe4\xbd\xa0\xe5\xa5\xbd\"");
    CHECK(kuai::json_quote(std::u8string_view(u8"你好")) == "\"\xe4\xbd\xa0\xe5\xa5\xbd\"");
#endif

    kuai::status_code status = KUAI_INTERNAL;
    CHECK(client.try_chat_complete(question, status) == answer && status == KUAI_OK);
    const std::string document = client.try_chat_complete(chat_with("error-404"), status);
    CHECK(status == KUAI_NOT_FOUND && kuai::json_get(document, "/error/status") == "not_found");
}

void failures(const kuai::client &client)
{
    const auto missing = failure_of([&] { client.chat_complete(chat_with("error-404")); });
    CHECK(missing.status() == KUAI_NOT_FOUND);
    CHECK(missing.field("http_status") == "404");
    CHECK(missing.field("no_such_member") == std::nullopt);
    CHECK(kuai::json_get(missing.document(), "/error/message") == missing.message());
    CHECK(missing.what() == missing.message());

    const kuai::error copy = missing;
    CHECK(copy.document() == missing.document());

    CHECK(failure_of([&] { client.chat_complete(nullptr); }).status() == KUAI_INVALID_ARGUMENT);
    CHECK(failure_of([&] { client.chat_complete("{}\0"sv); }).message().find("offset 2") != std::string::npos);
    CHECK(failure_of([&] { client.call("no.such.operation"); }).status() == KUAI_INVALID_ARGUMENT);
    CHECK(failure_of([] { kuai::client("{\"no_such_key\":1}"); }).status() == KUAI_CONFIG);
    CHECK(failure_of([&] {
              for (auto &event : client.chat_stream(chat_with("error-cut"))) {
                  CHECK(!event.json().empty());
              }
          }).status() == KUAI_CONNECTION);
    CHECK(failure_of([&] { client.chat_stream("{}").next(); }).status() == KUAI_INVALID_ARGUMENT);
}

void streams(const kuai::client &client)
{
    std::string joined;
    for (auto &event : client.chat_stream(question)) {
        CHECK(event.name().empty());
        CHECK(event.json().front() == '{');
        joined += event.text();
    }
    CHECK(joined == "1+100=101");

    auto first = client.chat_stream(question);
    CHECK(first.next());
    auto stream = std::move(first);
    std::string rest{stream.current().text()};
    while (stream.next()) {
        rest += stream.current().text();
    }
    CHECK(rest == joined);
    CHECK(stream.result().text() == joined && stream.result().ok());
    CHECK(stream.try_next() == KUAI_DONE);
    CHECK(stream.get() != nullptr);

    // Stopping in the middle is nobody's leak, and an iterator does not mind that its stream was moved.
    auto half = client.chat_stream(question);
    auto at = half.begin();
    auto moved = std::move(half);
    ++at;
    CHECK(at != moved.end() && !(at == moved.end()) && !at->json().empty() && !(*at).json().empty());

    kuai::request raw("POST /chat/completions", question);
    auto bytes = client.open(raw);
    std::string body;
    char buffer[16];
    while (const std::size_t got = bytes.read(buffer, sizeof buffer)) {
        body.append(buffer, got);
    }
    CHECK(body.find("data: [DONE]") != std::string::npos);
}

void results(const kuai::client &client)
{
    const kuai::result result = client.call("chat.completions.create", question, R"({"timeout_ms":10000})");
    CHECK(result.ok() && result.status() == KUAI_OK && result.http_status() == 200);
    CHECK(result.text() == "1+100=101");
    CHECK(result.get("/choices/0/finish_reason") == "stop");
    CHECK(result.get("/choices/7") == std::nullopt);
    CHECK(result.json().front() == '{');
    CHECK(result.body().size() == result.body_size() && result.body_size() > 0);
    CHECK(result.header("content-TYPE").value_or("").find("application/json") == 0);
    CHECK(!result.header("x-no-such-header"));
    CHECK(result.headers().find("[[") == 0);
    CHECK(result.times().find("{\"total_us\":") == 0);
    CHECK(client.log().empty());
    CHECK(result.handle() != nullptr);
    result.check();

    const kuai::result refused = client.try_call("GET /no/such/path");
    CHECK(!refused.ok() && refused.status() == KUAI_NOT_FOUND);
    CHECK(failure_of([&] { refused.check(); }).document() == refused.json());

    const kuai::result_view nothing;
    CHECK(nothing.json().data() != nullptr && nothing.text().empty() && nothing.body().empty() && !nothing.ok());
}

void requests(const kuai::client &client, const std::string &scratch)
{
    kuai::request saved("POST /chat/completions");
    const auto nothing = client.send(saved.body("application/json", question).save_to(scratch));
    CHECK(nothing.ok());
    std::ifstream file(scratch);
    CHECK(file.get() == '{');
    file.close();

    kuai::request form("POST /files", R"({"purpose":"batch"})");
    form.file("file", "a.jsonl", nullptr, "{}\n").file_path("second", scratch);
    CHECK(client.send(form).get("/filename") == "a.jsonl");
    std::remove(scratch.c_str());

    kuai::request wrong("POST /files");
    wrong.file("file", "\xff", nullptr, "x");
    CHECK(failure_of([&] { client.send(wrong); }).status() == KUAI_INVALID_ARGUMENT);
    CHECK(wrong.get() != nullptr && std::as_const(wrong).get() != nullptr);
}

void jobs(const kuai::client &client, const std::string &scratch)
{
    std::ofstream(scratch) << "{}\n";
    auto upload = client.upload(scratch, R"({"purpose":"batch","part_bytes":2})");
    CHECK(upload.json().empty());
    int steps = 0;
    while (upload.next()) {
        CHECK(upload.json().find("\"upload_id\":\"upload_") != std::string_view::npos);
        steps++;
    }
    CHECK(steps == 3 && upload.result().get("/bytes") == "3");
    std::remove(scratch.c_str());

    auto batch = client.batch(std::string("[") + question + "]");
    CHECK(batch.finish().get("/results/request-0/choices/0/message/content") == "1+100=101");
    auto moved = std::move(batch);
    CHECK(moved.try_next() == KUAI_DONE && std::as_const(moved).get() != nullptr);

    kuai::cancel cancel;
    cancel.trigger();
    auto wait = client.wait("batches.retrieve", R"({"batch_id":"batch_1"})", R"({"longest_wait_ms":1000})");
    CHECK(failure_of([&] { wait.cancel_with(cancel).finish(); }).status() == KUAI_CANCELLED);
    CHECK(failure_of([&] { client.wait("batches.create").next(); }).status() == KUAI_INVALID_ARGUMENT);
}

void pages(const kuai::client &client)
{
    std::vector<std::string> names;
    for (const auto item : client.pages("models.list", R"({"limit":2})")) {
        names.push_back(kuai::json_get(item, "/id").value_or("?"));
    }
    CHECK(names.size() == 5 && names[1] == "gpt-4o-mini");

    auto first = client.pages("models.list");
    CHECK(first.json().empty() && first.next());
    auto pages = std::move(first);
    CHECK(pages.json().find(names[0]) != std::string_view::npos && pages.result().ok());
    auto at = pages.begin();
    auto moved = std::move(pages);
    CHECK(at != moved.end() && !(at == moved.end()) && kuai::json_get(*at, "/id") == names[1]);
    CHECK(moved.try_next() == KUAI_OK && moved.get() != nullptr && std::as_const(moved).get() != nullptr);

    kuai::cancel cancel;
    cancel.trigger();
    CHECK(failure_of([&] { client.pages("models.list").cancel_with(cancel).next(); }).status() == KUAI_CANCELLED);
    CHECK(failure_of([&] { client.pages("no.such.list").begin(); }).status() == KUAI_INVALID_ARGUMENT);
}

void tools(const kuai::client &client)
{
    const auto request = R"({"model":"gpt-4o-mini","messages":[{"role":"user","content":"How is the weather in Paris and Tokyo?"}],
        "tools":[{"type":"function","function":{"name":"weather","parameters":{"properties":{"city":{"type":"string"}}}}}]})";
    auto first = client.tools(request);
    CHECK(first.next() && first.name() == "weather" && first.arguments() == R"({"city":"Paris"})" && first.call_id().find("call_") == 0);
    CHECK(failure_of([&] { first.next(); }).message().find("waits for its result") != std::string::npos);
    CHECK(failure_of([&] { first.give("\xff"); }).status() == KUAI_INVALID_ARGUMENT);
    first.give(std::string("rain"));
    CHECK(failure_of([&] { first.give("snow"); }).status() == KUAI_INVALID_ARGUMENT);
    auto tools = std::move(first);
    std::string asked;
    const auto result = tools.finish([&](auto name, auto arguments) {
        asked.append(name).append(arguments);
        return "sun";
    });
    CHECK(asked == R"(weather{"city":"Tokyo"})" && result.text() == "The tool says: sun");
    CHECK(tools.try_next() == KUAI_DONE && tools.name().empty() && std::as_const(tools).get() != nullptr);
    CHECK(kuai::json_get(tools.messages(), "/3/content") == "sun");

    std::string said;
    client.tools(request, R"({"stream":true})").finish([](auto, auto) { return "sun"; }, [&](auto text) { said += text; });
    CHECK(said == "The tool says: sun");

    kuai::cancel cancel;
    cancel.trigger();
    CHECK(failure_of([&] { client.tools(request).cancel_with(cancel).next(); }).status() == KUAI_CANCELLED);
    CHECK(failure_of([&] { client.tools("{}").next(); }).status() == KUAI_INVALID_ARGUMENT);
}

void cancelling(const kuai::client &client)
{
    kuai::cancel cancel;
    kuai::request request("chat.completions.create", chat_with("error-hang"));
    request.cancel_with(cancel);
    std::thread thread([&] { cancel.trigger(); });
    CHECK(client.try_send(request).status() == KUAI_CANCELLED);
    thread.join();
    CHECK(cancel.get() != nullptr);

    client.cancel(); // nothing is in flight
    CHECK(client.get() != nullptr && client.call("models.list").ok());
}

void the_library()
{
    CHECK(kuai::version() == KUAI_VERSION);
    CHECK(kuai::status_name(KUAI_RATE_LIMITED) == "rate_limited");
    CHECK(kuai::operations().find("\"chat.completions.create\"") != std::string_view::npos);
    CHECK(kuai::text_size("four") == 4);
    char field[3];
    CHECK(kuai::text_copy("four"sv, field, sizeof field) == 5 && field == "fo"sv);
    CHECK(kuai::estimate_tokens("hello world") == 3);
    CHECK(failure_of([] { kuai::estimate_tokens("\xff"); }).status() == KUAI_INVALID_ARGUMENT);

    const auto secret = "whsec_bGlia3VhaS10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5YWI=";
    const auto headers = R"({"webhook-id":"msg_1","webhook-timestamp":"1700000000",)"
                         R"("webhook-signature":"v1,dIEP3076ikJX7Jronk7zp6j09ibD2ejwRVvpfandl/w="})";
    kuai::webhook_verify(secret, headers, R"({"type":"response.completed"})", 2000000000);
    CHECK(failure_of([&] { kuai::webhook_verify(secret, headers, "{}", 2000000000); }).status() == KUAI_AUTHENTICATION);
    CHECK(failure_of([&] { kuai::webhook_verify(secret, headers, R"({"type":"response.completed"})"); }).status() == KUAI_TIMEOUT);
}

} // namespace

int main(int argc, char **argv)
{
    CHECK(argc == 2); // where a file may be written
    kuai::client first;
    const kuai::client client = std::move(first);
    chats(client);
    failures(client);
    streams(client);
    results(client);
    requests(client, argv[1]);
    jobs(client, argv[1]);
    pages(client);
    tools(client);
    cancelling(client);
    the_library();
    std::cout << "kuai.hpp holds what it promises\n";
}
