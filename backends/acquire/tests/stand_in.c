/* A library with the engine's functions and none of its work, for what the engine itself cannot be made to do.
 *
 * NEEDS_PYTHON   leaves a function of Python undefined, as the Python package's module does
 * OLD_SETTINGS   refuses every settings document
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#ifdef NEEDS_PYTHON
extern void *PyErr_Occurred(void);
extern int _Py_NoneStruct;
void *python_side(void) { return _Py_NoneStruct ? PyErr_Occurred() : NULL; }
#endif

/* Standard error as it was when the library was loaded: called with another file in its place, everything fails. */
static struct stat standard_error;

__attribute__((constructor)) static void loaded(void) { fstat(2, &standard_error); }

static int is_moved(void) {
    struct stat now;
    return fstat(2, &now) || now.st_dev != standard_error.st_dev || now.st_ino != standard_error.st_ino;
}

unsigned Zarr_set_log_level(unsigned level) { return level == 3 ? 0 : 1; }

unsigned ZarrStreamSettings_load_from_string(void *settings, const char *text) {
#ifdef OLD_SETTINGS
    (void)settings;
    (void)text;
    return 9;
#else
    /* Remembers whether the document asks for a store that cannot be created. */
    memset(settings, strstr(text, "impossible") ? 1 : 0, 56);
    return is_moved() ? 99 : 0;
#endif
}

void ZarrStreamSettings_destroy_loaded(void *settings) { memset(settings, 0, 56); }

void *ZarrStream_create(void *settings) {
    return *(char *)settings || is_moved() ? NULL : calloc(1, 1);
}

/* Takes a hundred bytes at most, and calls that a success. */
unsigned ZarrStream_append(void *stream, const void *data, size_t bytes_in, size_t *bytes_out, const char *key) {
    (void)stream;
    (void)data;
    (void)key;
    *bytes_out = bytes_in < 100 ? bytes_in : 100;
    return is_moved() ? 99 : 0;
}

unsigned ZarrStream_get_current_memory_usage(void *stream, size_t *bytes) {
    (void)stream;
    *bytes = 77;
    return is_moved() ? 99 : 0;
}

/* Fails and says nothing. */
unsigned ZarrStream_close(void *stream) {
    free(stream);
    return is_moved() ? 99 : 7;
}
