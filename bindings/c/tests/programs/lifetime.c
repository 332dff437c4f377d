/* Two streams at once, one stream from several threads, abort in mid-run, double finish, double free. */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { FRAMES = 100 };

static void append_frames(ome_stream_t *stream, unsigned frames) {
    uint16_t *pixels = malloc(FRAME_BYTES);
    CHECK(pixels != NULL);
    for (unsigned frame = 0; frame < frames; ++frame) {
        uint64_t number = 0;
        fill(pixels, frame);
        EXPECT_OK(ome_stream_append(stream, pixels, FRAME_BYTES, "{\"t\": 1}", &number));
    }
    free(pixels);
}

static void *camera(void *stream) {
    append_frames(stream, FRAMES);
    return NULL;
}

static void *finisher(void *stream) {
    EXPECT_OK(ome_stream_finish(stream));
    return NULL;
}

/* Appends until the stream is gone; every answer must be one of three. */
static void *until_gone(void *stream) {
    uint16_t *pixels = calloc(PIXELS, 2);
    CHECK(pixels != NULL);
    int32_t code = OME_STREAM_OK;
    while (code == OME_STREAM_OK) {
        code = ome_stream_append(stream, pixels, FRAME_BYTES, NULL, NULL);
    }
    CHECK(code == OME_STREAM_FINISHED || code == OME_STREAM_INVALID_HANDLE);
    free(pixels);
    return NULL;
}

static uint64_t accepted(ome_stream_t *stream) {
    char text[4096];
    EXPECT_OK(ome_stream_status(stream, text, sizeof text, NULL));
    const char *at = strstr(text, "\"accepted\":");
    CHECK(at != NULL);
    return strtoull(at + strlen("\"accepted\":"), NULL, 10);
}

/* Asks status, as a display does, until that many frames are accepted. */
static void wait_for(ome_stream_t *stream, uint64_t frames) {
    const struct timespec nap = {0, 2000000};
    while (accepted(stream) < frames) {
        nanosleep(&nap, NULL);
    }
}

static atomic_int called_off;

/* Waits for a frame that never comes. */
static void *for_ever(void *stream) {
    EXPECT(OME_STREAM_CANCELED, ome_stream_wait(stream, 1000000, OME_STREAM_STATE_WRITTEN, UINT64_MAX));
    atomic_store(&called_off, 1);
    return NULL;
}

static void a_wait_is_called_off(const char *folder) {
    ome_stream_t *stream = NULL;
    pthread_t waiting;
    EXPECT_OK(ome_stream_create(settings(folder, "canceled", "null", ""), &stream));
    CHECK(pthread_create(&waiting, NULL, for_ever, stream) == 0);
    /* Until it waits there is nothing to call off. */
    const struct timespec nap = {0, 2000000};
    while (!atomic_load(&called_off)) {
        EXPECT_OK(ome_stream_cancel(stream));
        nanosleep(&nap, NULL);
    }
    CHECK(pthread_join(waiting, NULL) == 0);
    append_frames(stream, 3);
    EXPECT_OK(ome_stream_finish(stream));
    ome_stream_free(stream);
}

static void two_streams_at_once(const char *folder) {
    ome_stream_t *streams[2] = {NULL, NULL};
    pthread_t threads[2];
    EXPECT_OK(ome_stream_create(settings(folder, "left", "null", ""), &streams[0]));
    EXPECT_OK(ome_stream_create(settings(folder, "right", "100", "\"compression\": \"blosc-zstd\""), &streams[1]));
    for (int which = 0; which < 2; ++which) {
        CHECK(pthread_create(&threads[which], NULL, camera, streams[which]) == 0);
    }
    wait_for(streams[0], FRAMES);
    wait_for(streams[1], FRAMES);
    for (int which = 0; which < 2; ++which) {
        CHECK(pthread_join(threads[which], NULL) == 0);
        EXPECT_OK(ome_stream_finish(streams[which]));
        CHECK(accepted(streams[which]) == FRAMES);
        ome_stream_free(streams[which]);
    }
}

