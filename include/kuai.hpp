/**
 * @file kuai.hpp
 * libkuai for C++17 and later: one header over kuai.h, nothing else to link.
 *
 *     kuai::client client;                                     // key and address from the environment
 *     for (auto &event : client.chat_stream(R"({"messages":[{"role":"user","content":"1+100="}]})"))
 *         std::cout << event.text();
 *
 * Conventions
 * - Handles are move-only objects that free what they own. A moved-from handle may only be assigned to or destroyed.
 * - Text goes in as `kuai::text`, which is made from a literal, a `std::string` (neither is copied) or a `std::string_view` (copied
 *   once, because C wants a NUL behind it). `nullptr` means "none". A NUL inside a text is an error, never a cut.
 * - Text comes out as `std::string_view` into the object that was asked, valid until that object goes (or, for a stream, moves
 *   on), or as `std::string` where the text is the caller's own.
 * - A failure is a `kuai::error` with the status and the error document. Calls have a `try_` twin that hands the failure back as a
 *   value, for code that would rather ask than catch.
 * - Threads: a `const` member function may be called by many threads at once, any other by one at a time, as in kuai.h.
 */
#ifndef KUAI_HPP
#define KUAI_HPP

#include "kuai.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/** A C++ face for libkuai. */
namespace kuai {

/** What became of a call; the constants are `KUAI_OK`, `KUAI_RATE_LIMITED` and so on. */
using status_code = kuai_status;

/** @cond internal */
namespace detail {

struct deleter {
    void operator()(kuai_client *handle) const noexcept { kuai_client_free(handle); }
    void operator()(kuai_request *handle) const noexcept { kuai_request_free(handle); }
    void operator()(kuai_result *handle) const noexcept { kuai_result_free(handle); }
    void operator()(kuai_stream *handle) const noexcept { kuai_stream_free(handle); }
    void operator()(kuai_cancel *handle) const noexcept { kuai_cancel_free(handle); }
    void operator()(kuai_job *handle) const noexcept { kuai_job_free(handle); }
    void operator()(kuai_pages *handle) const noexcept { kuai_pages_free(handle); }
    void operator()(kuai_tools *handle) const noexcept { kuai_tools_free(handle); }
    void operator()(char *owned) const noexcept { kuai_string_free(owned); }
};

template <class Handle> using owned = std::unique_ptr<Handle, deleter>;

inline std::string_view view(const char *text) noexcept
{
    return text != nullptr ? std::string_view(text) : std::string_view();
}

inline std::optional<std::string> take(char *text)
{
    const owned<char> guard(text);
    return text != nullptr ? std::optional<std::string>(text) : std::nullopt;
}

/** The error document of a failure that the C function told by its status alone. */
inline std::string document(status_code status, const std::string &message)
{
    const std::string name(kuai_status_name(status));
    const auto quoted = take(kuai_json_quote(message.c_str()));
    return "{\"error\":{\"message\":" + quoted.value_or("\"\"") + ",\"type\":\"" + name + "\",\"code\":null,\"param\":null,\"status\":\"" + name +
           "\"}}";
}

/** The status that an error document names. */
inline status_code status_in(const char *document) noexcept
{
    constexpr status_code known[] = {
        KUAI_INVALID_ARGUMENT, KUAI_CONFIG,         KUAI_IO,         KUAI_CONNECTION, KUAI_TIMEOUT,       KUAI_TLS,          KUAI_CANCELLED,
        KUAI_PROTOCOL,         KUAI_LIMIT,          KUAI_BAD_REQUEST, KUAI_AUTHENTICATION, KUAI_PERMISSION, KUAI_NOT_FOUND,    KUAI_CONFLICT,
        KUAI_UNPROCESSABLE,    KUAI_RATE_LIMITED,   KUAI_SERVER,     KUAI_SERVICE};
    const owned<char> name(kuai_json_get(document, "/error/status"));
    if (name != nullptr) {
        for (const status_code status : known) {
            if (std::strcmp(name.get(), kuai_status_name(status)) == 0) {
                return status;
            }
        }
    }
    return KUAI_INTERNAL;
}

} // namespace detail
/** @endcond */

/** A failure: what kind it is, and all that is known of it. Copying one never throws. */
class error : public std::exception {
public:
    /** From a status below zero and the error document that came with it. */
    error(status_code status, std::string_view document) : status_(status), text_(std::make_shared<const texts>(document)) {}

