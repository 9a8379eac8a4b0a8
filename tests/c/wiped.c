/*
 * After its client is freed the key is nowhere in the process's memory:  wiped BASE_URL CA_FILE KEY
 *
 * KEY comes with each byte one higher, and the program never holds more than that but while it makes a client.
 */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#include "check.h"
#include <fcntl.h>
#include <unistd.h>

static const char QUESTION[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}";
static const char WRONG[] = "{\"model\":\"error-404\",\"messages\":[{\"role\":\"user\",\"content\":\"1+100=\"}]}";

static void erase(char *text)
{
    volatile char *at = text;
    while (*at)
        *at++ = '\0';
}

/* How often the key is in memory. */
static int found(const char *masked)
{
    static unsigned char piece[1 << 16];
    const size_t size = strlen(masked);
    int memory = open("/proc/self/mem", O_RDONLY), count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1024];

    CHECK(memory >= 0 && maps != NULL);
    while (fgets(line, sizeof line, maps)) {
        unsigned long start, end;
        char rights[8];
        CHECK(sscanf(line, "%lx-%lx %7s", &start, &end, rights) == 3);
        /* What cannot be written was never written by us. */
        if (rights[0] != 'r' || rights[1] != 'w')
            continue;
        while (start < end) {
            size_t want = end - start < sizeof piece ? end - start : sizeof piece, i, k;
            ssize_t got = pread(memory, piece, want, (off_t)start);
            if (got <= 0)
                break;
            for (i = 0; i + size <= (size_t)got; i++) {
                /* Not in the very buffer that is searched with. */
                if (start + i >= (unsigned long)piece && start + i < (unsigned long)(piece + sizeof piece))
                    continue;
                for (k = 0; k < size && piece[i + k] + 1 == (unsigned char)masked[k]; k++)
                    ;
                count += k == size;
            }
            if ((size_t)got < want || start + (unsigned long)got == end)
                start += (unsigned long)got;
            else
                start += (unsigned long)got - size;
        }
    }
    memset(piece, 0, sizeof piece);
    fclose(maps);
    close(memory);
    return count;
}

static kuai_client *make(char **arguments)
{
    char *config = malloc(2048), *at;
    const char *masked = arguments[3];
    kuai_client *client;

    sprintf(config, "{\"base_url\":\"%.400s\",\"ca_file\":\"%.400s\",\"max_retries\":0,\"log\":\"debug\",\"api_key\":\"", arguments[1],
            arguments[2]);
    for (at = config + strlen(config); *masked; masked++)
        *at++ = (char)(*masked - 1);
    strcpy(at, "\"}");
    client = kuai_client_new(config);
    erase(config);
    free(config);
    return client;
}

int main(int count, char **arguments)
{
    kuai_client *client;
    kuai_stream *stream;
    kuai_status status;
    int round;

    CHECK(count == 4);
    for (round = 0; round < 2; round++) {
        client = make(arguments);
        CHECK(kuai_client_error(client) == NULL);
        CHECK(found(arguments[3]) > 0);
        kuai_string_free(kuai_chat_complete(client, QUESTION, &status));
        CHECK(status == KUAI_OK);
        kuai_string_free(kuai_chat_complete(client, WRONG, &status));
        CHECK(status == KUAI_NOT_FOUND);
        kuai_result_free(kuai_call(client, "models.list", NULL, "{\"headers\":{\"X-A\":\"b\"}}"));
        kuai_string_free(kuai_client_log(client));
        /* One stream to its end, one broken off, after the client if need be. */
        stream = kuai_chat_stream(client, QUESTION);
        while (kuai_stream_next(stream) == KUAI_OK)
            ;
        kuai_stream_free(stream);
        stream = kuai_chat_stream(client, QUESTION);
        CHECK(kuai_stream_next(stream) == KUAI_OK);
        kuai_client_free(client);
        kuai_stream_free(stream);
        CHECK(found(arguments[3]) == 0);
    }
    puts("the key is gone");
    return 0;
}
