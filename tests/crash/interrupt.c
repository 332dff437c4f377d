/* Loaded into a writer before the C library: of every four writes to a file one is interrupted and one is short, and a
 * timer interrupts whatever waits in the kernel. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_uint calls;

static void nothing(int number) { (void)number; }

__attribute__((constructor)) static void start(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = nothing; /* without SA_RESTART */
    sigaction(SIGALRM, &action, NULL);
    struct itimerval often = {{0, 3000}, {0, 3000}};
    setitimer(ITIMER_REAL, &often, NULL);
}

/* How many of `length` bytes this call may write; 0 for none. */
static size_t allowed(int file, size_t length)
{
    if (file <= 2 || length < 2)
        return length;
    switch (atomic_fetch_add(&calls, 1) % 4) {
    case 1: return 0;
    case 3: return length / 2;
    default: return length;
    }
}

ssize_t write(int file, const void *bytes, size_t length)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    size_t part = allowed(file, length);
    if (part == 0 && length > 0) {
        errno = EINTR;
        return -1;
    }
    return real(file, bytes, part);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off64_t offset)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real)
        real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    size_t part = allowed(file, length);
    if (part == 0 && length > 0) {
        errno = EINTR;
        return -1;
    }
    return real(file, bytes, part, offset);
}
