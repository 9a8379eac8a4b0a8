/*
 * What is said in a sound file: a parameter that is a file names its path, and the library uploads it. Once in one piece,
 * once as a stream.
 *
 *     cc transcription.c -o transcription $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./transcription speech.wav
 */
#include <kuai.h>
#include <stdio.h>

static kuai_status whole(const kuai_client *client, const char *params)
{
    kuai_result *result = kuai_call(client, "audio.transcriptions.create", params, NULL);
    kuai_status status = kuai_result_status(result);

    if (status == KUAI_OK) {
        printf("whole: %s\n", kuai_result_text(result, NULL));
    } else {
        fprintf(stderr, "%s\n", kuai_result_json(result));
    }
    kuai_result_free(result);
    return status;
}

static kuai_status streamed(const kuai_client *client, const char *params)
{
    kuai_request *request = kuai_request_new("audio.transcriptions.create", params, NULL);
    kuai_stream *stream = kuai_open(client, request);
    kuai_status status;

    printf("streamed: ");
    while ((status = kuai_stream_next(stream)) == KUAI_OK) {
        fputs(kuai_stream_text(stream, NULL), stdout);
        fflush(stdout);
    }
    putchar('\n');
    if (status != KUAI_DONE) {
        fprintf(stderr, "%s\n", kuai_result_json(kuai_stream_result(stream)));
    }
    kuai_stream_free(stream);
    kuai_request_free(request);
    return status;
}

int main(int argc, char **argv)
{
    char params[4096];
    char *path = kuai_json_quote(argc > 1 ? argv[1] : "speech.wav");
    kuai_client *client = kuai_client_new(NULL);
    kuai_status status;

    snprintf(params, sizeof params, "{\"model\":\"gpt-4o-mini-transcribe\",\"file\":{\"path\":%s}}", path);
    status = whole(client, params);
    if (status == KUAI_OK) {
        status = streamed(client, params);
    }
    kuai_string_free(path);
    kuai_client_free(client);
    return status == KUAI_DONE ? 0 : 1;
}
