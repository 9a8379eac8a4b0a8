/* What the programs of this directory have in common: the requests, the arguments, the checks. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHAT "{\"model\":\"gpt-4.1\",\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"},{\"role\":\"user\",\"content\":\"Hello!\"}]}"
#define STREAM "{\"model\":\"e%ld\",\"stream\":true,\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"},{\"role\":\"user\",\"content\":\"Hello!\"}]}"
#define EMBEDDINGS "{\"model\":\"text-embedding-3-large\",\"input\":[\"The food was delicious and the waiter very friendly.\"]}"
#define UPLOAD_FILE getenv("BENCH_UPLOAD")
#define DOWNLOAD_FILE getenv("BENCH_DOWNLOAD")
enum { IDLE = 64 };

struct work {
    const char *what;
    long count;
    const char *base_url;
    const char *ca_file;
};

struct share {
    void *client;
    long count;
};

static inline struct work work_of(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "%s WHAT COUNT BASE_URL [CA_FILE]\n", argv[0]);
        exit(2);
    }
    return (struct work){ argv[1], atol(argv[2]), argv[3], argc > 4 ? argv[4] : NULL };
}

static inline void same(long seen, long wanted)
{
    if (seen != wanted) {
        fprintf(stderr, "%ld instead of %ld\n", seen, wanted);
        exit(1);
    }
}

/* The answer must be there, and the compiler must not think otherwise. */
static inline void used(const char *text)
{
    static volatile char first;
    if (!text) {
        fprintf(stderr, "an answer without text\n");
        exit(1);
    }
    first = text[0];
    (void)first;
}

static inline void unknown(const char *what)
{
    fprintf(stderr, "what is %s?\n", what);
    exit(2);
}

/* Resident anonymous memory in bytes: what malloc'd and written pages cost, without the code. */
static inline long resident(void)
{
    char line[200];
    long kib = 0;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, "Anonymous:", 10))
            kib = atol(line + 10);
    if (file)
        fclose(file);
    return kib * 1024;
}
