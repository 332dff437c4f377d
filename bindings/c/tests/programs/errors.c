/* Each code that a host can provoke, with its message; and that a refusal leaves outputs and the stream alone. */
#include "check.h"

#include <sys/stat.h>

static void refused(const char *json, int32_t code, const char *part) {
    ome_stream_t *untouched = (ome_stream_t *)(uintptr_t)5;
    ome_stream_t *stream = untouched;
    EXPECT(code, ome_stream_create(json, &stream));
    CHECK(stream == untouched);
    message_has(part);
}

static void settings_are_refused(const char *folder) {
    refused("", OME_STREAM_INVALID_SETTINGS, "not valid JSON");
    refused("{}", OME_STREAM_INVALID_SETTINGS, "root_path");
    refused(settings(folder, "a", "-1", ""), OME_STREAM_INVALID_SETTINGS, "dimensions[0].count");
    refused(settings(folder, "a", "18446744073709551616", ""), OME_STREAM_INVALID_SETTINGS, "dimensions[0].count");
    refused(settings(folder, "a", "3", "\"shoe_size\": 42"), OME_STREAM_INVALID_SETTINGS, "shoe_size");
    refused(settings(folder, "a", "3", "\"format\": \"no-such-engine\""), OME_STREAM_INVALID_SETTINGS, "format.backend");
    refused("\xff\xfe", OME_STREAM_INVALID_UTF8, "settings_json");
    refused(NULL, OME_STREAM_NULL_POINTER, "settings_json");
    refused(settings(folder, "a", "100", "\"memory_limit\": 1048576, \"threads\": 16, \"compression\": \"zstd\""),
            OME_STREAM_MEMORY_LIMIT, "memory_limit");
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_create(settings(folder, "a", "3", ""), NULL));
    uint64_t bytes = 77;
    EXPECT(OME_STREAM_INVALID_SETTINGS, ome_stream_estimate_memory("[]", &bytes));
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_estimate_memory("{}", NULL));
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_estimate_memory(NULL, &bytes));
    CHECK(bytes == 77);
    char text[16] = "untouched";
    EXPECT(OME_STREAM_INVALID_SETTINGS, ome_stream_plan("[]", text, sizeof text, &bytes));
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_plan(NULL, text, sizeof text, &bytes));
    CHECK(bytes == 77);
    EXPECT(OME_STREAM_BUFFER_TOO_SMALL, ome_stream_plan(settings(folder, "a", "3", ""), text, sizeof text, &bytes));
    CHECK(strcmp(text, "untouched") == 0 && bytes > 77);
}

static void overwrite_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    fclose(file);
}

static void what_is_in_the_way_is_kept(const char *folder) {
    char path[1024], inside[1100];
    snprintf(path, sizeof path, "%s/kept.ome.zarr", folder);
    CHECK(mkdir(path, 0755) == 0);
    snprintf(inside, sizeof inside, "%s/thesis.txt", path);
    overwrite_file(inside, "");
    refused(settings(folder, "kept", "3", ""), OME_STREAM_ALREADY_EXISTS, "already exists");
    refused(settings(folder, "kept", "3", "\"overwrite\": true"), OME_STREAM_NOT_A_STORE, "not an OME-Zarr store");
    struct stat there;
    CHECK(stat(inside, &there) == 0);
    /* A file where a folder would have to be. */
    refused(settings(inside, "below", "3", ""), OME_STREAM_IO, "thesis.txt");
}

/* A store whose writer lives is nobody else's to replace or to go on with. */
static void a_store_in_use_is_kept(const char *folder) {
    ome_stream_t *stream = NULL;
    EXPECT_OK(ome_stream_create(settings(folder, "used", "3", ""), &stream));
    refused(settings(folder, "used", "3", "\"overwrite\": true"), OME_STREAM_BUSY, "this process");
    refused(settings(folder, "used", "3", "\"resume\": true"), OME_STREAM_BUSY, "in use by");
    EXPECT_OK(ome_stream_finish(stream));
    ome_stream_free(stream);
}

