/* ===========================================================================================================
 * libkuai: a blocking client for OpenAI-compatible services
 *
 * JSON goes in, JSON comes out, and everything between (connections, TLS, proxies, retries, time limits,
 * streams) is done here. A whole program:
 *
 *     #include <stdio.h>
 *     #include <kuai.h>
 *
 *     int main(void)
 *     {
 *         kuai_client *client = kuai_client_new(NULL);
 *         kuai_result *result = kuai_call(client, "chat.completions.create",
 *             "{\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}", NULL);
 *         kuai_status status = kuai_result_status(result);
 *         puts(status == KUAI_OK ? kuai_result_text(result, NULL) : kuai_result_json(result));
 *         kuai_result_free(result);
 *         kuai_client_free(client);
 *         return status != KUAI_OK;
 *     }
 *
 *     $ cc hello.c -lkuai -o hello
 *     $ KUAI_API_KEY=sk-... ./hello
 *     1+100=101
 *
 * The rules on this page (who frees, which thread, what NULL does) hold for every function; what a
 * function's own text says is what is special about it.
 *
 * HANDLES. A kuai_client, kuai_request, kuai_result, kuai_stream, kuai_cancel, kuai_job, kuai_pages or
 * kuai_tools is a pointer to something that you never look into. What you got from a function that returns
 * a pointer to non-const is yours, and the _free function of its kind ends it. Every _free takes NULL.
 * Nothing is to be set up before the first call or torn down after the last one.
 *
 * FAILURES. A function that returns a handle never returns NULL: when something is wrong you get a handle
 * that knows what, and a program may go on with it and look at the end. There is no errno and no "last
 * error". A kuai_status below zero is a failure, whether you know the number or not: later versions add
 * some. The error document is JSON, with everything that OpenAI's own error object has:
 *
 *     {"error":{"message":"...","type":"...","code":"...","param":"...","status":"rate_limited",
 *               "http_status":429,"request_id":"...","retry_after_ms":1500,"attempts":3,"body":"..."}}
 *
 * message, type, code, param, status, http_status and attempts are always there (type, code and param may
 * be null); body is the start of an answer that was not JSON. The key is never in it.
 *
 * NULL. Every pointer may be NULL. Where something is needed, NULL gives KUAI_INVALID_ARGUMENT (as a
 * status, or as the status of the handle that you get); an accessor of a NULL handle gives an empty value.
 *
 * TEXT IN is UTF-8 that ends with NUL. Anything else is refused with the argument's name and the byte at
 * which it stops being UTF-8. JSON that is wrong is refused with line and column, before anything is sent.
 * Bytes come as (data, size); NULL with size 0 is empty.
 *
 * TEXT OUT is UTF-8 that ends with NUL and is never NULL unless the function says so. A `const char *`
 * belongs to the handle it was asked of and is good until that handle is freed or, with what is taken step by
 * step (a stream, pages, tools, a job), until its next step. A `char *` is yours: kuai_string_free, not free.
 * A size_t pointer beside it takes the size without the NUL, and may be NULL; you need it only where the text
 * itself may hold NUL.
 *
 * THREADS. What takes a `const kuai_x *` may be called by many threads at once on one handle, what takes a
 * `kuai_x *` by one at a time. Make one client and share it: its connections are kept and used again. A
 * handle may be used in another thread than the one that made it. What is taken step by step keeps what it
 * needs of its client, so the client may be freed first. No handle may be freed while another call is using it.
 *
 * THE PROCESS is yours. The library sets no signal handler, starts no thread, writes nothing to stdout or
 * stderr, changes no environment or locale, and never calls exit or abort on account of what it is given.
 * SIGPIPE is never raised. A signal does not end a call or lengthen its time limits; to end a call from a
 * handler, use kuai_cancel_trigger, the one function here that a signal handler may call. After fork()
 * parent and child both go on with the clients they have, also when other threads were in the middle of
 * calls: the child makes connections of its own. A stream, pages, tools or a job that the parent had begun is
 * the parent's to finish; the child may free it. pthread_cancel waits for the end of the call that a thread
 * is in. A thread needs 64 KiB of stack. What the library opens never takes the place of a closed stdin,
 * stdout or stderr.
 *
 * LOOKING UP a host's name is done for new connections only, in the calling thread, and is as bounded and cancellable
 * as everything else. On Linux the library reads /etc/nsswitch.conf, /etc/hosts, /etc/resolv.conf and /etc/gai.conf
 * and asks the name servers itself: the system's look-up (getaddrinfo) can be broken off by nothing. Nothing is kept:
 * each new connection asks anew. getaddrinfo looks up where those files say what only the system understands (sources
 * as ldap or nis, names that end in .local with mdns, an unknown option), on other systems, and always with
 * `"resolver":"system"`; then a limit that passes, or a cancelling that comes, meanwhile ends the call when getaddrinfo
 * returns. How long that can be is set by resolv.conf: "options timeout:N attempts:M" (5 seconds and 2, unless set),
 * for each name server and each search domain that does not answer.
 *
 * ENVIRONMENT, where the configuration is silent:
 *
 *     KUAI_API_KEY     with KUAI_BASE_URL    (else https://api.kuaiai.app/v1), or when it is not set
 *     OPENAI_API_KEY   with OPENAI_BASE_URL  (else OPENAI_API_BASE or OPENAI_API_BASE_URL,
 *                                             else https://api.openai.com/v1)
 *     OPENAI_MODEL, OPENAI_ORG_ID, OPENAI_PROJECT_ID, OPENAI_CUSTOM_HEADERS, SSL_CERT_FILE
 *     https_proxy, http_proxy, all_proxy, no_proxy, in small or capital letters, as curl reads them
 *     RES_OPTIONS, LOCALDOMAIN, HOSTALIASES, as the system's look-up reads them
 *
 * A key never goes to the other one's default host: an api_key in the configuration without a base_url
 * belongs to KUAI_BASE_URL or its default.
 *
 * CONFIGURATION is a JSON object. An unknown key is an error that names the nearest known one. Times are
 * milliseconds; 0 switches off a limit that is off by default.
 *
 *     key                    default      meaning
 *     api_key                environment  blanks, quotes and a leading "Bearer " are taken off; "" for none
 *     base_url               environment  https unless said; a bare host gets /v1; an endpoint's path pasted
 *                                         behind it is dropped; a query is kept
 *     base_url_exact         false        true: base_url as it stands
 *     default_model          environment  fills in a missing "model"; none is ever invented
 *     organization, project  environment  sent with each request
 *     headers, query         {}           sent with each request; an object, or [["name","value"],...]
 *     user_agent             libkuai/...  the User-Agent header
 *     connect_timeout_ms     5000         address look-up (see LOOKING UP), TCP and TLS
 *     idle_timeout_ms        600000       the longest gap between bytes
 *     content_timeout_ms     off          the longest gap between stream events that carry something
 *     timeout_ms             off          one attempt, from its start to the end of its answer
 *     deadline_ms            off          the whole call, with every attempt and every wait
 *     max_retries            2            how often a call is tried again after the first time
 *     max_retry_after_ms     120000       a service that asks for a longer wait is not tried again
 *     idempotency_keys       true         a POST that may be retried carries one Idempotency-Key
 *     proxy                  environment  http://, socks5:// or socks5h:// URL; "" for none
 *     resolver               "auto"       "system": names are looked up by getaddrinfo alone (see LOOKING UP)
 *     tls_roots              "bundled"    "bundled": Mozilla's and ca_file; "system"; "file": ca_file alone
 *     ca_file                environment  PEM file of further certificate authorities
 *     client_cert_file       none         PEM files for services that ask the client for a certificate
 *     client_key_file        none
 *     max_response_bytes     1 GiB        a larger answer is KUAI_LIMIT
 *     max_event_bytes        64 MiB       a larger event of a stream is KUAI_LIMIT
 *     incomplete_streams     "error"      "accept": a stream that stops without its end mark counts as whole
 *     strict_turns           false        true: the turns of "messages" are checked by the gateway's rule; calls
 *                                         of tools and their results are no turns
 *     log                    "off"        "error", "info" or "debug": lines for kuai_client_log
 *     azure                  none         {"deployment":"...","api_version":"..."}: Azure's paths and key header
 *
 * OPTIONS of one call (`options_json`) are a JSON object too: timeout_ms, deadline_ms, connect_timeout_ms,
 * idle_timeout_ms, content_timeout_ms and max_retries for this call; headers (one of the same name
 * replaces the client's) and query (added to the client's); idempotency_key; save_to (a file that takes
 * the answer's body); and bare. With `"bare":true` the request goes out with exactly the headers given and
 * in one attempt; error statuses and redirects come back as they are, bodies are not decoded, and the
 * operation may name an absolute URL ("GET http://host/path"), so that another program can use the library
 * as its HTTP client.
 */