    /** A `KUAI_…` constant below zero. Treat one that you do not know as a failure. */
    status_code status() const noexcept { return status_; }

    /** The error document: `{"error":{"message":…,"type":…,"code":…,"status":…,"http_status":…,"retry_after_ms":…,"attempts":…}}`. */
    const std::string &document() const noexcept { return text_->document; }

    /** `/error/message` of the document, for a person. */
    const std::string &message() const noexcept { return text_->message; }

    /** The same as message(). */
    const char *what() const noexcept override { return text_->message.c_str(); }

    /** Any other member of the `error` object as text, such as `field("request_id")`; nothing when it is absent or null. */
    std::optional<std::string> field(std::string_view name) const
    {
        auto found = detail::take(kuai_json_get(document().c_str(), ("/error/" + std::string(name)).c_str()));
        return found == "null" ? std::nullopt : found;
    }

private:
    struct texts {
        explicit texts(std::string_view from)
            : document(from), message(detail::take(kuai_json_get(document.c_str(), "/error/message")).value_or(document))
        {
        }
        std::string document;
        std::string message;
    };
    status_code status_;
    std::shared_ptr<const texts> text_;
};

/**
 * Text on its way into the library; made on the spot from whatever the caller has, never by name.
 * UTF-8 is asked for, and checked by the library.
 */
class text {
public:
    /** No text. */
    text(std::nullptr_t) noexcept {}
    /** A literal or another NUL-terminated text, not copied; a null pointer is no text. */
    text(const char *given) noexcept : pointer_(given) {}
    /** Not copied. */
    text(const std::string &given) : pointer_(given.c_str()) { refuse_nul(given); }
    /** Copied once for the NUL behind it; a view of nothing is no text. */
    text(std::string_view given)
    {
        if (given.data() != nullptr) {
            refuse_nul(given);
            pointer_ = copy_.assign(given).c_str();
        }
    }
#ifdef __cpp_char8_t
    /** A `u8"…"` literal, which is a type of its own since C++20. */
    text(const char8_t *given) noexcept : pointer_(reinterpret_cast<const char *>(given)) {}
    /** Copied once. */
    text(std::u8string_view given) : text(std::string_view(reinterpret_cast<const char *>(given.data()), given.size())) {}
#endif
    text(const text &) = delete;
    text &operator=(const text &) = delete;

    /** What the C functions are given. */
    const char *c_str() const noexcept { return pointer_; }

private:
    static void refuse_nul(std::string_view given)
    {
        const auto at = given.find('\0');
        if (at != std::string_view::npos) {
            throw error(KUAI_INVALID_ARGUMENT,
                        detail::document(KUAI_INVALID_ARGUMENT, "the text holds a NUL byte at offset " + std::to_string(at)));
        }
    }

    std::string copy_;
    const char *pointer_ = nullptr;
};

/** Ends calls from another thread or from a signal handler. */
class cancel {
public:
    /** Not triggered yet. */
    cancel() : handle_(kuai_cancel_new()) {}

    /** Ends every call that was started with it, now and from now on. Safe in a signal handler. */
    void trigger() const noexcept { kuai_cancel_trigger(handle_.get()); }

