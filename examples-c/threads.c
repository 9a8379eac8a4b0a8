/*
 * Many threads, one client: it is immutable, keeps its connections in one pool, and is meant to be shared.
 *
 *     cc threads.c -o threads $(pkg-config --cflags --libs kuai) -pthread
 *     KUAI_API_KEY=sk-... ./threads
 */
#include <kuai.h>
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 8 };

struct job {
    const kuai_client *client;
    int number;
    kuai_status status;
    char *text;
};

static void *ask(void *argument)
{
    struct job *job = argument;
    char request[200];
    char *answer;

    snprintf(request, sizeof request,
             "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":\"%d+100=\"}]}", job->number);
    answer = kuai_chat_complete(job->client, request, &job->status);
    job->text = kuai_json_get(answer, job->status == KUAI_OK ? "/choices/0/message/content" : "/error/message");
    kuai_string_free(answer);
    return NULL;
}

int main(void)
{
    kuai_client *client = kuai_client_new(NULL);
    pthread_t threads[THREADS];
    struct job jobs[THREADS];
    int i, failures = 0;

    for (i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){client, i + 1, KUAI_INTERNAL, NULL};
        if (pthread_create(&threads[i], NULL, ask, &jobs[i]) != 0) {
            fprintf(stderr, "no more threads\n");
            return 1;
        }
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        printf("%s\n", jobs[i].text != NULL ? jobs[i].text : "no text");
        failures += jobs[i].status != KUAI_OK;
        kuai_string_free(jobs[i].text);
    }

    kuai_client_free(client); /* after the last thread that uses it */
    return failures == 0 ? 0 : 1;
}