#ifndef KUAI_H
#define KUAI_H

#include <stddef.h>
#include <stdint.h>

#define KUAI_VERSION "0.1.0"
#define KUAI_VERSION_MAJOR 0
#define KUAI_VERSION_MINOR 1
#define KUAI_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif


/* ===========================================================================================================
 * Statuses: what became of it
 *
 * The numbers never change. Failures are below zero; from -400 on they are the HTTP status of the answer.
 */

/** The values of a kuai_status. */
typedef enum kuai_status_code {
    /** It worked. */
    KUAI_OK = 0,
    /** It is at its end: a stream whose answer is whole, a finished job, a list, a conversation. */
    KUAI_DONE = 1,
    /** NULL, not UTF-8, not JSON, an unknown operation, a missing path parameter. */
    KUAI_INVALID_ARGUMENT = -1,
    /** The client's configuration is wrong. */
    KUAI_CONFIG = -2,
    /** A local file could not be read or written. */
    KUAI_IO = -3,
    /** No connection, or it broke before the answer was whole. */
    KUAI_CONNECTION = -10,
    /** One of the time limits passed. */
    KUAI_TIMEOUT = -11,
    /** The certificate or the handshake. */
    KUAI_TLS = -12,
    /** Cancelled by the program. */
    KUAI_CANCELLED = -13,
    /** The answer is not what the API promises: not HTTP, not JSON, an HTML page. */
    KUAI_PROTOCOL = -14,
    /** A size limit of the client's passed, or max_turns. */
    KUAI_LIMIT = -15,
    /** A defect of the library, with its text. The program goes on. */
    KUAI_INTERNAL = -99,
    /** HTTP 400, and every 4xx that is not below. */
    KUAI_BAD_REQUEST = -400,
    /** HTTP 401: the key is missing or wrong. */
    KUAI_AUTHENTICATION = -401,
    /** HTTP 403. */
    KUAI_PERMISSION = -403,
    /** HTTP 404. */
    KUAI_NOT_FOUND = -404,
    /** HTTP 409. */
    KUAI_CONFLICT = -409,
    /** HTTP 422. */
    KUAI_UNPROCESSABLE = -422,
    /** HTTP 429: too fast, or the quota is used up. */
    KUAI_RATE_LIMITED = -429,
    /** HTTP 5xx. */
    KUAI_SERVER = -500,
    /** A failure that the service reported inside HTTP 200. */
    KUAI_SERVICE = -600
} kuai_status_code;

/**
 * What became of it: one of the constants above. A number below zero that you do not know is a failure
 * too.
 */
typedef int32_t kuai_status;


/* ===========================================================================================================
 * Handles: made by one function, freed by one, never looked into
 */

/** A switch that ends calls from another thread or from a signal handler. */
typedef struct kuai_cancel kuai_cancel;

/**
 * Whom to ask and how: a service's address, a key, limits. Never changes once it is made; meant to be
 * shared by all threads.
 */
typedef struct kuai_client kuai_client;

/** Work of many calls, taken step by step. */
typedef struct kuai_job kuai_job;

/** A walk over a list. */
typedef struct kuai_pages kuai_pages;

/** What to send, put together in steps. */
typedef struct kuai_request kuai_request;

/** What became of a call: a status, and the answer or the error document. */
typedef struct kuai_result kuai_result;

/** An answer that is still coming, taken piece by piece. */
typedef struct kuai_stream kuai_stream;

/** A conversation in which the model calls tools. */
typedef struct kuai_tools kuai_tools;