    /** For C functions; still owned by this object. */
    const kuai_cancel *get() const noexcept { return handle_.get(); }

private:
    detail::owned<kuai_cancel> handle_;
};

/**
 * A request in steps, for what JSON cannot carry: files, other bodies, cancelling.
 * A step that fails (a text that is not UTF-8, a file that is not there) stays with the request, and the call that sends it tells.
 */
class request {
public:
    /**
     * @param operation a name such as `"files.create"`, or `"METHOD /path"`
     * @param params    the operation's parameters, JSON
     * @param options   the options of this one call, JSON
     */
    explicit request(const text &operation, const text &params = nullptr, const text &options = nullptr)
        : handle_(kuai_request_new(operation.c_str(), params.c_str(), options.c_str()))
    {
    }

    /** A body instead of the parameters' JSON; `data` is copied. */
    request &body(const text &content_type, std::string_view data) noexcept
    {
        kuai_request_body(get(), content_type.c_str(), data.data(), data.size());
        return *this;
    }

    /** A file from memory. `data` must stay where it is as long as the request. No content type: guessed from the name. */
    request &file(const text &field, const text &filename, const text &content_type, std::string_view data) noexcept
    {
        kuai_request_file(get(), field.c_str(), filename.c_str(), content_type.c_str(), data.data(), data.size());
        return *this;
    }

    /** A file from disk, read while it is sent. */
    request &file_path(const text &field, const text &path) noexcept
    {
        kuai_request_file_path(get(), field.c_str(), path.c_str());
        return *this;
    }

    /** Writes the answer's body to a file as it comes. */
    request &save_to(const text &path) noexcept
    {
        kuai_request_save_to(get(), path.c_str());
        return *this;
    }

    /** Lets `source` end the call that sends this request. `source` may go before the request does. */
    request &cancel_with(const cancel &source) noexcept
    {
        kuai_request_cancel_with(get(), source.get());
        return *this;
    }

    /** For C functions; still owned by this object. */
    kuai_request *get() noexcept { return handle_.get(); }
    /** For C functions; still owned by this object. */
    const kuai_request *get() const noexcept { return handle_.get(); }

private:
    detail::owned<kuai_request> handle_;
};

/** Looks into a result that somebody else owns, such as a stream's. */
class result_view {
public:
    /** Of a C handle, which must outlive the view; NULL gives empty answers. */
    explicit result_view(const kuai_result *handle = nullptr) noexcept : handle_(handle) {}

    /** `KUAI_OK` or what went wrong. */
    status_code status() const noexcept { return kuai_result_status(handle_); }

    /** Whether it worked. */
    bool ok() const noexcept { return status() >= 0; }

    /** The HTTP status; 0 when no answer came. */
    std::int32_t http_status() const noexcept { return kuai_result_http_status(handle_); }

    /** The JSON answer, byte for byte as it came, or the error document. */
    std::string_view json() const noexcept { return detail::view(kuai_result_json(handle_)); }

    /** The answer's text: a message's content, `output_text`, a transcript. */
    std::string_view text() const noexcept
    {
        std::size_t size = 0;
        const char *start = kuai_result_text(handle_, &size);
        return start != nullptr ? std::string_view(start, size) : std::string_view();
    }

    /** The body's bytes, whatever they are. */
    std::string_view body() const noexcept
    {
        std::size_t size = 0;
        const void *start = kuai_result_body(handle_, &size);
        return start != nullptr ? std::string_view(static_cast<const char *>(start), size) : std::string_view();
    }

    /** How many bytes body() has. */
    std::size_t body_size() const noexcept { return kuai_result_body_size(handle_); }

    /** A header's first value, its name in any case; nothing when the answer has no such header. */
    std::optional<std::string_view> header(const kuai::text &name) const noexcept
    {
        const char *value = kuai_result_header(handle_, name.c_str());
        return value != nullptr ? std::optional<std::string_view>(value) : std::nullopt;
    }

    /** All headers in order, JSON `[["name","value"],…]`. */
    std::string_view headers() const noexcept { return detail::view(kuai_result_headers(handle_)); }

