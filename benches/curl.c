/* libcurl's easy interface and cJSON doing the same: `curl WHAT COUNT BASE_URL [CA_FILE]`. The handle is kept, so the connection is too. */
#include "work.h"
#include <cjson/cJSON.h>
#include <curl/curl.h>

struct text {
    char *data;
    size_t size, room;
};

struct client {
    CURL *curl;
    struct curl_slist *headers;
    struct text text;
    long events;
    const char *base_url, *ca_file;
};

static size_t collect(char *data, size_t one, size_t size, void *to)
{
    struct text *text = to;
    (void)one;
    if (text->size + size + 1 > text->room) {
        text->room = (text->size + size + 1) * 2;
        text->data = realloc(text->data, text->room);
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = 0;
    return size;
}

static void need(CURLcode code)
{
    if (code) {
        fprintf(stderr, "curl: %s\n", curl_easy_strerror(code));
        exit(1);
    }
}

static struct client client_for(const char *base_url, const char *ca_file)
{
    struct client client = { curl_easy_init(), NULL, { 0 }, 0, base_url, ca_file };
    client.headers = curl_slist_append(client.headers, "Content-Type: application/json");
    client.headers = curl_slist_append(client.headers, "Authorization: Bearer sk-bench");
    return client;
}

static void begin(struct client *client, const char *path)
{
    char url[300];
    snprintf(url, sizeof url, "%s%s", client->base_url, path);
    curl_easy_reset(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_URL, url);
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    if (client->ca_file)
        curl_easy_setopt(client->curl, CURLOPT_CAINFO, client->ca_file);
}

static void post(struct client *client, const char *path, const char *body)
{
    begin(client, path);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &client->text);
}

static void run(struct client *client)
{
    long status = 0;
    need(curl_easy_perform(client->curl));
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    same(status, 200);
}

/* What is the same for each call is told once, before the first. */
static void ready(struct client *client)
{
    post(client, "/chat/completions", CHAT);
}

static void chat(struct client *client)
{
    struct text *text = &client->text;
    text->size = 0;
    run(client);
    cJSON *json = cJSON_ParseWithLength(text->data, text->size);
    cJSON *choice = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, "choices"), 0);
    cJSON *message = cJSON_GetObjectItemCaseSensitive(choice, "message");
    used(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, "content")));
    cJSON_Delete(json);
}

/* Lines that are whole become events; the rest waits for more. */
static size_t scan(char *data, size_t one, size_t size, void *to)
{
    struct client *client = to;
    struct text *text = &client->text;
    collect(data, one, size, text);
    char *start = text->data, *end;
    while ((end = memchr(start, '\n', text->size - (size_t)(start - text->data)))) {
        *end = 0;
        if (!strncmp(start, "data: {", 7)) {
            cJSON *json = cJSON_Parse(start + 6);
            cJSON *choice = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(json, "choices"), 0);
            cJSON *delta = cJSON_GetObjectItemCaseSensitive(choice, "delta");
            cJSON *content = cJSON_GetObjectItemCaseSensitive(delta, "content");
            used(content ? cJSON_GetStringValue(content) : "");
            cJSON_Delete(json);
            client->events++;
        }
        start = end + 1;
    }
    text->size -= (size_t)(start - text->data);
    memmove(text->data, start, text->size + 1);
    return size;
}

static void stream(struct client *client, long events)
{
    char request[300];
    snprintf(request, sizeof request, STREAM, events);
    post(client, "/chat/completions", request);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, scan);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, client);
    client->text.size = 0;
    run(client);
    same(client->events, events + 1);
}

static void embeddings(struct client *client)
{
    client->text.size = 0;
    post(client, "/embeddings", EMBEDDINGS);
    run(client);
    used(client->text.data);
}

static void upload(struct client *client)
{
    begin(client, "/files");
    curl_mime *form = curl_mime_init(client->curl);
    curl_mimepart *part = curl_mime_addpart(form);
    curl_mime_name(part, "purpose");
    curl_mime_data(part, "batch", CURL_ZERO_TERMINATED);
    part = curl_mime_addpart(form);
    curl_mime_name(part, "file");
    curl_mime_filedata(part, UPLOAD_FILE);
    curl_easy_setopt(client->curl, CURLOPT_MIMEPOST, form);
    curl_easy_setopt(client->curl, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, &client->text);
    run(client);
    curl_mime_free(form);
}

static void download(struct client *client)
{
    FILE *file = fopen(DOWNLOAD_FILE, "wb");
    begin(client, "/files/file-1/content");
    curl_easy_setopt(client->curl, CURLOPT_BUFFERSIZE, 512L * 1024);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, file);
    run(client);
    fclose(file);
}

int main(int argc, char **argv)
{
    struct work work = work_of(argc, argv);
    curl_global_init(CURL_GLOBAL_ALL);
    if (!strcmp(work.what, "idle")) {
        static struct client clients[IDLE];
        long before = 0;
        for (int i = 0; i <= IDLE; i++) {
            if (i == 1)
                before = resident();
            clients[i % IDLE] = client_for(work.base_url, work.ca_file);
            ready(&clients[i % IDLE]);
            chat(&clients[i % IDLE]);
        }
        printf("%ld\n", (resident() - before) / IDLE);
        return 0;
    }
    struct client client = client_for(work.base_url, work.ca_file);
    if (!strcmp(work.what, "chat"))
        ready(&client);
    if (!strcmp(work.what, "stream"))
        stream(&client, work.count);
    else
        for (long i = 0; i < work.count; i++)
            !strcmp(work.what, "chat") ? chat(&client)
            : !strcmp(work.what, "embeddings") ? embeddings(&client)
            : !strcmp(work.what, "upload") ? upload(&client)
            : !strcmp(work.what, "download") ? download(&client)
                                             : unknown(work.what);
    curl_slist_free_all(client.headers);
    curl_easy_cleanup(client.curl);
    free(client.text.data);
    return 0;
}