/* ===========================================================================================================
 * Client: whom to ask
 */

/**
 * Makes a client.
 *
 * `config_json` is an object of the configuration keys above; NULL takes everything from the environment.
 * Nothing is connected yet. A wrong configuration does not show here: every call fails with it
 * (KUAI_CONFIG), and kuai_client_error tells it at once. Free with kuai_client_free.
 *
 *     kuai_client *client = kuai_client_new("{\"deadline_ms\":60000,\"max_retries\":5}");
 */
kuai_client *kuai_client_new(const char *config_json);

/**
 * What is wrong with the client: the error document, or NULL when it can be used.
 *
 *     if (kuai_client_error(client))
 *         fprintf(stderr, "%s\n", kuai_client_error(client));
 */
const char *kuai_client_error(const kuai_client *client);

/**
 * Ends every call and stream of this client that is now in flight, and everything that is taken step by step
 * (pages, tools, jobs), from any thread; they fail with KUAI_CANCELLED.
 *
 * Calls that start afterwards are not touched. To end one call, see kuai_cancel_new.
 */
void kuai_client_cancel(const kuai_client *client);

/**
 * Takes the log's lines: those since the last time this was asked. "" when there are none, or when the
 * configuration's "log" is off. Never NULL; free with kuai_string_free.
 *
 * With "log" at "error" there is a line for each attempt that failed, at "info" for every attempt, at
 * "debug" also when an attempt ("start") or the wait before another one ("wait") begins. Each line is a JSON
 * object with a line feed behind it:
 *
 *     {"time_ms":1790000000000,"level":"info","event":"attempt","method":"POST","path":"/v1/chat/completions",
 *      "attempt":1,"status":"ok","http_status":200,"request_id":"req_1","look_up_us":51,"connect_us":9300,
 *      "handshake_us":21800,"send_us":120,"wait_us":840000,"body_us":2100,"sent_bytes":412,
 *      "received_bytes":1950,"reused":false}
 *
 * (in one line). The times are those of kuai_result_times; time_ms is the clock's, since 1970. A stream has
 * its line when it ends or is freed. No key, header, query, prompt or answer is ever in a line. May be asked
 * from any thread, also while calls run: nothing is called back, so nothing can go wrong in a callback. The
 * last 1000 lines are kept; when more were not fetched, a line with "event":"lost" says how many went.
 *
 *     char *lines = kuai_client_log(client);
 *     fputs(lines, stderr);
 *     kuai_string_free(lines);
 */
char *kuai_client_log(const kuai_client *client);

/**
 * Frees the client and closes the connections that it keeps. Its calls must have ended; its streams, pages,
 * tools and jobs may go on.
 */
void kuai_client_free(kuai_client *client);


/* ===========================================================================================================
 * Calls: ask, and get the answer
 */

/**
 * A chat completion in one call: request in, answer out.
 *
 * `request_json` is the request as the API documents it ("messages", "model", ...); "stream" in it is
 * taken out. Returns the answer's JSON as it came, or the error document; never NULL. `status` takes which
 * of the two it is, and may be NULL. Free with kuai_string_free.
 *
 *     char *answer = kuai_chat_complete(client,
 *         "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}", &status);
 *     char *text = kuai_json_get(answer, "/choices/0/message/content");
 *     if (status == KUAI_OK && text)
 *         puts(text);
 *     kuai_string_free(text);
 *     kuai_string_free(answer);
 */
char *kuai_chat_complete(const kuai_client *client, const char *request_json, kuai_status *status);

/**
 * The same with the answer coming piece by piece.
 *
 * "stream" is set for you. Waits until the answer begins, with retries if need be; what comes after that
 * is not retried. Never NULL: when the request failed, the first kuai_stream_next tells so. Free with
 * kuai_stream_free.
 *
 *     kuai_stream *stream = kuai_chat_stream(client,
 *         "{\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story.\"}]}");
 *     while ((status = kuai_stream_next(stream)) == KUAI_OK)
 *         fputs(kuai_stream_text(stream, NULL), stdout);
 *     if (status != KUAI_DONE)
 *         fprintf(stderr, "%s\n", kuai_result_json(kuai_stream_result(stream)));
 *     kuai_stream_free(stream);
 */
kuai_stream *kuai_chat_stream(const kuai_client *client, const char *request_json);

/** Frees a `char *` that a function of this library returned. Takes NULL. */
void kuai_string_free(char *text);

/**
 * Any operation of the API, by name.
 *
 * `operation` is the name that the official SDKs use ("embeddings.create", "models.list"; kuai_operations
 * lists them) or a method and a path ("POST /embeddings", "GET /models/{model}"). `params_json` is an
 * object of its parameters: those that the path or the query needs are put there, the rest is the body;
 * NULL for none. `options_json` is an object of the options above; NULL for none. Never NULL; free with
 * kuai_result_free.
 *
 *     kuai_result *result = kuai_call(client, "models.retrieve", "{\"model\":\"gpt-4o-mini\"}", NULL);
 *     puts(kuai_result_json(result));
 *     kuai_result_free(result);
 */
kuai_result *kuai_call(const kuai_client *client,
                       const char *operation,
                       const char *params_json,
                       const char *options_json);


/* ===========================================================================================================
 * Requests: a call in steps, for what JSON cannot carry
 *
 * Files to upload, bodies that are not JSON, answers that go to a file, calls that can be cancelled:
 *
 *     kuai_request *request = kuai_request_new("audio.transcriptions.create", "{\"model\":\"whisper-1\"}", NULL);
 *     kuai_result *result;
 *     kuai_request_file_path(request, "file", "speech.mp3");
 *     result = kuai_send(client, request);
 *     puts(kuai_result_status(result) == KUAI_OK ? kuai_result_text(result, NULL) : kuai_result_json(result));
 *     kuai_result_free(result);
 *     kuai_request_free(request);
 *
 * The steps need not be checked one by one: the first that fails stays with the request, and sending it
 * gives that error.
 */

/**
 * Starts a request. The arguments are those of kuai_call, and are copied.
 *
 * Never NULL; free with kuai_request_free. It belongs to no client, and may be sent any number of times.
 */