    /** What the call took, JSON: `{"total_us":…,"attempts":…,"look_up_us":…,"connect_us":…,…}`; `{}` when nothing was sent. */
    std::string_view times() const noexcept { return detail::view(kuai_result_times(handle_)); }

    /** One value of json() by its JSON pointer (RFC 6901): strings decoded, the rest as JSON; nothing when absent. */
    std::optional<std::string> get(const kuai::text &pointer) const
    {
        return detail::take(kuai_json_get(kuai_result_json(handle_), pointer.c_str()));
    }

    /** Throws what went wrong, if something did. */
    void check() const
    {
        if (!ok()) {
            throw error(status(), json());
        }
    }

    /** For C functions. */
    const kuai_result *handle() const noexcept { return handle_; }

private:
    const kuai_result *handle_;
};

/** The outcome of one call. */
class result : public result_view {
public:
    /** Takes over a handle from a C function. */
    explicit result(kuai_result *owned) noexcept : result_view(owned), owned_(owned) {}

private:
    detail::owned<kuai_result> owned_;
};

/** What a stream brought last. Its views are valid until the stream moves on. */
class event {
public:
    /** The event's data. */
    std::string_view json() const noexcept { return detail::view(kuai_stream_json(stream_)); }

    /** The event's new text; empty when it brought none. */
    std::string_view text() const noexcept
    {
        std::size_t size = 0;
        const char *start = kuai_stream_text(stream_, &size);
        return start != nullptr ? std::string_view(start, size) : std::string_view();
    }

    /** The event's name, as in `event: response.completed`; empty when it has none. */
    std::string_view name() const noexcept { return detail::view(kuai_stream_event(stream_)); }

private:
    friend class stream;
    explicit event(const kuai_stream *stream) noexcept : stream_(stream) {}
    const kuai_stream *stream_;
};

/** An answer that comes piece by piece. Read it with a range-for, with next(), or as bytes with read(). */
class stream {
public:
    /** Where a range-for ends. */
    struct sentinel {};

    /** Walks over the events once. Its stream must outlive it; moving the stream object does no harm. */
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = event;
        using difference_type = std::ptrdiff_t;
        using pointer = const event *;
        using reference = const event &;

        reference operator*() const noexcept { return event_; }
        pointer operator->() const noexcept { return &event_; }
        iterator &operator++()
        {
            more_ = advance(handle_);
            return *this;
        }
        void operator++(int) { ++*this; }

        friend bool operator==(const iterator &at, sentinel) noexcept { return !at.more_; }
        friend bool operator!=(const iterator &at, sentinel) noexcept { return at.more_; }
        friend bool operator==(sentinel, const iterator &at) noexcept { return !at.more_; }
        friend bool operator!=(sentinel, const iterator &at) noexcept { return at.more_; }

    private:
        friend class stream;
        explicit iterator(kuai_stream *handle) : handle_(handle), event_(handle), more_(advance(handle)) {}
        kuai_stream *handle_;
        event event_;
        bool more_;
    };

    /** Takes over a handle from a C function. */
    explicit stream(kuai_stream *owned) noexcept : handle_(owned) {}

    /** Fetches the first event. @throws error as next() does */
    iterator begin() { return iterator(handle_.get()); }
    /** The end of every stream. */
    sentinel end() const noexcept { return {}; }

    /** Waits for the next event; false at the end. @throws error when the stream breaks or the service reports a failure in it */
    bool next() { return advance(handle_.get()); }

    /** `KUAI_OK`: an event; `KUAI_DONE`: the end; below zero: a failure, described by result(). */
    status_code try_next() noexcept { return kuai_stream_next(handle_.get()); }

    /** The event that next() fetched. */
    event current() const noexcept { return event(handle_.get()); }

    /** Bytes as they come instead of events; 0 at the end. @throws error when the body breaks off */
    std::size_t read(void *buffer, std::size_t size)
    {
        std::size_t got = 0;
        const status_code status = kuai_stream_read(handle_.get(), buffer, size, &got);
        if (status < 0) {
            fail(handle_.get(), status);
        }
        return got;
    }

