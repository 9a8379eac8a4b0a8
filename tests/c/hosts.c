/*
 * Programs as they are: without standard streams, without descriptors, memory or a stack to speak of, in a locale with
 * a decimal comma, unloading, leaving while threads still call.
 *
 *     hosts SCENARIO [argument]
 *
 * The service's address is in KUAI_BASE_URL; a question "stall" is never answered, "large" with 200 MB.
 */
#define _GNU_SOURCE
#include "check.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const SUM = "{\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}";
static const char *const STALL = "{\"messages\":[{\"role\":\"user\",\"content\":\"stall\"}]}";
static const char *const LARGE = "{\"messages\":[{\"role\":\"user\",\"content\":\"large\"}]}";

static const char *base_url(void)
{
    return getenv("KUAI_BASE_URL");
}

static void expect_sum(const char *answer)
{
    if (!HOLDS(answer, "1+100=101")) {
        fprintf(stderr, "%s\n", answer);
    }
    CHECK(HOLDS(answer, "1+100=101"));
}

static void ask(const kuai_client *client)
{
    kuai_status status;
    char *answer = kuai_chat_complete(client, SUM, &status);
    expect_sum(answer);
    CHECK(status == KUAI_OK);
    kuai_string_free(answer);
}

static void ask_once(void)
{
    kuai_client *client = kuai_client_new(NULL);
    ask(client);
    kuai_client_free(client);
}

/* The highest number that a descriptor has, and how many there are. */
static int descriptors(int *highest)
{
    int fd, count = 0;
    for (fd = 0; fd < 1024; fd++) {
        if (fcntl(fd, F_GETFD) != -1) {
            count++;
            *highest = fd;
        }
    }
    return count;
}

/* What a program prints into streams that it has closed must not go to the service. */
static void closed_stdio(void)
{
    int fd, highest = 2, result = dup(1);
    kuai_client *client;
    kuai_stream *stream;

    CHECK(result > 2);
    for (fd = 0; fd < 3; fd++) {
        close(fd);
    }
    client = kuai_client_new(NULL);
    ask(client);
    stream = kuai_chat_stream(client, SUM);
    CHECK(kuai_stream_next(stream) == KUAI_OK);
    for (fd = 0; fd < 3; fd++) {
        CHECK(fcntl(fd, F_GETFD) == -1);
    }
    CHECK(descriptors(&highest) > 1);
    kuai_stream_free(stream);
    kuai_client_free(client);
    dup2(result, 1);
}

static void no_descriptors(void)
{
    struct rlimit before, none;
    kuai_client *client = kuai_client_new(NULL), *late;
    kuai_cancel *cancel;
    kuai_request *request;
    kuai_result *result;
    kuai_status status;
    char *answer;
    int highest = 2;

    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    descriptors(&highest);
    none = before;
    none.rlim_cur = (rlim_t)highest + 1;
    CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    /* Those in between. */
    while (dup(1) != -1) {
    }
    answer = kuai_chat_complete(client, SUM, &status);
    CHECK(status == KUAI_CONNECTION && HOLDS(answer, "open files"));
    kuai_string_free(answer);
    /* Switches and clients can be made all the same. */
    cancel = kuai_cancel_new();
    request = kuai_request_new("chat.completions.create", STALL, NULL);
    CHECK(kuai_request_cancel_with(request, cancel) == KUAI_OK);
    late = kuai_client_new(NULL);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
    ask(client);
    ask(late);
    kuai_cancel_trigger(cancel);
    result = kuai_send(late, request);
    CHECK(kuai_result_status(result) == KUAI_CANCELLED);
    kuai_result_free(result);
    kuai_request_free(request);
    kuai_cancel_free(cancel);
    kuai_client_free(late);
    kuai_client_free(client);
}

static void no_threads(void)
{
    struct rlimit none = {0, 0};
    CHECK(setrlimit(RLIMIT_NPROC, &none) == 0);
    ask_once();
}

