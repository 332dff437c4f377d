/* A disk that takes no more: told by append, told again by finish with the first cause, and what was written is kept.
 *
 * With "limit" as second argument no file may grow beyond 64 frames (what every system can be asked for); with "disk"
 * the folder lies on a disk of a few MB. */
#include "check.h"

#include <sys/resource.h>
#include <time.h>

/* Frames that are written before the disk fills. */
enum { EARLY = 10 };

static uint64_t written(ome_stream_t *stream) {
    char text[4096];
    EXPECT_OK(ome_stream_status(stream, text, sizeof text, NULL));
    const char *at = strstr(text, "\"written\":");
    CHECK(at != NULL);
    return strtoull(at + strlen("\"written\":"), NULL, 10);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    static uint16_t pixels[PIXELS];
    ome_stream_t *stream = NULL;
    const char *cause = "No space left on device";
    if (strcmp(argv[2], "limit") == 0) {
        /* SIGXFSZ, which would end this host, is neither caught nor ignored: no such write may be made. */
        struct rlimit limit = {64 * FRAME_BYTES, 64 * FRAME_BYTES};
        CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        cause = "File too large";
    }
    /* One shard file of 2000 frames. */
    char json[2048];
    snprintf(json, sizeof json,
             "{\"root_path\": \"%s/run.ome.zarr\", \"dtype\": \"uint16\", \"memory_limit\": 4000000, \"dimensions\": ["
             "{\"name\": \"t\", \"count\": 2000, \"chunk_size\": 1, \"shard_size_chunks\": 2000}, "
             "{\"name\": \"y\", \"count\": 64, \"chunk_size\": 64, \"shard_size_chunks\": 1}, "
             "{\"name\": \"x\", \"count\": 64, \"chunk_size\": 64, \"shard_size_chunks\": 1}]}",
             argv[1]);
    EXPECT_OK(ome_stream_create(json, &stream));
    int32_t code = OME_STREAM_OK;
    unsigned taken = 0;
    while (code == OME_STREAM_OK && taken < 2000) {
        fill(pixels, taken);
        code = ome_stream_append(stream, pixels, FRAME_BYTES, NULL, NULL);
        taken += code == OME_STREAM_OK;
        /* Workers write side by side: only what was seen to be written is sure to be before the failure. */
        while (taken == EARLY && code == OME_STREAM_OK && written(stream) < EARLY) {
            const struct timespec nap = {0, 2000000};
            nanosleep(&nap, NULL);
        }
    }
    EXPECT(OME_STREAM_FAILED, code);
    char first[2048], again[2048], status[4096];
    for (int asked = 0; asked < 2; ++asked) {
        EXPECT(OME_STREAM_FAILED, ome_stream_finish(stream));
        EXPECT_OK(ome_stream_last_error(asked ? again : first, sizeof first, NULL));
    }
    CHECK(strcmp(first, again) == 0);
    CHECK(strstr(first, "writing failed at frame ") == first);
    if (strstr(first, cause) == NULL) {
        fprintf(stderr, "the cause is not told: %s\n", first);
        return 1;
    }
    EXPECT(OME_STREAM_FAILED, ome_stream_append(stream, pixels, FRAME_BYTES, NULL, NULL));
    EXPECT_OK(ome_stream_status(stream, status, sizeof status, NULL));
    CHECK(strstr(status, cause) != NULL);
    CHECK(strstr(status, "\"finished\":true") != NULL);
    CHECK(written(stream) >= EARLY);
    ome_stream_free(stream);
    puts("ok");
    return 0;
}
