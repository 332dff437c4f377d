/* Codes that come from an engine which is loaded at run time. The environment names a stand-in for it: a library with the
 * engine's functions, which makes no store where the path says "impossible" and takes too little of each frame. */
#include "check.h"

static const char *with_engine(const char *folder, const char *name, const char *rest) {
    char more[256];
    int length = snprintf(more, sizeof more, "\"format\": \"acquire-zarr\"%s%s", *rest ? ", " : "", rest);
    CHECK(length > 0 && (size_t)length < sizeof more);
    return settings(folder, name, "3", more);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    char text[4096];
    uint64_t bytes = 77;
    static uint16_t pixels[PIXELS];
    EXPECT_OK(ome_stream_backends(text, sizeof text, NULL));
    CHECK(strstr(text, "{\"name\":\"acquire-zarr\",\"available\":true,") != NULL);

    /* Settings that are valid, and not for this engine. */
    const char *const beyond = "\"compression\": \"gzip\"";
    ome_stream_t *stream = NULL;
    EXPECT(OME_STREAM_UNSUPPORTED, ome_stream_create(with_engine(argv[1], "beyond", beyond), &stream));
    message_has("backend `acquire-zarr` cannot write this: acquire-zarr has no gzip");
    EXPECT(OME_STREAM_UNSUPPORTED, ome_stream_estimate_memory(with_engine(argv[1], "beyond", beyond), &bytes));
    CHECK(stream == NULL && bytes == 77);
    EXPECT_OK(ome_stream_estimate_memory(with_engine(argv[1], "beyond", ""), &bytes));
    CHECK(bytes > FRAME_BYTES);

    /* The engine itself fails. */
    EXPECT(OME_STREAM_ENGINE, ome_stream_create(with_engine(argv[1], "impossible", ""), &stream));
    message_has("backend `acquire-zarr`: ");
    CHECK(stream == NULL);

    /* It fails later: told by append or at the latest by finish. */
    EXPECT_OK(ome_stream_create(with_engine(argv[1], "later", ""), &stream));
    EXPECT_OK(ome_stream_append(stream, pixels, FRAME_BYTES, NULL, NULL));
    EXPECT(OME_STREAM_FAILED, ome_stream_finish(stream));
    message_has("writing failed at frame 0: backend `acquire-zarr`: ");
    ome_stream_free(stream);
    puts("ok");
    return 0;
}