    /** Status, headers and error; after the end the whole answer, as if it had not been streamed. Valid until the stream moves on. */
    result_view result() { return result_view(kuai_stream_result(handle_.get())); }

    /** For C functions; still owned by this object. */
    kuai_stream *get() noexcept { return handle_.get(); }

private:
    static bool advance(kuai_stream *handle)
    {
        const status_code status = kuai_stream_next(handle);
        if (status < 0) {
            fail(handle, status);
        }
        return status != KUAI_DONE;
    }

    [[noreturn]] static void fail(kuai_stream *handle, status_code status)
    {
        throw error(status, detail::view(kuai_result_json(kuai_stream_result(handle))));
    }

    detail::owned<kuai_stream> handle_;
};

/**
 * A list, item by item; its pages are fetched as they are needed. Made by client::pages. Read it with a range-for or with next().
 *
 *     for (const auto item : client.pages("files.list"))
 *         std::cout << kuai::json_get(item, "/filename").value_or("?") << '\n';
 */
class pages {
public:
    /** Where a range-for ends. */
    struct sentinel {};

    /** Walks over the items once, each as JSON. Its pages must outlive it; moving the pages object does no harm. */
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = std::string_view;

        reference operator*() const noexcept { return detail::view(kuai_pages_json(handle_)); }
        iterator &operator++()
        {
            more_ = advance(handle_);
            return *this;
        }
        void operator++(int) { ++*this; }

        friend bool operator==(const iterator &at, sentinel) noexcept { return !at.more_; }
        friend bool operator!=(const iterator &at, sentinel) noexcept { return at.more_; }
        friend bool operator==(sentinel, const iterator &at) noexcept { return !at.more_; }
        friend bool operator!=(sentinel, const iterator &at) noexcept { return at.more_; }

    private:
        friend class pages;
        explicit iterator(kuai_pages *handle) : handle_(handle), more_(advance(handle)) {}
        kuai_pages *handle_;
        bool more_;
    };

    /** Takes over a handle from a C function. */
    explicit pages(kuai_pages *owned) noexcept : handle_(owned) {}

    /** Fetches the first page. @throws error as next() does */
    iterator begin() { return iterator(get()); }
    /** The end of every list. */
    sentinel end() const noexcept { return {}; }

    /** Goes to the next item; false at the end. @throws error when a page could not be had; the next call asks for it again */
    bool next() { return advance(get()); }

    /** `KUAI_OK`: an item; `KUAI_DONE`: the end; below zero: a failure, described by result(). */
    status_code try_next() noexcept { return kuai_pages_next(get()); }

    /** This item, byte for byte; empty when there is none. Valid until the next one. */
    std::string_view json() const noexcept { return detail::view(kuai_pages_json(get())); }

    /** The page that the item is on, or the failure. Valid until the next item. */
    result_view result() noexcept { return result_view(kuai_pages_result(get())); }

    /** Lets `source` end the calls. `source` may go before the pages do. */
    pages &cancel_with(const cancel &source) noexcept
    {
        kuai_pages_cancel_with(get(), source.get());
        return *this;
    }

    /** For C functions; still owned by this object. */
    kuai_pages *get() noexcept { return handle_.get(); }
    /** For C functions; still owned by this object. */
    const kuai_pages *get() const noexcept { return handle_.get(); }

private:
    static bool advance(kuai_pages *handle)
    {
        const status_code status = kuai_pages_next(handle);
        if (status < 0) {
            throw error(status, detail::view(kuai_result_json(kuai_pages_result(handle))));
        }
        return status != KUAI_DONE;
    }

    detail::owned<kuai_pages> handle_;
};

/**
 * A conversation in which the model calls tools. Made by client::tools. Go through it with next() and give(), or let finish() do that.
 *
 *     auto tools = client.tools(request);
 *     std::cout << tools.finish([](auto name, auto arguments) { return call(name, arguments); }).text();
 */
