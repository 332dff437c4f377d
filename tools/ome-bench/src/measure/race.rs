//! Threads that share one row of work, on one clock.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::Instant;

use anyhow::{Result, bail};

/// Cores that this process may use.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does `each(0)`, `each(1)` and so on below `count`, whichever of `threads` threads is free, and then `end`: the
/// seconds of all that.
pub fn race(
    threads: usize,
    count: usize,
    each: impl Fn(usize) -> Result<()> + Sync,
    end: impl FnOnce() -> Result<()>,
) -> Result<f64> {
    let (next, ready, clock) = (AtomicUsize::new(0), Barrier::new(threads), OnceLock::new());
    let work = || {
        ready.wait();
        // By whichever thread goes first: one that comes late, on a busy core, may find everything done.
        clock.get_or_init(Instant::now);
        let own = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        own.take_while(|number| *number < count).try_for_each(&each)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| bail!("a thread panicked")))?;
        end()?;
        Ok(clock.get().map_or(0.0, |clock| clock.elapsed().as_secs_f64()))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn everything_is_done_once_and_then_the_end() {
        let (sum, calls) = (AtomicUsize::new(0), AtomicU64::new(0));
        let each = |number| {
            sum.fetch_add(number, Ordering::Relaxed);
            calls.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        let seconds = race(3, 100, each, || {
            assert_eq!(calls.load(Ordering::Relaxed), 100);
            std::thread::sleep(std::time::Duration::from_millis(2));
            Ok(())
        });
        assert!(seconds.unwrap() >= 0.002, "the end counts");
        assert_eq!(sum.into_inner(), 99 * 100 / 2);
    }

    #[test]
    fn what_fails_on_a_thread_is_told() {
        let problem = race(2, 10, |number| if number == 7 { bail!("seven") } else { Ok(()) }, || Ok(())).unwrap_err();
        assert_eq!(problem.to_string(), "seven");
        assert!(race(2, 1, |_| Ok(()), || bail!("at the end")).is_err());
    }
}
