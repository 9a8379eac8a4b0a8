/*
 * kuai_text_copy into buffers of every size: what fits, NUL-terminated, never half a character, and never a byte more
 * than the buffer has.
 */
#include "check.h"

int main(void)
{
    static const char text[] = "a\xe4\xbd\xa0\xf0\x9f\x98\x8a."; /* 1 + 3 + 4 + 1 bytes */
    static const size_t whole_characters[] = {0, 1, 4, 8, 9};
    size_t size;

    for (size = 0; size <= sizeof text + 2; size++) {
        char *buffer = malloc(size + 1);
        size_t kept = 0, i;

        CHECK(buffer != NULL);
        memset(buffer, '#', size + 1);
        CHECK(kuai_text_copy(text, buffer, size) == sizeof text);
        for (i = 0; i < sizeof whole_characters / sizeof *whole_characters; i++) {
            if (whole_characters[i] < size) {
                kept = whole_characters[i];
            }
        }
        if (size > 0) {
            CHECK(memcmp(buffer, text, kept) == 0);
            CHECK(buffer[kept] == '\0');
        }
        CHECK(buffer[size] == '#');
        free(buffer);
    }
    puts("texts are cut between characters");
    return 0;
}