/* Going on with a store: only with the settings it was made with, and only where it is whole. */
static void what_cannot_be_continued_is_kept(const char *folder) {
    static uint16_t pixels[PIXELS];
    char path[1024];
    uint64_t number = 77;
    ome_stream_t *stream = NULL;
    EXPECT_OK(ome_stream_create(settings(folder, "resumed", "3", "\"resume\": true"), &stream));
    EXPECT_OK(ome_stream_append(stream, pixels, FRAME_BYTES, NULL, NULL));
    EXPECT_OK(ome_stream_finish(stream));
    ome_stream_free(stream);
    refused(settings(folder, "resumed", "4", "\"resume\": true"), OME_STREAM_MISMATCH, "cannot be continued");
    refused(settings(folder, "resumed", "3", "\"resume\": true, \"overwrite\": true"), OME_STREAM_INVALID_SETTINGS, "resume");
    stream = NULL;
    EXPECT_OK(ome_stream_create(settings(folder, "resumed", "3", "\"resume\": true"), &stream));
    EXPECT_OK(ome_stream_append(stream, pixels, FRAME_BYTES, NULL, &number));
    CHECK(number == 1);
    EXPECT_OK(ome_stream_finish(stream));
    ome_stream_free(stream);
    snprintf(path, sizeof path, "%s/resumed.ome.zarr/0/zarr.json", folder);
    overwrite_file(path, "{\"zarr_format\": 3,");
    refused(settings(folder, "resumed", "3", "\"resume\": true"), OME_STREAM_DAMAGED, "zarr.json");
}

/* An engine that is loaded at run time, where there is none. */
static void an_engine_that_is_not_there_is_named(const char *folder) {
    CHECK(setenv("OME_STREAM_ACQUIRE_ZARR", folder, 1) == 0);
    refused(settings(folder, "engine", "3", "\"format\": \"acquire-zarr\""), OME_STREAM_UNAVAILABLE, "acquire-zarr");
    uint64_t bytes = 77;
    EXPECT(OME_STREAM_UNAVAILABLE,
           ome_stream_estimate_memory(settings(folder, "engine", "3", "\"format\": \"acquire-zarr\""), &bytes));
    CHECK(bytes == 77);
}

