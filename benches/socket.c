/* A bare socket, as little as can be done: `socket WHAT COUNT BASE_URL`. It knows this one server and checks nothing. */
#include "work.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static char buffer[64 * 1024];

static void request(int fd, const char *body)
{
    char text[2048];
    int size = snprintf(text, sizeof text,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nauthorization: Bearer sk-bench\r\n"
        "content-length: %zu\r\n\r\n%s", strlen(body), body);
    if (send(fd, text, (size_t)size, 0) != size)
        exit(1);
}

static size_t more(int fd, size_t have)
{
    ssize_t amount = recv(fd, buffer + have, sizeof buffer - 1 - have, 0);
    if (amount <= 0)
        exit(1);
    buffer[have + (size_t)amount] = 0;
    return have + (size_t)amount;
}

static void chat(int fd)
{
    size_t have = 0;
    char *body = NULL, *length;
    request(fd, CHAT);
    do {
        have = more(fd, have);
        if (!body && (body = strstr(buffer, "\r\n\r\n")))
            body += 4;
    } while (!body || !(length = strstr(buffer, "content-length: ")) || have < (size_t)(body - buffer) + (size_t)atol(length + 16));
    char *content = strstr(body, "\"content\":\"");
    *strchr(content + 11, '"') = 0;
    char *text = strdup(content + 11);
    used(text);
    free(text);
}

static void stream(int fd, long events)
{
    char text[300];
    long seen = 0;
    size_t have = 0;
    int done = 0;
    snprintf(text, sizeof text, STREAM, events);
    request(fd, text);
    while (!done) {
        have = more(fd, have);
        char *start = buffer, *end;
        while ((end = memchr(start, '\n', have - (size_t)(start - buffer)))) {
            *end = 0;
            if (!strncmp(start, "data: {", 7)) {
                char *content = strstr(start, "\"content\":\"");
                used(content ? content : "");
                seen++;
            }
            done |= !strncmp(start, "data: [DONE]", 12);
            start = end + 1;
        }
        have -= (size_t)(start - buffer);
        memmove(buffer, start, have);
    }
    same(seen, events + 1);
}

int main(int argc, char **argv)
{
    struct work work = work_of(argc, argv);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    address.sin_port = htons((unsigned short)atoi(strrchr(work.base_url, ':') + 1));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&address, sizeof address))
        return 1;
    if (!strcmp(work.what, "stream"))
        stream(fd, work.count);
    else if (!strcmp(work.what, "chat"))
        for (long i = 0; i < work.count; i++)
            chat(fd);
    else
        unknown(work.what);
    return 0;
}
