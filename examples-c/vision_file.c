/*
 * A picture from a file: it goes into the request as a data: URL, which is the file in Base64.
 *
 *     cc vision_file.c -o vision_file $(pkg-config --cflags --libs kuai)
 *     KUAI_API_KEY=sk-... ./vision_file cat.jpg
 */
#include <kuai.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST = 20 * 1024 * 1024 };

/* Base64 (RFC 4648). Takes 4 characters for each 3 bytes, and returns where they end. */
static char *encode(const unsigned char *data, size_t size, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t i;

    for (i = 0; i < size; i += 3) {
        unsigned long bits = (unsigned long)data[i] << 16;
        if (i + 1 < size) bits |= (unsigned long)data[i + 1] << 8;
        if (i + 2 < size) bits |= data[i + 2];
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = i + 1 < size ? digits[bits >> 6 & 63] : '=';
        *out++ = i + 2 < size ? digits[bits & 63] : '=';
    }
    return out;
}

int main(int argc, char **argv)
{
    static const char before[] = "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\",\"content\":["
                                 "{\"type\":\"text\",\"text\":\"What is in this picture?\"},"
                                 "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:";
    static unsigned char data[LARGEST + 1];
    static char request[sizeof before + LARGEST / 3 * 4 + 100];
    const char *path = argc > 1 ? argv[1] : "cat.jpg";
    const char *type = strstr(path, ".png") != NULL ? "image/png" : "image/jpeg";
    FILE *file = fopen(path, "rb");
    size_t size = file != NULL ? fread(data, 1, sizeof data, file) : 0;
    kuai_client *client;
    char *answer, *text;
    kuai_status status;

    if (file != NULL) fclose(file);
    if (size == 0 || size > LARGEST) {
        fprintf(stderr, "%s: cannot be read, is empty, or has more than %d bytes\n", path, (int)LARGEST);
        return 1;
    }
    strcpy(encode(data, size, request + sprintf(request, "%s%s;base64,", before, type)), "\"}}]}]}");

    client = kuai_client_new(NULL);
    answer = kuai_chat_complete(client, request, &status);
    text = kuai_json_get(answer, status == KUAI_OK ? "/choices/0/message/content" : "/error/message");
    fprintf(status == KUAI_OK ? stdout : stderr, "%s\n", text != NULL ? text : answer);

    kuai_string_free(text);
    kuai_string_free(answer);
    kuai_client_free(client);
    return status == KUAI_OK ? 0 : 1;
}
