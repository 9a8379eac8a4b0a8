/* The service that all are measured against: as fast as it goes, and always the same.
 *
 *     server [certificate key]      prints its port; with a certificate it speaks TLS
 *
 * POST …/chat/completions   a JSON answer of 664 bytes; with "stream":true as many events as the model's name says ("e1000"), each in a
 *                           chunk of its own, written together in blocks of 16 KiB
 * POST …/embeddings         6 MB of JSON
 * POST …/files              takes what comes, and answers with its size
 * GET  …/content            256 MB of bytes
 * The head of an answer has twelve fields. One thread a connection; connections are kept. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK = 16 * 1024, HEAD = 64 * 1024 };
static const long DOWNLOAD = 256L * 1024 * 1024;
static const long EMBEDDINGS = 6L * 1000 * 1000;

static SSL_CTX *tls;
static char *embeddings;
static long embeddings_size;

static const char answer[] =
    "{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion\",\"created\":1741569952,"
    "\"model\":\"gpt-4.1-2025-04-14\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
    "\"Hello! How can I assist you today? I can answer questions, explain things or help you write.\",\"refusal\":null,"
    "\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":19,"
    "\"completion_tokens\":10,\"total_tokens\":29,\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
    "\"rejected_prediction_tokens\":0}},\"service_tier\":\"default\",\"system_fingerprint\":null}";

static const char fields[] =
    "date: Mon, 10 Mar 2025 01:25:52 GMT\r\n"
    "openai-organization: user-abc\r\n"
    "openai-processing-ms: 412\r\n"
    "openai-version: 2020-10-01\r\n"
    "x-ratelimit-limit-requests: 10000\r\n"
    "x-ratelimit-remaining-requests: 9999\r\n"
    "x-ratelimit-reset-requests: 6ms\r\n"
    "x-request-id: req_4f1c0f3b2a5d4e6f8a9b0c1d2e3f4a5b\r\n"
    "server: cloudflare\r\n"
    "alt-svc: h3=\":443\"; ma=86400\r\n";

struct peer {
    int fd;
    SSL *ssl;
};

static long take(struct peer *peer, void *data, long size)
{
    return peer->ssl ? SSL_read(peer->ssl, data, (int)size) : recv(peer->fd, data, (size_t)size, 0);
}

static int give(struct peer *peer, const char *data, long size)
{
    while (size > 0) {
        long most = size > 1 << 20 ? 1 << 20 : size;
        long sent = peer->ssl ? SSL_write(peer->ssl, data, (int)most) : send(peer->fd, data, (size_t)most, MSG_NOSIGNAL);
        if (sent <= 0)
            return 0;
        data += sent;
        size -= sent;
    }
    return 1;
}

static int give_answer(struct peer *peer, const char *type, const char *body, long size)
{
    char head[2048 + sizeof answer];
    int length = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%scontent-type: %s\r\ncontent-length: %ld\r\n\r\n", fields, type, size);
    if (size < (long)sizeof answer) { /* in one piece */
        memcpy(head + length, body, (size_t)size);
        return give(peer, head, length + size);
    }
    return give(peer, head, length) && give(peer, body, size);
}

static int give_stream(struct peer *peer, long events)
{
    char block[BLOCK + 1024], event[512], role[] = "\"role\":\"assistant\",";
    int used = snprintf(block, sizeof block, "HTTP/1.1 200 OK\r\n%scontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n", fields);
    for (long i = 0; i < events + 2; i++) {
        int size;
        if (i <= events)
            size = snprintf(event, sizeof event,
                "data: {\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":\"chat.completion.chunk\",\"created\":1741570283,"
                "\"model\":\"gpt-4.1-2025-04-14\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_50cad350e4\",\"choices\":[{\"index\":0,"
                "\"delta\":{%s%s},\"logprobs\":null,\"finish_reason\":%s}]}\n\n",
                i == 0 ? role : "", i < events ? "\"content\":\" word\"" : "", i < events ? "null" : "\"stop\"");
        else
            size = snprintf(event, sizeof event, "data: [DONE]\n\n");
        used += snprintf(block + used, sizeof block - (size_t)used, "%x\r\n%s\r\n", (unsigned)size, event);
        if (used >= BLOCK) {
            if (!give(peer, block, used))
                return 0;
            used = 0;
        }
    }
    used += snprintf(block + used, sizeof block - (size_t)used, "0\r\n\r\n");
    return give(peer, block, used);
}

