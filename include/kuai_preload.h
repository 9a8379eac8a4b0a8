#define FFI_SCOPE "KUAI"
#define FFI_LIB "libkuai.so.0"

typedef enum kuai_status_code {
    KUAI_OK = 0,
    KUAI_DONE = 1,
    KUAI_INVALID_ARGUMENT = -1,
    KUAI_CONFIG = -2,
    KUAI_IO = -3,
    KUAI_CONNECTION = -10,
    KUAI_TIMEOUT = -11,
    KUAI_TLS = -12,
    KUAI_CANCELLED = -13,
    KUAI_PROTOCOL = -14,
    KUAI_LIMIT = -15,
    KUAI_INTERNAL = -99,
    KUAI_BAD_REQUEST = -400,
    KUAI_AUTHENTICATION = -401,
    KUAI_PERMISSION = -403,
    KUAI_NOT_FOUND = -404,
    KUAI_CONFLICT = -409,
    KUAI_UNPROCESSABLE = -422,
    KUAI_RATE_LIMITED = -429,
    KUAI_SERVER = -500,
    KUAI_SERVICE = -600
} kuai_status_code;

typedef int32_t kuai_status;

typedef struct kuai_cancel kuai_cancel;

typedef struct kuai_client kuai_client;

typedef struct kuai_job kuai_job;

typedef struct kuai_pages kuai_pages;

typedef struct kuai_request kuai_request;

typedef struct kuai_result kuai_result;

typedef struct kuai_stream kuai_stream;

typedef struct kuai_tools kuai_tools;

kuai_client *kuai_client_new(const char *config_json);

const char *kuai_client_error(const kuai_client *client);

void kuai_client_cancel(const kuai_client *client);

char *kuai_client_log(const kuai_client *client);

void kuai_client_free(kuai_client *client);

char *kuai_chat_complete(const kuai_client *client, const char *request_json, kuai_status *status);

kuai_stream *kuai_chat_stream(const kuai_client *client, const char *request_json);

void kuai_string_free(char *text);

kuai_result *kuai_call(const kuai_client *client,
                       const char *operation,
                       const char *params_json,
                       const char *options_json);

kuai_request *kuai_request_new(const char *operation, const char *params_json, const char *options_json);

kuai_status kuai_request_body(kuai_request *request, const char *content_type, const void *data, size_t size);

kuai_status kuai_request_file(kuai_request *request,
                              const char *field,
                              const char *filename,
                              const char *content_type,
                              const void *data,
                              size_t size);

kuai_status kuai_request_file_path(kuai_request *request, const char *field, const char *path);

kuai_status kuai_request_save_to(kuai_request *request, const char *path);

kuai_status kuai_request_cancel_with(kuai_request *request, const kuai_cancel *cancel);

kuai_result *kuai_send(const kuai_client *client, const kuai_request *request);

kuai_stream *kuai_open(const kuai_client *client, const kuai_request *request);

void kuai_request_free(kuai_request *request);

kuai_status kuai_result_status(const kuai_result *result);

int32_t kuai_result_http_status(const kuai_result *result);

const char *kuai_result_json(const kuai_result *result);

const char *kuai_result_text(const kuai_result *result, size_t *size);

const void *kuai_result_body(const kuai_result *result, size_t *size);

size_t kuai_result_body_size(const kuai_result *result);

const char *kuai_result_header(const kuai_result *result, const char *name);

const char *kuai_result_headers(const kuai_result *result);

const char *kuai_result_times(const kuai_result *result);

void kuai_result_free(kuai_result *result);

kuai_status kuai_stream_next(kuai_stream *stream);

const char *kuai_stream_json(const kuai_stream *stream);

const char *kuai_stream_text(const kuai_stream *stream, size_t *size);

const char *kuai_stream_event(const kuai_stream *stream);

kuai_status kuai_stream_read(kuai_stream *stream, void *buffer, size_t size, size_t *got);

const kuai_result *kuai_stream_result(kuai_stream *stream);

void kuai_stream_free(kuai_stream *stream);

kuai_cancel *kuai_cancel_new(void);

void kuai_cancel_trigger(const kuai_cancel *cancel);

void kuai_cancel_free(kuai_cancel *cancel);

kuai_pages *kuai_pages_open(const kuai_client *client,
                            const char *operation,
                            const char *params_json,
                            const char *options_json);

kuai_status kuai_pages_cancel_with(kuai_pages *pages, const kuai_cancel *cancel);

kuai_status kuai_pages_next(kuai_pages *pages);

const char *kuai_pages_json(const kuai_pages *pages);

const kuai_result *kuai_pages_result(kuai_pages *pages);

void kuai_pages_free(kuai_pages *pages);

kuai_tools *kuai_tools_new(const kuai_client *client, const char *request_json, const char *options_json);

kuai_status kuai_tools_cancel_with(kuai_tools *tools, const kuai_cancel *cancel);

kuai_status kuai_tools_next(kuai_tools *tools);

const char *kuai_tools_name(const kuai_tools *tools);

const char *kuai_tools_arguments(const kuai_tools *tools);

const char *kuai_tools_call_id(const kuai_tools *tools);

const char *kuai_tools_text(const kuai_tools *tools, size_t *size);

kuai_status kuai_tools_give(kuai_tools *tools, const char *content);

const kuai_result *kuai_tools_result(kuai_tools *tools);

const char *kuai_tools_messages(kuai_tools *tools);

void kuai_tools_free(kuai_tools *tools);

kuai_job *kuai_job_wait(const kuai_client *client,
                        const char *operation,
                        const char *params_json,
                        const char *options_json);

kuai_job *kuai_job_upload(const kuai_client *client,
                          const char *path,
                          const char *params_json,
                          const char *options_json);

kuai_job *kuai_job_batch(const kuai_client *client,
                         const char *requests_json,
                         const char *params_json,
                         const char *options_json);

kuai_status kuai_job_cancel_with(kuai_job *job, const kuai_cancel *cancel);

kuai_status kuai_job_next(kuai_job *job);

const char *kuai_job_json(const kuai_job *job);

const kuai_result *kuai_job_result(kuai_job *job);

void kuai_job_free(kuai_job *job);

char *kuai_json_get(const char *json, const char *pointer);

char *kuai_json_quote(const char *text);

const char *kuai_version(void);

const char *kuai_status_name(kuai_status status);

const char *kuai_operations(void);

size_t kuai_text_size(const char *text);

size_t kuai_text_copy(const char *text, char *buffer, size_t size);

int64_t kuai_estimate_tokens(const char *text);

kuai_status kuai_webhook_verify(const char *secret,
                                const char *headers_json,
                                const void *body,
                                size_t size,
                                int64_t tolerance_s);