class tools {
public:
    /** Takes over a handle from a C function. */
    explicit tools(kuai_tools *owned) noexcept : handle_(owned) {}

    /**
     * Goes on until a tool is to be called, or in a stream new text has come (name() is empty then); false when the model has finished.
     * @throws error when the answer failed; the next call asks for it again
     */
    bool next()
    {
        const status_code status = try_next();
        if (status < 0) {
            throw error(status, result().json());
        }
        return status != KUAI_DONE;
    }

    /** `KUAI_OK`: a call or new text; `KUAI_DONE`: the model has finished; below zero: a failure, described by result(). */
    status_code try_next() noexcept { return kuai_tools_next(get()); }

    /** The tool to call; empty when none is. Valid, like the other texts of the call, until its result is given. */
    std::string_view name() const noexcept { return detail::view(kuai_tools_name(get())); }

    /** What it is to be called with, as the model wrote it: mostly JSON. */
    std::string_view arguments() const noexcept { return detail::view(kuai_tools_arguments(get())); }

    /** The service's name for this call. */
    std::string_view call_id() const noexcept { return detail::view(kuai_tools_call_id(get())); }

    /** What the model has said to the user since the last next(), also at the end. */
    std::string_view text() const noexcept
    {
        std::size_t size = 0;
        const char *start = kuai_tools_text(get(), &size);
        return start != nullptr ? std::string_view(start, size) : std::string_view();
    }

    /** The result of the call that waits for one: any text. @throws error when no call waits, or the text is not UTF-8 */
    void give(const kuai::text &content)
    {
        const status_code status = kuai_tools_give(get(), content.c_str());
        if (status < 0) {
            throw error(status, detail::document(status, "no call waits for a result, or the result is not UTF-8"));
        }
    }

    /**
     * Goes on until the model has finished.
     * @param call what makes the calls: from name and arguments (two `std::string_view`) to the result, a `std::string`
     * @param say  what is done with the model's text (a `std::string_view`) as it comes
     * @throws error as next() does, and what `call` and `say` throw
     */
    template <class Call, class Say> result_view finish(Call &&call, Say &&say)
    {
        bool more = true;
        while (more) {
            more = next();
            if (!text().empty()) {
                say(text());
            }
            if (!name().empty()) {
                give(call(name(), arguments()));
            }
        }
        return result();
    }

    /** The same for a program that reads the text from the last answer. */
    template <class Call> result_view finish(Call &&call)
    {
        return finish(call, [](std::string_view) {});
    }

    /** The service's last answer, or the failure. Valid until the next step. */
    result_view result() noexcept { return result_view(kuai_tools_result(get())); }

    /** The whole conversation, a JSON array, to go on with. Valid until the next step. */
    std::string_view messages() noexcept { return detail::view(kuai_tools_messages(get())); }

    /** Lets `source` end the calls to the service. `source` may go before the conversation does. */
    tools &cancel_with(const cancel &source) noexcept
    {
        kuai_tools_cancel_with(get(), source.get());
        return *this;
    }

    /** For C functions; still owned by this object. */
    kuai_tools *get() noexcept { return handle_.get(); }
    /** For C functions; still owned by this object. */
    const kuai_tools *get() const noexcept { return handle_.get(); }

private:
    detail::owned<kuai_tools> handle_;
};

/** Work of many calls, taken step by step: waiting, an upload in parts, a batch. Made by client::wait, upload and batch. */
class job {
public:
    /** Takes over a handle from a C function. */
    explicit job(kuai_job *owned) noexcept : handle_(owned) {}

    /** Takes the next step; false when the job is finished. @throws error when the step failed; the next one goes on where it was */
    bool next()
    {
        const status_code status = try_next();
        if (status < 0) {
            throw error(status, result().json());
        }
        return status != KUAI_DONE;
    }