kuai_request *kuai_request_new(const char *operation, const char *params_json, const char *options_json);

/**
 * Sets the body, for operations whose body is not JSON.
 *
 * `params_json` may then hold only what belongs into the path and the query. The bytes are copied.
 * `content_type` NULL is application/octet-stream. A second call replaces the body of the first.
 *
 *     kuai_request_body(request, "text/plain", "hello", 5);
 */
kuai_status kuai_request_body(kuai_request *request, const char *content_type, const void *data, size_t size);

/**
 * Adds a file to upload, from memory. The request becomes a form: the parameters are its other fields. A
 * field may have several files.
 *
 * The bytes are borrowed: they must stay as they are until the request is freed. `content_type` NULL goes
 * by the ending of `filename`.
 *
 *     static const char lines[] = "{\"prompt\":\"a\",\"completion\":\"b\"}\n";
 *     kuai_request *request = kuai_request_new("files.create", "{\"purpose\":\"fine-tune\"}", NULL);
 *     kuai_request_file(request, "file", "lines.jsonl", NULL, lines, sizeof lines - 1);
 */
kuai_status kuai_request_file(kuai_request *request,
                              const char *field,
                              const char *filename,
                              const char *content_type,
                              const void *data,
                              size_t size);

/**
 * Adds a file to upload, from a path (UTF-8). It is read while it is sent, each time the request is sent,
 * and never held in memory. KUAI_IO when it cannot be read.
 */
kuai_status kuai_request_file_path(kuai_request *request, const char *field, const char *path);

/**
 * Writes the body of a good answer to a file as it comes, instead of keeping it in memory.
 *
 * The file appears, or is replaced, when the answer is whole: nothing half-written is ever found at
 * `path`. A failure leaves it alone, and nothing is sent when no file can be written there. Such a
 * request cannot be opened as a stream.
 *
 *     kuai_request *request = kuai_request_new("audio.speech.create",
 *         "{\"model\":\"tts-1\",\"voice\":\"alloy\",\"input\":\"Hello.\"}", NULL);
 *     kuai_request_save_to(request, "hello.mp3");
 */
kuai_status kuai_request_save_to(kuai_request *request, const char *path);

/**
 * Gives the request a switch that ends every sending of it, and the streams opened with it, in place of
 * one given before. The switch may be freed before the request is.
 */
kuai_status kuai_request_cancel_with(kuai_request *request, const kuai_cancel *cancel);

/**
 * Sends the request and waits for the whole answer, with retries if need be. Never NULL; free with
 * kuai_result_free.
 */
kuai_result *kuai_send(const kuai_client *client, const kuai_request *request);

/**
 * Sends the request, waits until the answer begins, and gives it as a stream. Never NULL; free with
 * kuai_stream_free.
 *
 * "stream" is set for you where the operation has it. Events are taken with kuai_stream_next, an answer
 * that is no event stream (audio, a file) with kuai_stream_read.
 */
kuai_stream *kuai_open(const kuai_client *client, const kuai_request *request);

/** Frees the request. Streams that were opened with it may go on. */
void kuai_request_free(kuai_request *request);


/* ===========================================================================================================
 * Results: what became of a call
 *
 * What these functions return belongs to the result and is good until it is freed.
 */

/** KUAI_OK, or why the call failed. */
kuai_status kuai_result_status(const kuai_result *result);

/** The HTTP status of the answer; 0: no answer came. */
int32_t kuai_result_http_status(const kuai_result *result);

/** The answer's JSON as it came, or the error document. "" when a good answer is not JSON (audio, a file). */
const char *kuai_result_json(const kuai_result *result);

/**
 * The text in the answer: the message's content, the output text, the transcript; "" if there is none.
 *
 * `size` takes its size, and may be NULL.
 */
const char *kuai_result_text(const kuai_result *result, size_t *size);

/**
 * The bytes of the answer's body as they came, also of a failure's. There is a NUL behind them. Empty when
 * they went to a file.
 *
 * `size` takes their number, and may be NULL.
 *
 *     size_t size;
 *     const void *audio = kuai_result_body(result, &size);
 *     fwrite(audio, 1, size, stdout);
 */
const void *kuai_result_body(const kuai_result *result, size_t *size);

/** The number of bytes that kuai_result_body gives, for languages in which an out parameter is a burden. */
size_t kuai_result_body_size(const kuai_result *result);

/**
 * The value of the answer's header `name`, in any case; the first if there are several; NULL if there is
 * none.
 *
 *     const char *left = kuai_result_header(result, "x-ratelimit-remaining-requests");
 */
const char *kuai_result_header(const kuai_result *result, const char *name);

/** All headers of the answer as JSON, `[["name","value"],...]`, in order and as they came. */
const char *kuai_result_headers(const kuai_result *result);

/**
 * What the call took, as JSON; "{}" when nothing was sent. Times are microseconds.
 *
 *     {"total_us":874000,"attempts":1,"look_up_us":51,"connect_us":9300,"handshake_us":21800,"send_us":120,
 *      "wait_us":840000,"body_us":2100,"sent_bytes":412,"received_bytes":1950,"reused":false}
 *
 * total_us is the whole call, with every attempt and every wait between them. The rest is the last attempt's:
 * looking the host up, connecting (TCP and the proxy's part), the TLS handshake, sending the request, waiting
 * for the answer's head, receiving its body. "reused": it went over a connection that was there. Bytes are
 * HTTP's, headers included, without what TLS adds. Of a stream's result: until its end, or until now.
 *
 *     char *wait = kuai_json_get(kuai_result_times(result), "/wait_us");
 */
const char *kuai_result_times(const kuai_result *result);

/** Frees the result and everything borrowed from it. */
void kuai_result_free(kuai_result *result);


/* ===========================================================================================================
 * Streams: an answer taken as it comes
 *
 * The program pulls: each kuai_stream_next waits for one event. What the accessors return is good until
 * the next kuai_stream_next, kuai_stream_read or kuai_stream_free. See kuai_chat_stream for an example.
 */

/**
 * Waits for the next event.
 *
 * KUAI_OK: there is one, and the three functions below tell what it is. KUAI_DONE: the answer is whole.
 * Anything else is a failure: kuai_stream_result has its document, and what came until then was only a
 * part. Once it has given something else than KUAI_OK it gives that again, and there is no event any more.
 */
