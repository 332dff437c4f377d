/* A library with the engine's functions and none of its work, for what the engine itself cannot be made to do.
 *
 * NEEDS_PYTHON   leaves a function of Python undefined, as the Python package's module does
 * OLD_SETTINGS   refuses every settings document
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct stream {
    size_t questions;
};

#ifdef NEEDS_PYTHON
extern void *PyErr_Occurred(void);
extern int _Py_NoneStruct;
void *python_side(void) { return _Py_NoneStruct ? PyErr_Occurred() : NULL; }
#endif

unsigned Zarr_set_log_level(unsigned level) { return level == 3 ? 0 : 1; }

unsigned ZarrStreamSettings_load_from_string(void *settings, const char *text) {
#ifdef OLD_SETTINGS
    (void)settings;
    (void)text;
    return 9;
#else
    /* Remembers whether the document asks for a store that cannot be created. */
    memset(settings, strstr(text, "impossible") ? 1 : 0, 56);
    return 0;
#endif
}

void ZarrStreamSettings_destroy_loaded(void *settings) { memset(settings, 0, 56); }

unsigned ZarrStreamSettings_estimate_max_memory_usage(const void *settings, size_t *bytes) {
    (void)settings;
    *bytes = 1234;
    return 0;
}

void *ZarrStream_create(void *settings) {
    return *(char *)settings ? NULL : calloc(1, sizeof(struct stream));
}

/* Takes a hundred bytes at most, and calls that a success. */
unsigned ZarrStream_append(void *stream, const void *data, size_t bytes_in, size_t *bytes_out, const char *key) {
    (void)stream;
    (void)data;
    (void)key;
    *bytes_out = bytes_in < 100 ? bytes_in : 100;
    return 0;
}

/* Every other answer is absurd, as the engine's is now and then. */
unsigned ZarrStream_get_current_memory_usage(void *stream, size_t *bytes) {
    *bytes = ((struct stream *)stream)->questions++ % 2 ? 77 : (size_t)-1;
    return 0;
}

/* Fails and says nothing. */
unsigned ZarrStream_close(void *stream) {
    free(stream);
    return 7;
}