static void frames_are_refused(const char *folder) {
    static uint16_t pixels[PIXELS];
    uint64_t number = 77, needed = 77;
    char text[4096];
    ome_stream_t *stream = NULL;
    EXPECT_OK(ome_stream_create(settings(folder, "frames", "3", ""), &stream));

    const uint64_t sizes[] = {0, 1, FRAME_BYTES - 1, FRAME_BYTES + 1, UINT64_C(1) << 40, INT64_MAX, UINT64_MAX};
    for (unsigned at = 0; at < sizeof sizes / sizeof *sizes; ++at) {
        EXPECT(OME_STREAM_FRAME_SIZE, ome_stream_append(stream, pixels, sizes[at], NULL, &number));
        EXPECT(OME_STREAM_FRAME_SIZE, ome_stream_try_append(stream, pixels, sizes[at], NULL, &number));
    }
    message_has("frame has 18446744073709551615 bytes, expected 8192 (64 x 64 pixels of uint16)");
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_append(stream, NULL, FRAME_BYTES, NULL, &number));
    EXPECT(OME_STREAM_INVALID_METADATA, ome_stream_append(stream, pixels, FRAME_BYTES, "[1]", &number));
    EXPECT(OME_STREAM_INVALID_UTF8, ome_stream_append(stream, pixels, FRAME_BYTES, "{\"a\": \"\xe9\"}", &number));
    message_has("frame_metadata_json");
    EXPECT(OME_STREAM_INVALID_METADATA, ome_stream_set_metadata(stream, "ome", "{}"));
    EXPECT(OME_STREAM_INVALID_METADATA, ome_stream_set_metadata(stream, "lab", "nonsense"));
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_set_metadata(stream, NULL, "{}"));
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_set_metadata(stream, "lab", NULL));
    EXPECT(OME_STREAM_INVALID_UTF8, ome_stream_set_metadata(stream, "\xff", "{}"));
    EXPECT(OME_STREAM_TOO_MANY_FRAMES, ome_stream_skip(stream, 4));
    EXPECT(OME_STREAM_TOO_MANY_FRAMES, ome_stream_skip(stream, UINT64_MAX));
    CHECK(number == 77);

    /* None of that used a frame number. */
    EXPECT_OK(ome_stream_append(stream, pixels, FRAME_BYTES, NULL, &number));
    CHECK(number == 0);
    EXPECT_OK(ome_stream_skip(stream, 2));
    EXPECT(OME_STREAM_TOO_MANY_FRAMES, ome_stream_append(stream, pixels, FRAME_BYTES, NULL, NULL));
    message_has("3");

    EXPECT(OME_STREAM_TIMED_OUT, ome_stream_wait(stream, 1000, OME_STREAM_STATE_WRITTEN, 0));
    EXPECT(OME_STREAM_TIMED_OUT, ome_stream_wait(stream, 0, OME_STREAM_STATE_DURABLE, 1));
    message_has("the frame was not durable within 0.001 s");
    EXPECT(OME_STREAM_INVALID_SETTINGS, ome_stream_wait(stream, 0, 7, 0));
    message_has("`state` = 7");

    uint64_t index[2] = {0, 77}, position = 77;
    EXPECT(OME_STREAM_NOT_DECLARED, ome_stream_place_of(stream, 3, &position, index, 2, &needed));
    message_has("3 frames");
    EXPECT(OME_STREAM_BUFFER_TOO_SMALL, ome_stream_place_of(stream, 2, &position, index, 0, NULL));
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_place_of(stream, 2, &position, NULL, 1, &needed));
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_place_of(stream, 2, &position, NULL, 0, NULL));
    EXPECT(OME_STREAM_NOT_DECLARED, ome_stream_frame_of(stream, 1, index, 1, &position));
    EXPECT(OME_STREAM_NOT_DECLARED, ome_stream_frame_of(stream, UINT64_MAX, index, 1, &position));
    EXPECT(OME_STREAM_NOT_DECLARED, ome_stream_frame_of(stream, 0, index, 2, &position));
    EXPECT(OME_STREAM_NOT_DECLARED, ome_stream_frame_of(stream, 0, index + 1, 1, &position));
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_frame_of(stream, 0, NULL, 1, &position));
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_frame_of(stream, 0, index, 1, NULL));
    EXPECT(OME_STREAM_NOT_DECLARED, ome_stream_array_path(stream, 0, 1, text, sizeof text, &needed));
    CHECK(index[0] == 0 && index[1] == 77 && position == 77);

    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_status(stream, NULL, 10, &needed));
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_status(stream, NULL, 0, NULL));
    CHECK(needed == 77);
    EXPECT_OK(ome_stream_status(stream, NULL, 0, &needed));
    CHECK(needed > 77);
    memset(text, 'x', sizeof text);
    EXPECT(OME_STREAM_BUFFER_TOO_SMALL, ome_stream_status(stream, text, 8, NULL));
    EXPECT(OME_STREAM_BUFFER_TOO_SMALL, ome_stream_path(stream, text, 1, &needed));
    EXPECT(OME_STREAM_BUFFER_TOO_SMALL, ome_stream_backends(text, 0, &needed));
    CHECK(text[0] == 'x' && needed > 8);
    message_has("buffer");
    EXPECT(OME_STREAM_BUFFER_TOO_SMALL, ome_stream_last_error(text, 3, &needed));
    CHECK(text[0] == 'x' && needed > 3);
    message_has("buffer has 0 bytes");
    EXPECT(OME_STREAM_NULL_POINTER, ome_stream_frame_bytes(stream, NULL));

    EXPECT_OK(ome_stream_finish(stream));
    EXPECT(OME_STREAM_FINISHED, ome_stream_append(stream, pixels, FRAME_BYTES, NULL, NULL));
    EXPECT(OME_STREAM_FINISHED, ome_stream_try_append(stream, pixels, FRAME_BYTES, NULL, NULL));
    EXPECT(OME_STREAM_FINISHED, ome_stream_append_within(stream, pixels, FRAME_BYTES, NULL, 1, NULL));
    EXPECT(OME_STREAM_FINISHED, ome_stream_wait(stream, 3, OME_STREAM_STATE_WRITTEN, UINT64_MAX));
    EXPECT(OME_STREAM_FINISHED, ome_stream_skip(stream, 1));
    EXPECT(OME_STREAM_FINISHED, ome_stream_set_metadata(stream, "lab", "{}"));
    ome_stream_free(stream);
}

