/*
 * A large file, uploaded in parts: how far it is, another try where it failed, and what to keep to go on with it later.
 *
 *     cc file_upload.c -o file_upload $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./file_upload video.mp4            (and after a failure: ./file_upload video.mp4 upload.state)
 */
#include <kuai.h>
#include <stdio.h>

/* The parameters: of an upload that begins, or of one whose state an earlier run has left in a file. */
static const char *parameters(const char *state_file)
{
    static char state[1 << 20] = "null", params[(1 << 20) + 100];
    FILE *file = state_file != NULL ? fopen(state_file, "rb") : NULL;

    if (file != NULL) {
        state[fread(state, 1, sizeof state - 1, file)] = '\0';
        fclose(file);
    }
    snprintf(params, sizeof params, "{\"purpose\":\"user_data\",\"part_bytes\":8388608,\"resume\":%s}", state);
    return params;
}

static void keep(const char *state)
{
    FILE *file = fopen("upload.state", "wb");

    if (file != NULL && fputs(state, file) >= 0 && fclose(file) == 0) {
        fputs("go on with: file_upload FILE upload.state\n", stderr);
    }
}

int main(int argc, char **argv)
{
    kuai_client *client = kuai_client_new(NULL);
    kuai_job *job = kuai_job_upload(client, argc > 1 ? argv[1] : NULL, parameters(argc > 2 ? argv[2] : NULL), NULL);
    kuai_status status;
    int failures = 0;

    do {
        status = kuai_job_next(job); /* begins, sends a part, or completes; after a failure the same again */
        if (status == KUAI_OK) {
            char *sent = kuai_json_get(kuai_job_json(job), "/sent"), *size = kuai_json_get(kuai_job_json(job), "/size");
            printf("%s of %s bytes\n", sent, size);
            kuai_string_free(sent);
            kuai_string_free(size);
        }
    } while (status == KUAI_OK || ((status == KUAI_CONNECTION || status == KUAI_TIMEOUT) && ++failures < 5));

    if (status == KUAI_DONE) {
        char *id = kuai_json_get(kuai_result_json(kuai_job_result(job)), "/id");
        printf("file: %s\n", id);
        kuai_string_free(id);
    } else {
        fprintf(stderr, "%s\n", kuai_result_json(kuai_job_result(job)));
        keep(kuai_job_json(job));
    }
    kuai_job_free(job);
    kuai_client_free(client);
    return status == KUAI_DONE ? 0 : 1;
}