kuai_status kuai_stream_next(kuai_stream *stream);

/** This event's data: JSON, as it came. "" when there is no event. */
const char *kuai_stream_json(const kuai_stream *stream);

/** The text that this event adds to the answer; "" if it adds none. `size` takes its size, and may be NULL. */
const char *kuai_stream_text(const kuai_stream *stream, size_t *size);

/** This event's name ("response.output_text.delta"); "" if it has none, as in chat completions. */
const char *kuai_stream_event(const kuai_stream *stream);

/**
 * Reads the answer's bytes instead of its events: audio, a file, the answer to a bare request.
 *
 * Waits for at least one byte and writes up to `size` of them to `buffer`; `got` takes how many, and may
 * be NULL. KUAI_OK: some came. KUAI_DONE: there are no more. Anything else is a failure, as with
 * kuai_stream_next. A stream is taken as events or as bytes; both is KUAI_INVALID_ARGUMENT.
 *
 *     char buffer[8192];
 *     size_t got;
 *     while ((status = kuai_stream_read(stream, buffer, sizeof buffer, &got)) == KUAI_OK)
 *         fwrite(buffer, 1, got, stdout);
 */
kuai_status kuai_stream_read(kuai_stream *stream, void *buffer, size_t size, size_t *got);

/**
 * The stream as a result: HTTP status and headers, and once it is done the whole answer as if it had not
 * been streamed.
 *
 * When it failed: the error document, and as text and body as much of the answer as had come. While it is
 * going on: KUAI_OK and as much as has come. It belongs to the stream and is good until the next call on
 * it: do not free it. Never NULL.
 *
 *     while (kuai_stream_next(stream) == KUAI_OK)
 *         putchar('.');
 *     puts(kuai_result_json(kuai_stream_result(stream)));
 */
const kuai_result *kuai_stream_result(kuai_stream *stream);

/** Frees the stream and everything borrowed from it. One that is not at its end is broken off. */
void kuai_stream_free(kuai_stream *stream);


/* ===========================================================================================================
 * Cancelling: to end one call from outside
 *
 * One switch may be given to many requests. Once triggered it stays so: what is sent with it later ends at
 * once.
 *
 *     kuai_cancel *cancel = kuai_cancel_new();
 *     kuai_request_cancel_with(request, cancel);
 *
 * Then kuai_send in one thread, kuai_cancel_trigger in another.
 */

/** Makes a switch. Never NULL; free with kuai_cancel_free. */
kuai_cancel *kuai_cancel_new(void);

/**
 * Ends every call that this switch was given to, and every later one: they fail with KUAI_CANCELLED.
 *
 * May be called from any thread and from a signal handler, any number of times.
 */
void kuai_cancel_trigger(const kuai_cancel *cancel);

/** Frees the switch. The requests that it was given to keep what they need of it. */
void kuai_cancel_free(kuai_cancel *cancel);


/* ===========================================================================================================
 * Pages: a list, item by item
 *
 * Services hand out long lists page by page. The program takes the items, and the pages are fetched as they
 * are needed:
 *
 *     kuai_pages *pages = kuai_pages_open(client, "files.list", "{\"purpose\":\"batch\"}", NULL);
 *     while ((status = kuai_pages_next(pages)) == KUAI_OK)
 *         puts(kuai_pages_json(pages));
 *     if (status != KUAI_DONE)
 *         fprintf(stderr, "%s\n", kuai_result_json(kuai_pages_result(pages)));
 *     kuai_pages_free(pages);
 *
 * The end of a list is where its service says it is (has_more, the next page's token), or else an empty page
 * or one whose items have no id. A list that is cut off is never taken for a whole one: a page that leads
 * back to where the list has been already, one that has more but not where, and an answer that is no list are
 * KUAI_PROTOCOL.
 */

/**
 * Begins a walk over a list. Nothing is sent before the first kuai_pages_next.
 *
 * `operation` is any list of the API ("files.list", "fine_tuning.jobs.list_events",
 * "admin.organization.usage.costs"), with or without pages ("models.list"), also as a method and a path.
 * `params_json` is an object of its parameters, NULL for none; they go with every page. "limit" is the size
 * of a page, not of the list; "after" (or "page") is where the walk begins; with "before" and no "after" it
 * goes backwards, page before page. `options_json` are the options of each call that fetches a page, without
 * idempotency_key, save_to and bare. Never NULL; free with kuai_pages_free.
 */
kuai_pages *kuai_pages_open(const kuai_client *client,
                            const char *operation,
                            const char *params_json,
                            const char *options_json);

/**
 * Gives the walk a switch that ends its calls at once, in place of one given before: kuai_pages_next is
 * KUAI_CANCELLED. The switch may be freed before the walk is.
 */
kuai_status kuai_pages_cancel_with(kuai_pages *pages, const kuai_cancel *cancel);

/**
 * Goes to the next item, and fetches the next page when that is due.
 *
 * KUAI_OK: there is an item. KUAI_DONE: there are no more, and it stays so. Anything else is a failure, and
 * kuai_pages_result has its document; the items that came before it are good. Where a page could not be had
 * (KUAI_CONNECTION, KUAI_RATE_LIMITED), another kuai_pages_next asks for that page again.
 */
kuai_status kuai_pages_next(kuai_pages *pages);

/**
 * This item, byte for byte as it came. "" when there is none. Good until the next kuai_pages_next or
 * kuai_pages_free.
 *
 *     char *id = kuai_json_get(kuai_pages_json(pages), "/id");
 *     puts(id ? id : "no id");
 *     kuai_string_free(id);
 */
const char *kuai_pages_json(const kuai_pages *pages);

/**
 * The page that the item is on, as it came, with its headers; after KUAI_DONE the last page, after a failure
 * the error document.
 *
 * It belongs to the walk and is good until the next kuai_pages_next or kuai_pages_free: do not free it.
 * Never NULL.
 */
const kuai_result *kuai_pages_result(kuai_pages *pages);

/** Ends the walk, and frees it and everything borrowed from it. */
void kuai_pages_free(kuai_pages *pages);


