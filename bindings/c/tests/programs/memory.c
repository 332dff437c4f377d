/* A system that has less memory than memory_limit allows: never the end of the process.
 *
 * Groups of 20 frames of 1024 x 1024 are 40 MiB each. With room for none the first frame is refused, and taken when there
 * is room; with room for two the run waits for the disk instead of taking what it may. */
#include "check.h"

#include <sys/resource.h>
#include <unistd.h>

enum { SIDE_LARGE = 1024, LARGE_BYTES = SIDE_LARGE * SIDE_LARGE * 2, FRAMES = 200 };

/* Leaves the process `left` bytes of address space; 0 takes the limit away. */
static void leave(rlim_t left) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    if (left > 0) {
        unsigned long pages = 0;
        FILE *file = fopen("/proc/self/statm", "r");
        CHECK(file != NULL && fscanf(file, "%lu", &pages) == 1);
        fclose(file);
        limit.rlim_cur = pages * (rlim_t)sysconf(_SC_PAGESIZE) + left;
    }
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static ome_stream_t *create(const char *folder, const char *name, const char *compression) {
    char json[2048];
    ome_stream_t *stream = NULL;
    snprintf(json, sizeof json,
             "{\"root_path\": \"%s/%s.ome.zarr\", \"dtype\": \"uint16\", \"threads\": 2, \"compression\": \"%s\", "
             "\"dimensions\": [{\"name\": \"t\", \"count\": %d, \"chunk_size\": 20}, "
             "{\"name\": \"y\", \"count\": 1024}, {\"name\": \"x\", \"count\": 1024}]}",
             folder, name, compression, FRAMES);
    EXPECT_OK(ome_stream_create(json, &stream));
    return stream;
}

/* Memory below the top of the heap, which the allocator keeps: what small allocations are made of. */
static void keep_small_blocks(void) {
    enum { BLOCKS = 400, BLOCK = 16384 };
    static char *blocks[BLOCKS];
    for (int nth = 0; nth < BLOCKS; ++nth) {
        blocks[nth] = malloc(BLOCK);
        CHECK(blocks[nth] != NULL);
        memset(blocks[nth], 1, BLOCK);
    }
    for (int nth = 0; nth < BLOCKS - 1; ++nth) {
        free(blocks[nth]);
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    uint16_t *pixels = malloc(LARGE_BYTES);
    CHECK(pixels != NULL);
    memset(pixels, 7, LARGE_BYTES);
    keep_small_blocks();

    /* Room for threads and small things, not for one group. */
    leave((rlim_t)24 << 20);
    ome_stream_t *stream = create(argv[1], "refused", "none");
    uint64_t number = 99;
    for (int again = 0; again < 2; ++again) {
        EXPECT(OME_STREAM_OUT_OF_MEMORY, ome_stream_append(stream, pixels, LARGE_BYTES, NULL, &number));
        message_has("memory_limit");
    }
    CHECK(number == 99);
    leave(0);
    for (unsigned frame = 0; frame < FRAMES; ++frame) {
        EXPECT_OK(ome_stream_append(stream, pixels, LARGE_BYTES, NULL, &number));
        CHECK(number == frame);
    }
    EXPECT_OK(ome_stream_finish(stream));
    ome_stream_free(stream);

    /* Room for two groups, and for what encoding takes. */
    const char *const codecs[] = {"none", "blosc-lz4", "zstd"};
    for (unsigned nth = 0; nth < sizeof codecs / sizeof *codecs; ++nth) {
        leave((rlim_t)(nth == 0 ? 110 : 220) << 20);
        stream = create(argv[1], codecs[nth], codecs[nth]);
        for (unsigned frame = 0; frame < FRAMES; ++frame) {
            EXPECT_OK(ome_stream_append(stream, pixels, LARGE_BYTES, NULL, NULL));
        }
        EXPECT_OK(ome_stream_finish(stream));
        ome_stream_free(stream);
        leave(0);
    }
    free(pixels);
    puts("ok");
    return 0;
}
