/* Streams 20 frames into an OME-Zarr image: create, append, finish, free.
 *
 *     cc stream.c $(pkg-config --cflags --libs ome_stream) -o stream && ./stream run.ome.zarr */
#include <ome_stream.h>
#include <stdio.h>

static int32_t tell(const char *what, int32_t code) {
    char message[1024] = "";
    ome_stream_last_error(message, sizeof message, NULL);
    fprintf(stderr, "%s: %s: %s\n", what, ome_stream_error_name(code), message);
    return code;
}

int main(int argc, char **argv) {
    static uint16_t pixels[512 * 512];
    char settings[1024];
    ome_stream_t *stream = NULL;
    int32_t code;
    snprintf(settings, sizeof settings,
             "{\"root_path\": \"%s\", \"dtype\": \"uint16\", \"dimensions\": [{\"name\": \"t\", \"count\": null},"
             "{\"name\": \"y\", \"count\": 512, \"unit\": \"micrometer\", \"scale\": 0.1},"
             "{\"name\": \"x\", \"count\": 512, \"unit\": \"micrometer\", \"scale\": 0.1}]}", argc > 1 ? argv[1] : "run");
    if ((code = ome_stream_create(settings, &stream)) != OME_STREAM_OK) return tell("create", code);
    for (uint16_t frame = 0; frame < 20 && code == OME_STREAM_OK; ++frame) {
        for (size_t at = 0; at < 512 * 512; ++at) pixels[at] = (uint16_t)(frame + at % 512);
        if ((code = ome_stream_append(stream, pixels, sizeof pixels, NULL, NULL)) != OME_STREAM_OK) tell("append", code);
    }
    if ((code = ome_stream_finish(stream)) != OME_STREAM_OK) tell("finish", code);
    ome_stream_free(stream);
    return code;
}