static void one_stream_from_three_threads(const char *folder) {
    ome_stream_t *stream = NULL;
    pthread_t threads[3];
    EXPECT_OK(ome_stream_create(settings(folder, "three", "300", ""), &stream));
    for (int which = 0; which < 3; ++which) {
        CHECK(pthread_create(&threads[which], NULL, camera, stream) == 0);
    }
    for (int which = 0; which < 3; ++which) {
        CHECK(pthread_join(threads[which], NULL) == 0);
    }
    CHECK(accepted(stream) == 3 * FRAMES);
    /* Finish from two threads at once, then twice more. */
    for (int which = 0; which < 2; ++which) {
        CHECK(pthread_create(&threads[which], NULL, finisher, stream) == 0);
    }
    for (int which = 0; which < 2; ++which) {
        CHECK(pthread_join(threads[which], NULL) == 0);
    }
    EXPECT_OK(ome_stream_finish(stream));
    EXPECT_OK(ome_stream_finish(stream));
    ome_stream_free(stream);
    ome_stream_free(stream);
    EXPECT(OME_STREAM_INVALID_HANDLE, ome_stream_finish(stream));
}

static void aborted_in_mid_run(const char *folder) {
    ome_stream_t *stream = NULL;
    EXPECT_OK(ome_stream_create(settings(folder, "aborted", "1000", ""), &stream));
    append_frames(stream, 5);
    ome_stream_free(stream);
    /* What came until then is kept. */
    char name[1024];
    snprintf(name, sizeof name, "%s/aborted.ome.zarr/0/c/4/0/0", folder);
    FILE *file = fopen(name, "rb");
    CHECK(file != NULL);
    fclose(file);
}

/* Waits for a frame that never comes. */
static void *until_aborted(void *stream) {
    EXPECT(OME_STREAM_ABORTED, ome_stream_wait(stream, 1000000, OME_STREAM_STATE_WRITTEN, UINT64_MAX));
    return NULL;
}

static void given_up_in_mid_run(const char *folder) {
    ome_stream_t *stream = NULL;
    pthread_t waiting;
    char text[4096];
    EXPECT_OK(ome_stream_create(settings(folder, "given-up", "1000", ""), &stream));
    append_frames(stream, 5);
    EXPECT_OK(ome_stream_wait(stream, 1, OME_STREAM_STATE_WRITTEN, 60000));
    CHECK(pthread_create(&waiting, NULL, until_aborted, stream) == 0);
    EXPECT_OK(ome_stream_abort(stream));
    CHECK(pthread_join(waiting, NULL) == 0);
    EXPECT_OK(ome_stream_abort(stream));
    EXPECT(OME_STREAM_ABORTED, ome_stream_finish(stream));
    EXPECT(OME_STREAM_ABORTED, ome_stream_skip(stream, 1));
    EXPECT_OK(ome_stream_status(stream, text, sizeof text, NULL));
    CHECK(strstr(text, "\"accepted\":5") != NULL && strstr(text, "\"aborted\":true") != NULL);
    ome_stream_free(stream);
    EXPECT(OME_STREAM_INVALID_HANDLE, ome_stream_abort(stream));
    /* What was written by then is kept, and said to be all. */
    char name[1024];
    snprintf(name, sizeof name, "%s/given-up.ome.zarr/0/c/1/0/0", folder);
    FILE *file = fopen(name, "rb");
    CHECK(file != NULL);
    fclose(file);
    snprintf(name, sizeof name, "%s/given-up.ome.zarr/zarr.json", folder);
    file = fopen(name, "rb");
    CHECK(file != NULL);
    const size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    CHECK(strstr(text, "\"given_up\"") != NULL);
}

static void freed_while_another_thread_appends(const char *folder) {
    for (int round = 0; round < 3; ++round) {
        char name[32];
        ome_stream_t *stream = NULL;
        pthread_t threads[2];
        snprintf(name, sizeof name, "gone%d", round);
        EXPECT_OK(ome_stream_create(settings(folder, name, "null", "\"memory_limit\": 2000000"), &stream));
        for (int which = 0; which < 2; ++which) {
            CHECK(pthread_create(&threads[which], NULL, until_gone, stream) == 0);
        }
        wait_for(stream, 20);
        ome_stream_free(stream);
        for (int which = 0; which < 2; ++which) {
            CHECK(pthread_join(threads[which], NULL) == 0);
        }
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    a_wait_is_called_off(argv[1]);
    two_streams_at_once(argv[1]);
    one_stream_from_three_threads(argv[1]);
    aborted_in_mid_run(argv[1]);
    given_up_in_mid_run(argv[1]);
    freed_while_another_thread_appends(argv[1]);
    puts("ok");
    return 0;
}
