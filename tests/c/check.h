/* What the C tests share: a check that says where it failed, and ends the program. */
#ifndef CHECK_H
#define CHECK_H

#include <kuai.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                           \
    do {                                                                           \
        if (!(condition)) {                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                               \
        }                                                                          \
    } while (0)

/* Whether a text of the library, which is never NULL here, holds another one. */
#define HOLDS(text, part) ((text) != NULL && strstr((text), (part)) != NULL)

#endif
