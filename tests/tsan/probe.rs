//! Waits in every way of the standard library for which `locks.c` stands in: its symbols tell their names.

use std::sync::{Condvar, Mutex, OnceLock, RwLock};
use std::time::Duration;

fn main() {
    static ONCE: OnceLock<u32> = OnceLock::new();
    let (mutex, changed) = (Mutex::new(0), Condvar::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            *mutex.lock().unwrap() = *ONCE.get_or_init(|| 1);
            changed.notify_all();
        });
        let mut number = mutex.lock().unwrap();
        while *number == 0 {
            number = changed.wait(number).unwrap();
        }
        let _ = changed.wait_timeout(number, Duration::ZERO);
        let lock = RwLock::new(0);
        let read = *lock.read().unwrap();
        *lock.write().unwrap() = read;
    });
}
