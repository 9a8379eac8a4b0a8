/* libkuai at work: `kuai WHAT COUNT BASE_URL [CA_FILE]`. What there is to do is told in measure.sh. */
#include "../include/kuai.h"
#include "work.h"

static kuai_client *client_for(const char *base_url, const char *ca_file)
{
    char config[600];
    if (ca_file)
        snprintf(config, sizeof config, "{\"base_url\":\"%s\",\"api_key\":\"sk-bench\",\"ca_file\":\"%s\"}", base_url, ca_file);
    else
        snprintf(config, sizeof config, "{\"base_url\":\"%s\",\"api_key\":\"sk-bench\"}", base_url);
    return kuai_client_new(config);
}

static void need(kuai_status status, const char *why)
{
    if (status < 0) {
        fprintf(stderr, "kuai: %s\n", why);
        exit(1);
    }
}

static void chat(const kuai_client *client)
{
    kuai_status status;
    char *json = kuai_chat_complete(client, CHAT, &status);
    need(status, json);
    char *text = kuai_json_get(json, "/choices/0/message/content");
    used(text);
    kuai_string_free(text);
    kuai_string_free(json);
}

static void stream(const kuai_client *client, long events)
{
    char request[300];
    kuai_status status;
    long seen = 0;
    snprintf(request, sizeof request, STREAM, events);
    kuai_stream *stream = kuai_chat_stream(client, request);
    while ((status = kuai_stream_next(stream)) == KUAI_OK) {
        used(kuai_stream_text(stream, NULL));
        seen++;
    }
    need(status, kuai_result_json(kuai_stream_result(stream)));
    same(seen, events + 1);
    kuai_stream_free(stream);
}

static void embeddings(const kuai_client *client)
{
    kuai_result *result = kuai_call(client, "embeddings.create", EMBEDDINGS, NULL);
    need(kuai_result_status(result), kuai_result_json(result));
    used(kuai_result_json(result));
    kuai_result_free(result);
}

static void upload(const kuai_client *client)
{
    kuai_request *request = kuai_request_new("files.create", "{\"purpose\":\"batch\"}", NULL);
    kuai_request_file_path(request, "file", UPLOAD_FILE);
    kuai_result *result = kuai_send(client, request);
    need(kuai_result_status(result), kuai_result_json(result));
    kuai_result_free(result);
    kuai_request_free(request);
}

static void download(const kuai_client *client)
{
    kuai_request *request = kuai_request_new("files.content", "{\"file_id\":\"file-1\"}", NULL);
    kuai_request_save_to(request, DOWNLOAD_FILE);
    kuai_result *result = kuai_send(client, request);
    need(kuai_result_status(result), kuai_result_json(result));
    kuai_result_free(result);
    kuai_request_free(request);
}

static void *many(void *argument)
{
    struct share *share = argument;
    for (long i = 0; i < share->count; i++)
        chat(share->client);
    return NULL;
}

/* Eight threads, on one client or on one each. */
static void threads(kuai_client *client, const char *base_url, const char *ca_file, int own, long count)
{
    struct share shares[8];
    pthread_t ids[8];
    for (int i = 0; i < 8; i++) {
        shares[i] = (struct share){ own ? client_for(base_url, ca_file) : client, count };
        pthread_create(&ids[i], NULL, many, &shares[i]);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(ids[i], NULL);
        if (own)
            kuai_client_free(shares[i].client);
    }
}

int main(int argc, char **argv)
{
    struct work work = work_of(argc, argv);
    if (!strcmp(work.what, "idle")) {
        kuai_client *clients[IDLE];
        long before = 0;
        for (int i = 0; i <= IDLE; i++) {
            if (i == 1)
                before = resident(); /* the first has brought in code and tables that all share */
            clients[i % IDLE] = client_for(work.base_url, work.ca_file);
            chat(clients[i % IDLE]);
        }
        printf("%ld\n", (resident() - before) / IDLE);
        return 0;
    }
    kuai_client *client = client_for(work.base_url, work.ca_file);
    if (!strcmp(work.what, "stream"))
        stream(client, work.count);
    else if (!strncmp(work.what, "threads", 7))
        threads(client, work.base_url, work.ca_file, !strcmp(work.what, "threads-own"), work.count);
    else
        for (long i = 0; i < work.count; i++)
            !strcmp(work.what, "chat") ? chat(client)
            : !strcmp(work.what, "embeddings") ? embeddings(client)
            : !strcmp(work.what, "upload") ? upload(client)
            : !strcmp(work.what, "download") ? download(client)
                                             : unknown(work.what);
    kuai_client_free(client);
    return 0;
}
