/*
 * Text as speech, into a file: the sound goes there as it comes, and the file appears when it is whole.
 *
 *     cc speech.c -o speech $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./speech "Hello, and welcome." hello.mp3
 */
#include <kuai.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    const char *path = argc > 2 ? argv[2] : "speech.mp3";
    char params[8192];
    char *text = kuai_json_quote(argc > 1 ? argv[1] : "你好，欢迎！");
    kuai_client *client = kuai_client_new(NULL);
    kuai_request *request;
    kuai_result *result;
    kuai_status status;

    snprintf(params, sizeof params, "{\"model\":\"tts-1\",\"voice\":\"alloy\",\"response_format\":\"mp3\",\"input\":%s}", text);
    request = kuai_request_new("audio.speech.create", params, NULL);
    kuai_request_save_to(request, path);
    result = kuai_send(client, request);
    status = kuai_result_status(result);

    if (status == KUAI_OK) {
        const char *type = kuai_result_header(result, "content-type");
        printf("%s: %s\n", path, type != NULL ? type : "of no type");
    } else { /* then nothing was written, and a file that was there before is as it was */
        fprintf(stderr, "%s\n", kuai_result_json(result));
    }

    kuai_result_free(result);
    kuai_request_free(request);
    kuai_client_free(client);
    kuai_string_free(text);
    return status == KUAI_OK ? 0 : 1;
}