    /** `KUAI_OK`: a step further; `KUAI_DONE`: finished; below zero: a failure, described by result(). */
    status_code try_next() noexcept { return kuai_job_next(get()); }

    /** Takes every step that is left and hands the result over. @throws error as next() does */
    result_view finish()
    {
        while (next()) {
        }
        return result();
    }

    /** How far it is, JSON; empty before the first step. Valid until the next step. */
    std::string_view json() const noexcept { return detail::view(kuai_job_json(get())); }

    /** What came of it, or the failure; before that the service's last answer. Valid until the next step. */
    result_view result() noexcept { return result_view(kuai_job_result(get())); }

    /** Lets `source` end the job. What the service works on goes on. `source` may go before the job does. */
    job &cancel_with(const cancel &source) noexcept
    {
        kuai_job_cancel_with(get(), source.get());
        return *this;
    }

    /** For C functions; still owned by this object. */
    kuai_job *get() noexcept { return handle_.get(); }
    /** For C functions; still owned by this object. */
    const kuai_job *get() const noexcept { return handle_.get(); }

private:
    detail::owned<kuai_job> handle_;
};

/** Where the calls go and how. Make one and share it between all threads. */
class client {
public:
    /** Everything from the environment. @throws error `KUAI_CONFIG` */
    client() : client(text(nullptr)) {}

    /** From configuration JSON, the environment where it is silent. @throws error `KUAI_CONFIG` */
    explicit client(const text &config) : handle_(kuai_client_new(config.c_str()))
    {
        const char *problem = kuai_client_error(get());
        if (problem != nullptr) {
            throw error(detail::status_in(problem), problem);
        }
    }

    /** A chat completion: request JSON in, answer JSON out. @throws error */
    std::string chat_complete(const text &request) const
    {
        status_code status = KUAI_OK;
        std::string answer = try_chat_complete(request, status);
        if (status < 0) {
            throw error(status, answer);
        }
        return answer;
    }

    /** The same; a failure is in `status`, and its document is what comes back. */
    std::string try_chat_complete(const text &request, status_code &status) const
    {
        return detail::take(kuai_chat_complete(get(), request.c_str(), &status)).value_or(std::string());
    }

    /** A chat completion piece by piece. A failure comes with the first event. */
    stream chat_stream(const text &request) const { return stream(kuai_chat_stream(get(), request.c_str())); }

    /** Any operation by its name (`"embeddings.create"`) or as `"METHOD /path"`. @throws error */
    result call(const text &operation, const text &params = nullptr, const text &options = nullptr) const
    {
        return checked(try_call(operation, params, options));
    }

    /** The same; ask the result whether it worked. */
    result try_call(const text &operation, const text &params = nullptr, const text &options = nullptr) const
    {
        return result(kuai_call(get(), operation.c_str(), params.c_str(), options.c_str()));
    }

    /** Sends a request and waits for the whole answer. @throws error */
    result send(const request &what) const { return checked(try_send(what)); }

    /** The same; ask the result whether it worked. */
    result try_send(const request &what) const { return result(kuai_send(get(), what.get())); }

    /** Sends a request and hands its answer out piece by piece. A failure comes with the first piece. */
    stream open(const request &what) const { return stream(kuai_open(get(), what.get())); }

    /** A list such as `"files.list"`, item by item. A failure comes with the first item. */
    kuai::pages pages(const text &operation, const text &params = nullptr, const text &options = nullptr) const
    {
        return kuai::pages(kuai_pages_open(get(), operation.c_str(), params.c_str(), options.c_str()));
    }

    /** A conversation in which the model calls tools; see kuai_tools_new. A failure comes with the first step. */
    kuai::tools tools(const text &request, const text &options = nullptr) const
    {
        return kuai::tools(kuai_tools_new(get(), request.c_str(), options.c_str()));
    }