static long virtual_size(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld", &pages) == 1);
    fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

/* An answer that there is no memory for is a failure, not the end of the program. */
static void no_memory(void)
{
    kuai_client *client = kuai_client_new(NULL);
    struct rlimit before, some;
    kuai_status status;
    char *answer;
    long size;

    ask(client);
    CHECK(getrlimit(RLIMIT_AS, &before) == 0);
    for (size = 40; size <= 340; size += 100) {
        some = before;
        some.rlim_cur = (rlim_t)virtual_size() + (rlim_t)size * 1000 * 1000;
        CHECK(setrlimit(RLIMIT_AS, &some) == 0);
        answer = kuai_chat_complete(client, LARGE, &status);
        CHECK(status == KUAI_OK || (status == KUAI_LIMIT && HOLDS(answer, "memory")));
        CHECK(size > 60 || status == KUAI_LIMIT);
        kuai_string_free(answer);
        ask(client);
    }
    CHECK(setrlimit(RLIMIT_AS, &before) == 0);
    answer = kuai_chat_complete(client, LARGE, &status);
    CHECK(status == KUAI_OK);
    kuai_string_free(answer);
    kuai_client_free(client);
}

static void *small_stack_work(void *argument)
{
    kuai_client *client = argument;
    kuai_stream *stream;
    kuai_result *result;
    kuai_status status;

    ask(client);
    stream = kuai_chat_stream(client, SUM);
    while ((status = kuai_stream_next(stream)) == KUAI_OK) {
    }
    CHECK(status == KUAI_DONE);
    expect_sum(kuai_result_text(kuai_stream_result(stream), NULL));
    kuai_stream_free(stream);
    result = kuai_call(client, "models.list", NULL, NULL);
    CHECK(kuai_result_status(result) == KUAI_OK);
    kuai_result_free(result);
    result = kuai_call(client, "no.such.thing", "{\"a\":", "{");
    CHECK(kuai_result_status(result) == KUAI_INVALID_ARGUMENT);
    kuai_result_free(result);
    return NULL;
}

static void small_stacks(const char *kib)
{
    pthread_attr_t attributes;
    pthread_t ids[4];
    kuai_client *client = kuai_client_new(NULL);
    int i;

    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, (size_t)atoi(kib) * 1024) == 0);
    for (i = 0; i < 4; i++) {
        CHECK(pthread_create(&ids[i], &attributes, small_stack_work, client) == 0);
    }
    for (i = 0; i < 4; i++) {
        CHECK(pthread_join(ids[i], NULL) == 0);
    }
    pthread_attr_destroy(&attributes);
    kuai_client_free(client);
}

static void decimal_comma(const char *name)
{
    char number[32], *value;
    CHECK(setlocale(LC_ALL, name) != NULL);
    sprintf(number, "%.1f", 0.5);
    CHECK(strcmp(number, "0,5") == 0);
    value = kuai_json_get("{\"a\":[1.5e3]}", "/a/0");
    CHECK(strcmp(value, "1.5e3") == 0);
    kuai_string_free(value);
    ask_once();
    /* Nobody has set it back. */
    sprintf(number, "%.1f", 0.5);
    CHECK(strcmp(number, "0,5") == 0);
}

struct copy {
    void *library;
    kuai_client *(*client_new)(const char *);
    char *(*chat_complete)(const kuai_client *, const char *, kuai_status *);
    void (*string_free)(char *);
    void (*client_free)(kuai_client *);
};

static struct copy load(const char *path)
{
    struct copy copy;
    copy.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (copy.library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
    }
    CHECK(copy.library != NULL);
    *(void **)&copy.client_new = dlsym(copy.library, "kuai_client_new");
    *(void **)&copy.chat_complete = dlsym(copy.library, "kuai_chat_complete");
    *(void **)&copy.string_free = dlsym(copy.library, "kuai_string_free");
    *(void **)&copy.client_free = dlsym(copy.library, "kuai_client_free");
    CHECK(copy.client_new && copy.chat_complete && copy.string_free && copy.client_free);
    return copy;
}

static void ask_copy(const struct copy *copy)
{
    kuai_status status;
    kuai_client *client = copy->client_new(NULL);
    char *answer = copy->chat_complete(client, SUM, &status);
    expect_sum(answer);
    copy->string_free(answer);
    copy->client_free(client);
}

static void loaded_often(const char *path)
{
    long size = 0;
    int i, count = 0, highest = 2;
    for (i = 0; i < 1000; i++) {
        struct copy copy = load(path);
        if (i % 10 == 0) {
            ask_copy(&copy);
        }
        CHECK(dlclose(copy.library) == 0);
        if (i == 99) {
            size = virtual_size();
            count = descriptors(&highest);
        }
    }
    CHECK(descriptors(&highest) == count);
    if (virtual_size() > size + 1000 * 1000) {
        fprintf(stderr, "grew by %ld bytes\n", virtual_size() - size);
    }
    CHECK(virtual_size() <= size + 1000 * 1000);
}

/* The one that this program is linked with is the first. */
static void two_copies(const char *path)
{
    struct copy copy = load(path);
    kuai_client *client = kuai_client_new(NULL);
    ask(client);
    ask_copy(&copy);
    CHECK(copy.client_new != kuai_client_new);
    ask(client);
    kuai_client_free(client);
    ask_copy(&copy);
}

static void *stalled_work(void *client)
{
    kuai_status status;
    kuai_string_free(kuai_chat_complete(client, STALL, &status));
    return NULL;
}