/* ===========================================================================================================
 * Tools: functions of the program's that the model may call
 *
 * The request names the tools. The program asks for the next call, does what the model wants, gives the
 * result back, and so on until the model has finished:
 *
 *     const char *request_json =
 *         "{\"messages\":[{\"role\":\"user\",\"content\":\"How warm is it in Paris?\"}],"
 *         "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":"
 *         "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}}}}}]}";
 *     kuai_tools *tools = kuai_tools_new(client, request_json, NULL);
 *     while ((status = kuai_tools_next(tools)) == KUAI_OK) {
 *         printf("%s(%s)\n", kuai_tools_name(tools), kuai_tools_arguments(tools));
 *         kuai_tools_give(tools, "21 degrees, sunny");
 *     }
 *     puts(status == KUAI_DONE ? kuai_tools_text(tools, NULL) : kuai_result_json(kuai_tools_result(tools)));
 *     kuai_tools_free(tools);
 *
 * The model's messages go back to the service byte for byte, with all that it wants to see again
 * (reasoning_content, thought signatures). The request may be one of chat completions ("messages"; "tools",
 * or the older "functions") or one of responses ("input"). Of several choices ("n") the first counts.
 */

/**
 * Begins a conversation with tools. Nothing is sent before the first kuai_tools_next.
 *
 * `request_json` is the request as the API documents it. It goes out as it stands with every turn, but for
 * the messages that were added, and "stream". `options_json` are the options of each call to the service,
 * without idempotency_key, save_to and bare, and two more:
 *
 *     max_turns  10     the most answers that the model may give; when it still calls tools after that, and the
 *                       results are given, kuai_tools_next is KUAI_LIMIT
 *     stream     false  true: the text comes piece by piece
 *
 * Never NULL; free with kuai_tools_free.
 */
kuai_tools *kuai_tools_new(const kuai_client *client, const char *request_json, const char *options_json);

/**
 * Gives the conversation a switch that ends its calls to the service at once, in place of one given before:
 * kuai_tools_next is KUAI_CANCELLED. With "stream" it counts from the next answer on. The switch may be freed
 * before the conversation is.
 */
kuai_status kuai_tools_cancel_with(kuai_tools *tools, const kuai_cancel *cancel);

/**
 * Goes on until there is something for the program to do.
 *
 * KUAI_OK: a tool is to be called, and waits for kuai_tools_give; with "stream" also when new text has come,
 * and then kuai_tools_name is "". Several calls in one answer are handed out one after the other. KUAI_DONE:
 * the model has finished, and it stays so. Anything else is a failure, and kuai_tools_result has its
 * document: KUAI_INVALID_ARGUMENT when a call still waits for its result, KUAI_LIMIT after max_turns answers.
 * Where an answer could not be had, another kuai_tools_next asks for it again; with "stream" its text then
 * comes from its start.
 *
 *     kuai_tools *tools = kuai_tools_new(client, request_json, "{\"stream\":true}");
 *     while ((status = kuai_tools_next(tools)) == KUAI_OK) {
 *         fputs(kuai_tools_text(tools, NULL), stdout);
 *         if (strcmp(kuai_tools_name(tools), "") != 0)
 *             kuai_tools_give(tools, "21 degrees, sunny");
 *     }
 *     kuai_tools_free(tools);
 */
kuai_status kuai_tools_next(kuai_tools *tools);

/**
 * The name of the tool to call. "" when no call waits for its result.
 *
 * This and the other texts of a call are good until the next kuai_tools_give, kuai_tools_next or
 * kuai_tools_free.
 */
const char *kuai_tools_name(const kuai_tools *tools);

/**
 * What the tool is to be called with, as the model wrote it: JSON if all is well (a custom tool's is plain
 * text).
 *
 * Models make mistakes, and an answer that reached its longest length ends anywhere: what is no JSON is
 * handed out all the same. To give back what is wrong with it mostly helps the model.
 *
 *     char *city = kuai_json_get(kuai_tools_arguments(tools), "/city");
 *     kuai_tools_give(tools, city ? "21 degrees, sunny" : "error: the argument city is missing");
 *     kuai_string_free(city);
 */
const char *kuai_tools_arguments(const kuai_tools *tools);

/** The service's name for this call. "" when it gave none (the older "functions" have none). */
const char *kuai_tools_call_id(const kuai_tools *tools);

/**
 * What the model has said to the user since the last kuai_tools_next, also after KUAI_DONE: printed each
 * time, it is everything once. Without "stream" it comes in one piece, with the answer's first call or with
 * KUAI_DONE. `size` takes its size, and may be NULL. Good until the next kuai_tools_next or kuai_tools_free.
 */
const char *kuai_tools_text(const kuai_tools *tools, size_t *size);

/**
 * Gives the result of the call that waits for one: any text, also one that says what went wrong. It is
 * copied.
 *
 * KUAI_INVALID_ARGUMENT when no call waits, or when `content` is NULL or not UTF-8; then the call still
 * waits, and until a good result comes kuai_tools_next fails with the same.
 */
kuai_status kuai_tools_give(kuai_tools *tools, const char *content);

/**
 * The service's last answer; after KUAI_DONE the final one, after a failure the error document. While an
 * answer is coming ("stream"), as much of it as has come.
 *
 * It belongs to the conversation and is good until the next kuai_tools_next or kuai_tools_free: do not free
 * it. Never NULL.
 */
const kuai_result *kuai_tools_result(kuai_tools *tools);

/**
 * The whole conversation as a JSON array, to go on with: the request's "messages" (or "input"), the model's
 * answers, and the results. "[]" when there is none. Good until the next kuai_tools_give, kuai_tools_next or
 * kuai_tools_free.
 *
 * While a call waits for its result the array lacks that, and services refuse such a conversation. After
 * KUAI_LIMIT another kuai_tools can go on with it.
 */
const char *kuai_tools_messages(kuai_tools *tools);

/** Ends the conversation, and frees it and everything borrowed from it. */
void kuai_tools_free(kuai_tools *tools);


