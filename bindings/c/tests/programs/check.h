/* What the test programs share: checks that say where they failed, and small settings. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ome_stream.h"

#define CHECK(condition)                                                                  \
    do {                                                                                  \
        if (!(condition)) {                                                               \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);       \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)

/* Compares a code, and shows the message where it is another. */
#define EXPECT(code, call)                                                                \
    do {                                                                                  \
        int32_t got_ = (call);                                                            \
        if (got_ != (code)) {                                                             \
            char message_[2048] = "";                                                     \
            ome_stream_last_error(message_, sizeof message_, NULL);                       \
            fprintf(stderr, "%s:%d: %s gave %s, not %s: %s\n", __FILE__, __LINE__, #call, \
                    ome_stream_error_name(got_), #code, message_);                        \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)

#define EXPECT_OK(call) EXPECT(OME_STREAM_OK, call)

/* The last message of this thread names this. */
static inline void message_has(const char *part) {
    char message[2048];
    EXPECT_OK(ome_stream_last_error(message, sizeof message, NULL));
    if (strstr(message, part) == NULL) {
        fprintf(stderr, "the message does not say \"%s\": %s\n", part, message);
        exit(1);
    }
}

enum { SIDE = 64, PIXELS = SIDE * SIDE, FRAME_BYTES = PIXELS * 2 };

/* A frame that tells its number in every pixel. */
static inline void fill(uint16_t *pixels, unsigned number) {
    for (unsigned at = 0; at < PIXELS; ++at) {
        pixels[at] = (uint16_t)(number * 31u + at);
    }
}

/* Settings of uint16 frames of 64 x 64, at `folder`/`name`; `t` and `rest` are JSON as it stands. */
static inline const char *settings(const char *folder, const char *name, const char *t, const char *rest) {
    static char text[4096];
    int length = snprintf(text, sizeof text,
                          "{\"root_path\": \"%s/%s.ome.zarr\", \"dtype\": \"uint16\", \"dimensions\": ["
                          "{\"name\": \"t\", \"count\": %s}, {\"name\": \"y\", \"count\": 64}, "
                          "{\"name\": \"x\", \"count\": 64}]%s%s}",
                          folder, name, t, *rest ? ", " : "", rest);
    CHECK(length > 0 && (size_t)length < sizeof text);
    return text;
}

#endif
