/* The happy path: every function once as a host would use it, and the pixels compared with the files. */
#include "check.h"

static void read_chunk(const char *path, unsigned frame) {
    char name[1024];
    snprintf(name, sizeof name, "%s/0/c/%u/0/0", path, frame);
    FILE *file = fopen(name, "rb");
    CHECK(file != NULL);
    static uint16_t stored[PIXELS + 1], expected[PIXELS];
    CHECK(fread(stored, 1, sizeof stored, file) == FRAME_BYTES);
    fclose(file);
    fill(expected, frame);
    CHECK(memcmp(stored, expected, FRAME_BYTES) == 0);
}

/* What was planned, with three dimensions before a frame's. */
static void planned(const char *folder) {
    char json[2048], before[8192], text[8192];
    snprintf(json, sizeof json,
             "{\"root_path\": \"%s/planned.ome.zarr\", \"dtype\": \"uint16\", \"pyramid\": {\"levels\": 2}, \"dimensions\": ["
             "{\"name\": \"t\", \"count\": null}, {\"name\": \"p\", \"coords\": [\"left\", \"right\"]}, "
             "{\"name\": \"z\", \"count\": 3}, {\"name\": \"c\", \"count\": 2}, {\"name\": \"y\", \"count\": 64}, "
             "{\"name\": \"x\", \"count\": 64}]}",
             folder);
    uint64_t needed = 0;
    EXPECT_OK(ome_stream_plan(json, NULL, 0, &needed));
    EXPECT_OK(ome_stream_plan(json, before, sizeof before, &needed));
    CHECK(strlen(before) + 1 == needed);
    CHECK(strstr(before, "\"when_full\":\"block\"") != NULL);
    CHECK(strstr(before, "\"shape\":[null,2,2,32,32]") != NULL);
    CHECK(strstr(before, "\"chunk\":[1,1,1,32,32]") != NULL);
    CHECK(strstr(before, "\"folder\":\"right\"") != NULL);
    CHECK(strstr(before, "\"arrays\":[\"right/0\",\"right/1\"]") != NULL);
    snprintf(text, sizeof text, "%s/planned.ome.zarr/0", folder);
    CHECK(fopen(text, "rb") == NULL);

    ome_stream_t *stream = NULL;
    EXPECT_OK(ome_stream_create(json, &stream));
    EXPECT_OK(ome_stream_planned(stream, text, sizeof text, &needed));
    CHECK(strcmp(text, before) == 0);
    /* Acquired t, p, z, c; stored t, c, z. */
    uint64_t position = 77, index[4] = {77, 77, 77, 77}, frame = 0;
    EXPECT_OK(ome_stream_place_of(stream, 5 * 12 + 1 * 6 + 2 * 2 + 1, &position, index, 4, &needed));
    CHECK(needed == 3 && position == 1 && index[0] == 5 && index[1] == 1 && index[2] == 2 && index[3] == 77);
    EXPECT_OK(ome_stream_frame_of(stream, position, index, 3, &frame));
    CHECK(frame == 71);
    EXPECT_OK(ome_stream_place_of(stream, 0, &position, NULL, 0, &needed));
    CHECK(needed == 3 && position == 0);
    char expected[2048];
    snprintf(expected, sizeof expected, "%s/planned.ome.zarr/right/1", folder);
    EXPECT_OK(ome_stream_array_path(stream, 1, 1, text, sizeof text, NULL));
    CHECK(strcmp(text, expected) == 0);
    EXPECT_OK(ome_stream_finish(stream));
    ome_stream_free(stream);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    CHECK(ome_stream_abi_version() == OME_STREAM_ABI_VERSION);
    CHECK(strlen(ome_stream_version()) >= 5);
    CHECK(strcmp(ome_stream_error_name(9), "OME_STREAM_FULL") == 0);
    CHECK(strcmp(ome_stream_error_name(-1), "unknown code") == 0);

    char text[4096];
    uint64_t needed = 0;
    EXPECT_OK(ome_stream_last_error(text, sizeof text, &needed));
    CHECK(needed == 1 && text[0] == '\0');
    EXPECT_OK(ome_stream_backends(text, sizeof text, &needed));
    CHECK(strlen(text) + 1 == needed && strstr(text, "{\"name\":\"zarrs\",\"available\":true,") != NULL);

    uint64_t bytes = 0;
    EXPECT_OK(ome_stream_estimate_memory(settings(argv[1], "happy", "null", ""), &bytes));
    CHECK(bytes >= FRAME_BYTES && bytes <= UINT64_C(1) << 30);

    planned(argv[1]);
    ome_stream_t *stream = NULL;
    EXPECT_OK(ome_stream_create(settings(argv[1], "happy", "null", ""), &stream));
    CHECK(stream != NULL);
    EXPECT_OK(ome_stream_frame_bytes(stream, &bytes));
    CHECK(bytes == FRAME_BYTES);
    EXPECT_OK(ome_stream_set_metadata(stream, "microscope", "{\"objective\": \"60x\"}"));

    static uint16_t pixels[PIXELS + 1];
    uint64_t number = 99;
    for (unsigned frame = 0; frame < 10; ++frame) {
        if (frame == 4) {
            EXPECT_OK(ome_stream_skip(stream, 1));
            continue;
        }
        fill(pixels, frame);
        const char *metadata = frame % 3 == 0 ? "{\"exposure_ms\": 2.5}" : frame % 3 == 1 ? "" : NULL;
        if (frame == 5) {
            EXPECT_OK(ome_stream_append_within(stream, pixels, FRAME_BYTES, metadata, 60000, &number));
        } else if (frame % 2) {
            EXPECT_OK(ome_stream_append(stream, pixels, FRAME_BYTES, metadata, &number));
        } else {
            EXPECT_OK(ome_stream_try_append(stream, pixels, FRAME_BYTES, metadata, &number));
        }
        CHECK(number == frame);
    }
    /* Pixels may lie at an odd address. */
    static unsigned char odd[FRAME_BYTES + 1];
    fill(pixels, 10);
    memcpy(odd + 1, pixels, FRAME_BYTES);
    EXPECT_OK(ome_stream_append(stream, odd + 1, FRAME_BYTES, NULL, NULL));

    EXPECT_OK(ome_stream_wait(stream, 10, OME_STREAM_STATE_WRITTEN, 60000));
    EXPECT_OK(ome_stream_wait(stream, 10, OME_STREAM_STATE_READABLE, UINT64_MAX));
    char path[1024];
    EXPECT_OK(ome_stream_path(stream, path, sizeof path, NULL));
    read_chunk(path, 10);
    EXPECT_OK(ome_stream_cancel(stream));
    EXPECT_OK(ome_stream_finish(stream));
    EXPECT_OK(ome_stream_finish(stream));
    EXPECT_OK(ome_stream_wait(stream, 10, OME_STREAM_STATE_DURABLE, 0));
    EXPECT_OK(ome_stream_status(stream, text, sizeof text, NULL));
    CHECK(strstr(text, "\"accepted\":11,\"written\":11,\"durable\":11,\"skipped\":1,\"dropped\":0") != NULL);
    CHECK(strstr(text, "\"failure\":null,\"finished\":true") != NULL);

    for (unsigned frame = 0; frame < 11; ++frame) {
        if (frame != 4) {
            read_chunk(path, frame);
        }
    }
    ome_stream_free(stream);
    puts("ok");
    return 0;
}