/* ===========================================================================================================
 * Jobs: what takes long
 *
 * Waiting for the end of something that the service works on, uploading a large file, having many requests
 * answered as a batch. The program takes a job step by step, so that it can show how far it is, and stop:
 *
 *     kuai_job *job = kuai_job_wait(client, "batches.retrieve", "{\"batch_id\":\"batch_1\"}", NULL);
 *     while ((status = kuai_job_next(job)) == KUAI_OK)
 *         printf("%s\n", kuai_job_json(job));
 *     puts(kuai_result_json(kuai_job_result(job)));
 *     kuai_job_free(job);
 *
 * What the service works on goes on when the job is freed, is cancelled or fails, and another job can be made
 * for it. `options_json` are the options of each call that the job makes (deadline_ms is one call's too),
 * without idempotency_key, save_to and bare, and two more:
 *
 *     interval_ms      1000           the pause between two looks; when the service names one (in the header
 *                      (files 5000)   openai-poll-after-ms), that is taken
 *     longest_wait_ms  off            how long is waited for the end, from the first kuai_job_next on; then
 *                      (files 30 min) KUAI_TIMEOUT, and the next kuai_job_next waits for as long again; 0: off
 */

/**
 * Waits until what an operation tells of has come to its end.
 *
 * `operation` is any GET whose answer has a "status": "batches.retrieve", "fine_tuning.jobs.retrieve",
 * "beta.threads.runs.retrieve", "responses.retrieve", "vector_stores.files.retrieve",
 * "vector_stores.file_batches.retrieve", "videos.retrieve", "files.retrieve" and the like;
 * `params_json` are its parameters. Never NULL; free with kuai_job_free.
 *
 * Each kuai_job_next pauses and looks once; the first one looks at once. The end is every status but
 * queued, pending, validating, validating_files, uploaded, in_progress, processing, running, finalizing and
 * cancelling, also one that tells of a failure, or that it is the program's turn (requires_action): then
 * kuai_job_next gives KUAI_DONE, the result is the object, and the program reads its status.
 *
 *     kuai_job *job = kuai_job_wait(client, "fine_tuning.jobs.retrieve", "{\"fine_tuning_job_id\":\"ftjob-1\"}",
 *         "{\"longest_wait_ms\":3600000}");
 *     while ((status = kuai_job_next(job)) == KUAI_OK)
 *         putchar('.');
 *     if (status == KUAI_DONE) {
 *         char *state = kuai_json_get(kuai_job_json(job), "/status");
 *         puts(state ? state : "?");
 *         kuai_string_free(state);
 *     }
 *     kuai_job_free(job);
 */
kuai_job *kuai_job_wait(const kuai_client *client,
                        const char *operation,
                        const char *params_json,
                        const char *options_json);

/**
 * Uploads a file in parts (uploads.create, uploads.parts.create, uploads.complete), for files that are too
 * large for files.create or for one attempt.
 *
 * `path` (UTF-8) is read as it is sent and never held in memory; a file that changes before the upload is
 * complete is KUAI_IO. `params_json` are those of uploads.create: purpose, and where they are not as the
 * path has it filename and mime_type, expires_after; beside them part_bytes (64 MiB, the most that the API
 * takes), md5 (of the whole file, for the service to check), resume and share. Never NULL; free with
 * kuai_job_free.
 *
 * The first kuai_job_next begins the upload, each further one sends a part, the last one completes it:
 * the result is the file, as files.create would have given it. kuai_job_json is
 *
 *     {"upload_id":"upload_1","sent":67108864,"size":150000000,"part_bytes":67108864,"modified_ms":1700000000000,
 *      "parts":["part_1",null,null]}
 *
 * and all that another job needs, in this process or a later one, to send what is missing: that is what
 * `"resume"` takes. An upload that is not complete after an hour is gone (OpenAI); uploads.cancel ends it
 * before.
 *
 * To send several parts at once, let one job begin the upload, give its kuai_job_json to as many threads
 * or processes as you like, each with a job of its own with `"resume":<that>,"share":[i,n]` (share i of n,
 * counted from 0; kuai_job_next is KUAI_DONE when it is sent), and then a last job with `"resume":[...]` of
 * all their kuai_job_json. That one sends what they did not, and completes the upload.
 *
 *     kuai_job *job = kuai_job_upload(client, "training.jsonl", "{\"purpose\":\"fine-tune\"}", NULL);
 *     while ((status = kuai_job_next(job)) == KUAI_OK)
 *         puts(kuai_job_json(job));
 *     puts(kuai_result_json(kuai_job_result(job)));
 *     kuai_job_free(job);
 */
kuai_job *kuai_job_upload(const kuai_client *client,
                          const char *path,
                          const char *params_json,
                          const char *options_json);

/**
 * Has many requests answered as one batch: uploads them, waits for the batch, and fetches and sorts its
 * results.
 *
 * `requests_json` is an array. Each item is a request of the endpoint as kuai_call would take it, or
 * `{"custom_id":"...","method":"POST","url":"/v1/...","body":{...}}` of which all but body may be missing.
 * A request without a custom_id gets "request-0", "request-1" and so on, by its place in the array.
 * `params_json` are those of batches.create, none of which is needed: endpoint (else the url of the first
 * request, else "/v1/chat/completions"), completion_window (else "24h"), metadata and so on; and resume:
 * what kuai_job_json of another job said, or `{"batch_id":"..."}`. With a batch that is there already
 * `requests_json` may be NULL. Never NULL; free with kuai_job_free.
 *
 * kuai_job_json is `{"input_file_id":"...","batch_id":"...","batch":{...}}`. At the end the result is
 *
 *     {"batch":{...},                        as batches.retrieve gives it: read its status
 *      "results":{"request-0":{...},...},    each answer as kuai_call would have given it
 *      "errors":{"request-7":{"error":{...}},...},      each failure, as an error document
 *      "broken":[{"file_id":"...","line":3,"why":"...","text":"..."}],   lines that could not be read
 *      "missing":["request-9"]}              requests of which nothing came; only where they were given
 *
 * A batch that failed, expired or was cancelled is KUAI_DONE too, with the results that there are. Requests
 * and results are held in memory. The files stay with the service.
 *
 *     kuai_job *job = kuai_job_batch(client,
 *         "[{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}]", NULL, NULL);
 *     while ((status = kuai_job_next(job)) == KUAI_OK)
 *         puts(kuai_job_json(job));
 *     if (status == KUAI_DONE) {
 *         char *text = kuai_json_get(kuai_result_json(kuai_job_result(job)),
 *             "/results/request-0/choices/0/message/content");
 *         puts(text ? text : "no answer");
 *         kuai_string_free(text);
 *     }
 *     kuai_job_free(job);
 */