static int give_download(struct peer *peer)
{
    static char zeros[1 << 20];
    char head[2048];
    int length = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n%scontent-type: application/octet-stream\r\ncontent-length: %ld\r\n\r\n", fields, DOWNLOAD);
    if (!give(peer, head, length))
        return 0;
    for (long left = DOWNLOAD; left > 0; left -= (long)sizeof zeros)
        if (!give(peer, zeros, (long)sizeof zeros))
            return 0;
    return 1;
}

static const char *field(const char *head, const char *name)
{
    const char *line = head;
    while ((line = strstr(line, "\r\n"))) {
        line += 2;
        if (!strncasecmp(line, name, strlen(name)))
            return line + strlen(name);
    }
    return NULL;
}

/* One request and its answer. */
static int turn(struct peer *peer, char *buffer)
{
    long have = 0, amount;
    char *end;
    buffer[0] = 0;
    while (!(end = strstr(buffer, "\r\n\r\n"))) {
        if (have == HEAD - 1 || (amount = take(peer, buffer + have, HEAD - 1 - have)) <= 0)
            return 0;
        have += amount;
        buffer[have] = 0;
    }
    *end = 0;
    char *body = end + 4;
    long got = have - (body - buffer);
    const char *length = field(buffer, "content-length:"), *expect = field(buffer, "expect:");
    long size = length ? atol(length) : 0;
    int is_chat = strstr(buffer, "/chat/completions ") != NULL;
    if (expect && !give(peer, "HTTP/1.1 100 Continue\r\n\r\n", 25))
        return 0;
    if (!is_chat && size > got) {
        static __thread char sink[1 << 18];
        for (long left = size - got; left > 0; left -= amount)
            if ((amount = take(peer, sink, left < (long)sizeof sink ? left : (long)sizeof sink)) <= 0)
                return 0;
    }
    while (is_chat && got < size) {
        if ((amount = take(peer, body + got, size - got)) <= 0)
            return 0;
        got += amount;
    }
    if (is_chat) {
        body[size] = 0;
        const char *model = strstr(body, "\"model\":\"e");
        if (strstr(body, "\"stream\":true"))
            return give_stream(peer, model ? atol(model + 10) : 100);
        return give_answer(peer, "application/json", answer, sizeof answer - 1);
    }
    if (strstr(buffer, "/embeddings "))
        return give_answer(peer, "application/json", embeddings, embeddings_size);
    if (strstr(buffer, "/content "))
        return give_download(peer);
    char text[100];
    int text_size = snprintf(text, sizeof text, "{\"id\":\"file-1\",\"object\":\"file\",\"bytes\":%ld}", size);
    return give_answer(peer, "application/json", text, text_size);
}

static void *serve(void *argument)
{
    struct peer peer = { (int)(long)argument, NULL };
    char *buffer = malloc(HEAD);
    int on = 1;
    setsockopt(peer.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (tls) {
        peer.ssl = SSL_new(tls);
        SSL_set_fd(peer.ssl, peer.fd);
    }
    if (!peer.ssl || SSL_accept(peer.ssl) == 1)
        while (turn(&peer, buffer))
            ;
    if (peer.ssl)
        SSL_free(peer.ssl);
    close(peer.fd);
    free(buffer);
    return NULL;
}

static void make_embeddings(void)
{
    embeddings = malloc((size_t)EMBEDDINGS + 200);
    long used = sprintf(embeddings, "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[");
    unsigned seed = 1;
    while (used < EMBEDDINGS) {
        seed = seed * 1664525u + 1013904223u;
        used += sprintf(embeddings + used, "%s0.%08u,", seed & 4 ? "-" : "", (seed >> 5) % 100000000u);
    }
    used += sprintf(embeddings + used, "0.5]}],\"model\":\"text-embedding-3-large\",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}");
    embeddings_size = used;
}

int main(int count, char **arguments)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    signal(SIGPIPE, SIG_IGN);
    make_embeddings();
    if (count == 3) {
        tls = SSL_CTX_new(TLS_server_method());
        if (SSL_CTX_use_certificate_chain_file(tls, arguments[1]) != 1 || SSL_CTX_use_PrivateKey_file(tls, arguments[2], SSL_FILETYPE_PEM) != 1)
            return 1;
    }
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 64))
        return 1;
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        pthread_create(&thread, NULL, serve, (void *)(long)fd);
        pthread_detach(thread);
    }
}
