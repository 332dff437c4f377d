/* What ThreadSanitizer must know of the standard library, which is not compiled for it.
 *
 * Locks are taken in code of ours that is inlined, and which it sees; only where a thread has to wait does the library
 * take over. The linker puts these functions in its place: each calls the library's own and then says what that has
 * ordered. Without them every contended lock would be told as a race. The names come from `cargo xtask tsan`.
 *
 * The last owner of an Arc frees it after a fence, and fences mean nothing to the sanitizer: whoever gives up its share
 * is therefore taken to have seen what all before it did. The fence says the same of the last one.
 */
typedef unsigned long word;

void __tsan_acquire(void *);
void __tsan_release(void *);

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

/* All arguments and results of these functions fit into six registers and one. */
#define INSTEAD_OF(name, before, after)                                                                                \
    word JOIN(__real_, name)(word, word, word, word, word, word);                                                      \
    word JOIN(__wrap_, name)(word a, word b, word c, word d, word e, word f) {                                         \
        before;                                                                                                        \
        word result = JOIN(__real_, name)(a, b, c, d, e, f);                                                           \
        after;                                                                                                         \
        return result;                                                                                                 \
    }

/* Mutex::lock_contended(&self) */
INSTEAD_OF(MUTEX_LOCK, , __tsan_acquire((void *)a))

/* RwLock::read_contended(&self), write_contended(&self) */
INSTEAD_OF(RWLOCK_READ, , __tsan_acquire((void *)a))
INSTEAD_OF(RWLOCK_WRITE, , __tsan_acquire((void *)a))

/* Condvar::wait(&self, &Mutex), wait_timeout(&self, &Mutex, Duration): gives the lock back and takes it again */
INSTEAD_OF(CONDVAR_WAIT, __tsan_release((void *)b), __tsan_acquire((void *)b))
INSTEAD_OF(CONDVAR_WAIT_TIMEOUT, __tsan_release((void *)b), __tsan_acquire((void *)b))

/* Once::call(&self, ..): whoever finds it done later sees what was done */
INSTEAD_OF(ONCE_CALL, , (__tsan_acquire((void *)a), __tsan_release((void *)a)))

/* ScopeData::decrement_num_running_threads(&self, ..): the scope ends when all have; three words, one is the count */
INSTEAD_OF(SCOPE_THREAD_ENDS,
           (__tsan_release((void *)a), __tsan_release((void *)(a + 8)), __tsan_release((void *)(a + 16))), )

enum { RELEASE = 3, ACQUIRE_RELEASE = 4 };

word __real___tsan_atomic64_fetch_sub(volatile word *, word, int);
word __wrap___tsan_atomic64_fetch_sub(volatile word *count, word shares, int order) {
    return __real___tsan_atomic64_fetch_sub(count, shares, order == RELEASE ? ACQUIRE_RELEASE : order);
}