kuai_job *kuai_job_batch(const kuai_client *client,
                         const char *requests_json,
                         const char *params_json,
                         const char *options_json);

/**
 * Gives the job a switch that ends its pauses and calls at once, in place of one given before:
 * kuai_job_next is KUAI_CANCELLED. The switch may be freed before the job is.
 *
 * What the service works on goes on; batches.cancel, fine_tuning.jobs.cancel and the like end that.
 */
kuai_status kuai_job_cancel_with(kuai_job *job, const kuai_cancel *cancel);

/**
 * Takes the job's next step.
 *
 * KUAI_OK: it is a step further, and there is more to do. KUAI_DONE: it is finished, and stays so. Anything
 * else is a failure, and kuai_job_result has its document; another kuai_job_next goes on where the job
 * was. A job that could not be begun, or was cancelled, fails with the same each time.
 *
 *     int tries = 0;
 *     do
 *         status = kuai_job_next(job);
 *     while (status == KUAI_OK || (status == KUAI_CONNECTION && ++tries < 10));
 */
kuai_status kuai_job_next(kuai_job *job);

/**
 * How far the job is, as JSON; which, the function that made it says. "" before the first step. Good until
 * the next kuai_job_next or kuai_job_free.
 */
const char *kuai_job_json(const kuai_job *job);

/**
 * What came of the job: after KUAI_DONE its result, after a failure the error document, before that the
 * service's last answer.
 *
 * It belongs to the job and is good until the next kuai_job_next or kuai_job_free: do not free it. Never
 * NULL.
 */
const kuai_result *kuai_job_result(kuai_job *job);

/** Frees the job and everything borrowed from it. What the service works on goes on. */
void kuai_job_free(kuai_job *job);


/* ===========================================================================================================
 * JSON: for programs without a library for it
 */

/**
 * One value out of a JSON text.
 *
 * `pointer` is a JSON Pointer (RFC 6901): "/choices/0/message/content", "" for the whole. Returns a string
 * decoded and anything else as its JSON text; NULL when there is no such value or `json` is not JSON. A
 * decoded string that holds U+0000 seems to end there. Free with kuai_string_free.
 *
 *     char *tokens = kuai_json_get(kuai_result_json(result), "/usage/total_tokens");
 *     printf("%s tokens\n", tokens ? tokens : "?");
 *     kuai_string_free(tokens);
 */
char *kuai_json_get(const char *json, const char *pointer);

/**
 * Any text as a JSON string, with its quotes, ready to be put into a request.
 *
 * NULL counts as empty text. Never NULL. Bytes that are not UTF-8 stay as they are, so that the call that
 * gets the request refuses it and says where. Free with kuai_string_free.
 *
 *     char *question = kuai_json_quote("What does \"kuai\" mean?");
 *     char *request_json = malloc(strlen(question) + 100);
 *     sprintf(request_json, "{\"messages\":[{\"role\":\"user\",\"content\":%s}]}", question);
 *     kuai_string_free(question);
 */
char *kuai_json_quote(const char *text);


/* ===========================================================================================================
 * About: the library itself, and small helpers
 */

/**
 * The version of the library that runs, such as "0.1.0"; KUAI_VERSION is the one that this header belongs
 * to.
 */
const char *kuai_version(void);

/** The name of a status as error documents have it: "rate_limited". "unknown" for a number that is none. */
const char *kuai_status_name(kuai_status status);

/**
 * Every operation that kuai_call knows by name, as JSON:
 * `[{"name":"...","method":"...","path":"..."},...]`.
 *
 * Later versions add members.
 */
const char *kuai_operations(void);

/** The size of a text without its NUL, for languages in which an out parameter is a burden. 0 for NULL. */
size_t kuai_text_size(const char *text);

/**
 * Copies a text into a buffer of yours, for COBOL, Fortran and records of fixed size.
 *
 * At most `size` bytes are written, the last of them NUL; a text that does not fit is cut before the
 * character that does not. Returns the size that the whole text needs, with its NUL: it was cut when that
 * is more than `size`. NULL counts as empty text. With `size` 0 nothing is written.
 *
 *     char record[80];
 *     if (kuai_text_copy(kuai_result_text(result, NULL), record, sizeof record) > sizeof record)
 *         puts("cut");
 */
size_t kuai_text_copy(const char *text, char *buffer, size_t size);

/**
 * About how many tokens a text is: its Han characters, and 1.3 for each other word, rounded up.
 *
 * The rule of the gateway; other services count otherwise. KUAI_INVALID_ARGUMENT for NULL and for text
 * that is not UTF-8.
 */
int64_t kuai_estimate_tokens(const char *text);

/**
 * Whether a webhook really comes from the service (standardwebhooks.com).
 *
 * `secret` is the one that the service gave you, with its "whsec_" if it has one. `headers_json` are the
 * headers of the request that came in, `{"name":"value",...}` or `[["name","value"],...]`, in any case;
 * `body` is its body, byte for byte. `tolerance_s` is how many seconds its clock may differ from yours, in
 * either direction; 300 is usual.
 *
 * KUAI_OK: it does. KUAI_AUTHENTICATION: it does not, or a header is missing. KUAI_TIMEOUT: it does, but
 * it is not of this time, and may be an old one sent again. KUAI_INVALID_ARGUMENT: an argument is not what
 * it should be.
 *
 *     if (kuai_webhook_verify(getenv("OPENAI_WEBHOOK_SECRET"), headers_json, body, body_size, 300) != KUAI_OK)
 *         puts("HTTP/1.1 400 Bad Request");
 */
kuai_status kuai_webhook_verify(const char *secret,
                                const char *headers_json,
                                const void *body,
                                size_t size,
                                int64_t tolerance_s);

#ifdef __cplusplus
}
#endif

#endif /* KUAI_H */