/* Every function that takes a handle, with one that is not. */
static void handle_is_refused(ome_stream_t *stream, int32_t code) {
    static uint16_t pixels[PIXELS];
    char text[64] = "untouched";
    uint64_t number = 77;
    EXPECT(code, ome_stream_append(stream, pixels, FRAME_BYTES, NULL, &number));
    EXPECT(code, ome_stream_try_append(stream, pixels, FRAME_BYTES, NULL, &number));
    EXPECT(code, ome_stream_append_within(stream, pixels, FRAME_BYTES, NULL, 0, &number));
    EXPECT(code, ome_stream_wait(stream, 0, OME_STREAM_STATE_WRITTEN, 0));
    EXPECT(code, ome_stream_cancel(stream));
    EXPECT(code, ome_stream_abort(stream));
    EXPECT(code, ome_stream_skip(stream, 1));
    EXPECT(code, ome_stream_set_metadata(stream, "lab", "{}"));
    EXPECT(code, ome_stream_frame_bytes(stream, &number));
    EXPECT(code, ome_stream_path(stream, text, sizeof text, &number));
    EXPECT(code, ome_stream_status(stream, text, sizeof text, &number));
    EXPECT(code, ome_stream_planned(stream, text, sizeof text, &number));
    EXPECT(code, ome_stream_place_of(stream, 0, &number, &number, 1, &number));
    EXPECT(code, ome_stream_frame_of(stream, 0, &number, 1, &number));
    EXPECT(code, ome_stream_array_path(stream, 0, 0, text, sizeof text, &number));
    EXPECT(code, ome_stream_finish(stream));
    ome_stream_free(stream);
    CHECK(number == 77 && strcmp(text, "untouched") == 0);
}

static void handles_are_refused(const char *folder) {
    int object = 3;
    void *heap = malloc(64);
    handle_is_refused(NULL, OME_STREAM_NULL_POINTER);
    handle_is_refused((ome_stream_t *)(void *)&object, OME_STREAM_INVALID_HANDLE);
    handle_is_refused((ome_stream_t *)heap, OME_STREAM_INVALID_HANDLE);
    handle_is_refused((ome_stream_t *)(uintptr_t)1, OME_STREAM_INVALID_HANDLE);
    handle_is_refused((ome_stream_t *)UINTPTR_MAX, OME_STREAM_INVALID_HANDLE);
    free(heap);
    ome_stream_t *first = NULL, *second = NULL;
    EXPECT_OK(ome_stream_create(settings(folder, "first", "3", ""), &first));
    ome_stream_free(first);
    handle_is_refused(first, OME_STREAM_INVALID_HANDLE);
    message_has("freed");
    /* A new stream does not get a freed handle back to life. */
    EXPECT_OK(ome_stream_create(settings(folder, "second", "3", ""), &second));
    CHECK(first != second);
    handle_is_refused(first, OME_STREAM_INVALID_HANDLE);
    EXPECT_OK(ome_stream_finish(second));
    ome_stream_free(second);
    ome_stream_free(second);
    ome_stream_free(NULL);
}

/* Fast frames into a slow codec within little memory: soon there is no room. */
static void full_is_a_code(const char *folder) {
    enum { SIDE_LARGE = 512, BYTES = SIDE_LARGE * SIDE_LARGE * 2 };
    static uint16_t pixels[SIDE_LARGE * SIDE_LARGE];
    char json[2048];
    snprintf(json, sizeof json,
             "{\"root_path\": \"%s/full.ome.zarr\", \"dtype\": \"uint16\", \"memory_limit\": 28000000, \"threads\": 1, "
             "\"when_full\": \"error\", \"compression\": {\"codec\": \"zstd\", \"level\": 9}, \"dimensions\": ["
             "{\"name\": \"t\", \"count\": null}, {\"name\": \"y\", \"count\": 512}, {\"name\": \"x\", \"count\": 512}]}",
             folder);
    unsigned random = 1;
    for (unsigned at = 0; at < SIDE_LARGE * SIDE_LARGE; ++at) {
        random = random * 1664525u + 1013904223u;
        pixels[at] = (uint16_t)(random >> 22);
    }
    ome_stream_t *stream = NULL;
    EXPECT_OK(ome_stream_create(json, &stream));
    for (int tried = 0; tried < 2; ++tried) {
        uint64_t number = 77;
        int32_t code = OME_STREAM_OK;
        for (int frame = 0; frame < 2000 && code == OME_STREAM_OK; ++frame) {
            number = 77;
            code = tried ? ome_stream_append(stream, pixels, BYTES, NULL, &number)
                         : ome_stream_try_append(stream, pixels, BYTES, NULL, &number);
        }
        EXPECT(OME_STREAM_FULL, code);
        CHECK(number == 77);
        message_has("full: ");
    }
    EXPECT_OK(ome_stream_finish(stream));
    ome_stream_free(stream);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    settings_are_refused(argv[1]);
    what_is_in_the_way_is_kept(argv[1]);
    a_store_in_use_is_kept(argv[1]);
    what_cannot_be_continued_is_kept(argv[1]);
    an_engine_that_is_not_there_is_named(argv[1]);
    frames_are_refused(argv[1]);
    handles_are_refused(argv[1]);
    full_is_a_code(argv[1]);
    puts("ok");
    return 0;
}