/* exit() runs the program's handlers and ends, whoever is in the middle of a call. */
static void exit_while_calling(void)
{
    pthread_t id;
    int i;
    kuai_client *client = kuai_client_new(NULL);
    for (i = 0; i < 3; i++) {
        CHECK(pthread_create(&id, NULL, stalled_work, client) == 0);
    }
    ask(client);
    usleep(100 * 1000);
    puts("done");
    exit(0);
}

struct switched {
    kuai_client *client;
    kuai_cancel *cancel;
    kuai_status status;
};

static void *switched_work(void *argument)
{
    struct switched *switched = argument;
    kuai_request *request = kuai_request_new("chat.completions.create", STALL, NULL);
    kuai_result *result;
    CHECK(kuai_request_cancel_with(request, switched->cancel) == KUAI_OK);
    result = kuai_send(switched->client, request);
    switched->status = kuai_result_status(result);
    kuai_result_free(result);
    kuai_request_free(request);
    /* Here pthread_cancel, which waited, takes effect. */
    for (;;) {
        pthread_testcancel();
        usleep(1000);
    }
    return NULL;
}

/* Cancelling a thread in the middle of a call waits for the call's end, and the library goes on. */
static void ended_threads(void)
{
    struct switched switched;
    pthread_t id;
    void *ended = NULL;

    switched.client = kuai_client_new(NULL);
    switched.cancel = kuai_cancel_new();
    switched.status = KUAI_OK;
    CHECK(pthread_create(&id, NULL, switched_work, &switched) == 0);
    usleep(200 * 1000);
    CHECK(pthread_cancel(id) == 0);
    ask(switched.client);
    kuai_cancel_trigger(switched.cancel);
    CHECK(pthread_join(id, &ended) == 0);
    CHECK(ended == PTHREAD_CANCELED && switched.status == KUAI_CANCELLED);
    ask(switched.client);
    kuai_cancel_free(switched.cancel);
    kuai_client_free(switched.client);
}

/* Nothing of the system is there: no resolv.conf, no hosts, no certificates. */
static void bare_root(const char *directory)
{
    char config[400];
    kuai_client *client;
    kuai_status status;
    char *answer;

    CHECK(mkdir(directory, 0700) == 0 || access(directory, F_OK) == 0);
    if (chroot(directory) != 0 || chdir("/") != 0) {
        puts("skipped: chroot is for root");
        exit(0);
    }
    ask_once();
    sprintf(config, "{\"base_url\":\"https://127.0.0.1:%s/v1\",\"api_key\":\"k\",\"max_retries\":0}",
            strrchr(base_url(), ':') + 1);
    client = kuai_client_new(config);
    CHECK(kuai_client_error(client) == NULL);
    kuai_client_free(client);
    client = kuai_client_new(
        "{\"base_url\":\"http://no-such-host.invalid/v1\",\"api_key\":\"k\",\"max_retries\":0,\"deadline_ms\":60000}");
    answer = kuai_chat_complete(client, SUM, &status);
    CHECK(status == KUAI_CONNECTION && HOLDS(answer, "no-such-host.invalid"));
    kuai_string_free(answer);
    kuai_client_free(client);
}

static void many_calls(void)
{
    kuai_client *client = kuai_client_new("{\"deadline_ms\":60000,\"idle_timeout_ms\":30000}");
    int i;
    for (i = 0; i < 20; i++) {
        ask(client);
    }
    kuai_client_free(client);
}

int main(int argc, char **argv)
{
    const char *scenario = argc > 1 ? argv[1] : "", *argument = argc > 2 ? argv[2] : "";

    if (strcmp(scenario, "closed_stdio") == 0) {
        closed_stdio();
    } else if (strcmp(scenario, "no_descriptors") == 0) {
        no_descriptors();
    } else if (strcmp(scenario, "no_threads") == 0) {
        no_threads();
    } else if (strcmp(scenario, "no_memory") == 0) {
        no_memory();
    } else if (strcmp(scenario, "small_stacks") == 0) {
        small_stacks(argument);
    } else if (strcmp(scenario, "decimal_comma") == 0) {
        decimal_comma(argument);
    } else if (strcmp(scenario, "loaded_often") == 0) {
        loaded_often(argument);
    } else if (strcmp(scenario, "two_copies") == 0) {
        two_copies(argument);
    } else if (strcmp(scenario, "exit_while_calling") == 0) {
        exit_while_calling();
    } else if (strcmp(scenario, "ended_threads") == 0) {
        ended_threads();
    } else if (strcmp(scenario, "bare_root") == 0) {
        bare_root(argument);
    } else if (strcmp(scenario, "many_calls") == 0) {
        many_calls();
    } else {
        fprintf(stderr, "no such scenario: %s\n", scenario);
        return 2;
    }
    puts("done");
    return 0;
}