    /** Waits for the end of what a GET such as `"batches.retrieve"` tells of; see kuai_job_wait. A failure comes with the first step. */
    job wait(const text &operation, const text &params = nullptr, const text &options = nullptr) const
    {
        return job(kuai_job_wait(get(), operation.c_str(), params.c_str(), options.c_str()));
    }

    /** Uploads a file in parts; see kuai_job_upload. A failure comes with the first step. */
    job upload(const text &path, const text &params = nullptr, const text &options = nullptr) const
    {
        return job(kuai_job_upload(get(), path.c_str(), params.c_str(), options.c_str()));
    }

    /** Has an array of requests answered as a batch; see kuai_job_batch. A failure comes with the first step. */
    job batch(const text &requests, const text &params = nullptr, const text &options = nullptr) const
    {
        return job(kuai_job_batch(get(), requests.c_str(), params.c_str(), options.c_str()));
    }

    /** Ends every call that is in flight now. Any thread. */
    void cancel() const noexcept { kuai_client_cancel(get()); }

    /** The log's lines since the last time this was asked, each a JSON object with a line feed behind it; see "log" in the configuration. */
    std::string log() const { return detail::take(kuai_client_log(get())).value_or(std::string()); }

    /** For C functions; still owned by this object. */
    const kuai_client *get() const noexcept { return handle_.get(); }

private:
    static result checked(result outcome)
    {
        outcome.check();
        return outcome;
    }

    detail::owned<kuai_client> handle_;
};

/** One value of a JSON text by its JSON pointer (RFC 6901): strings decoded, the rest as JSON; nothing when absent. */
inline std::optional<std::string> json_get(const text &json, const text &pointer)
{
    return detail::take(kuai_json_get(json.c_str(), pointer.c_str()));
}

/** Any UTF-8 text as a JSON string literal, quotes included. */
inline std::string json_quote(const text &value)
{
    return detail::take(kuai_json_quote(value.c_str())).value_or(std::string());
}

/** The library's version, such as `"0.1.0"`. */
inline std::string_view version() noexcept
{
    return detail::view(kuai_version());
}

/** A status as it stands in error documents, such as `"rate_limited"`. */
inline std::string_view status_name(status_code status) noexcept
{
    return detail::view(kuai_status_name(status));
}

/** Every operation that call() knows by name, JSON `[{"name":…,"method":…,"path":…},…]`. */
inline std::string_view operations() noexcept
{
    return detail::view(kuai_operations());
}

/** Copies a text into a buffer, cut to its size and NUL-terminated; returns the size that the whole text needs. */
inline std::size_t text_copy(const text &from, char *buffer, std::size_t size) noexcept
{
    return kuai_text_copy(from.c_str(), buffer, size);
}

/** How many bytes a text has, without its NUL. */
inline std::size_t text_size(const text &of) noexcept
{
    return kuai_text_size(of.c_str());
}

/** The gateway's own estimate of a text's tokens: Han characters + words x 1.3, rounded up. @throws error when it is not UTF-8 */
inline std::int64_t estimate_tokens(const text &of)
{
    const std::int64_t tokens = kuai_estimate_tokens(of.c_str());
    if (tokens < 0) {
        throw error(KUAI_INVALID_ARGUMENT, detail::document(KUAI_INVALID_ARGUMENT, "the text to estimate is not UTF-8"));
    }
    return tokens;
}

/**
 * Checks that a webhook comes from the service and is at most `tolerance_s` seconds old (or early).
 * @throws error `KUAI_AUTHENTICATION` (not genuine), `KUAI_TIMEOUT` (an old one): a webhook cannot pass by not being looked at
 */
inline void webhook_verify(const text &secret, const text &headers_json, std::string_view body, std::int64_t tolerance_s = 300)
{
    const status_code status =
        kuai_webhook_verify(secret.c_str(), headers_json.c_str(), body.data(), body.size(), tolerance_s);
    if (status < 0) {
        throw error(status, detail::document(status, "the webhook is not to be trusted"));
    }
}

} // namespace kuai

#endif
