//! The threads of a run: started when there is work for them, within what all runs of the process may have.
//!
//! The live thread and one worker are there before the first frame is taken, or that frame is refused with the error:
//! nothing is accepted that nobody could store. So are the other workers, as long as the process has few threads; else
//! each worker starts one more before its first job. Where the system gives fewer, the run goes on with those that it
//! has.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::shared::Shared;
use super::workers::Job;
use super::{live, workers};
use crate::error::{Error, Result};

/// Threads, for each core, that streams of this process may have before their first frame: a host that makes dozens of
/// streams ahead of time pays for those that it uses.
const IDLE_THREADS_PER_CORE: usize = 4;

/// The live thread and the first worker.
const FIRST_THREADS: usize = 2;

/// How often a thread is asked for, and the pause in between: one that has just ended counts for a moment longer.
const ATTEMPTS: u32 = 8;
const PAUSE: Duration = Duration::from_millis(2);

/// Threads of all streams of this process.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// One thread among [`ALIVE`]; it takes this along.
#[derive(Debug)]
pub(super) struct Alive(());

impl Alive {
    fn new() -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self(())
    }

    /// So many, unless the process then had more than `most`.
    fn within(count: usize, most: usize) -> Option<Vec<Self>> {
        let enough = |alive: usize| alive.checked_add(count).filter(|all| *all <= most);
        ALIVE.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enough).ok()?;
        Some((0..count).map(|_| Self(())).collect())
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Threads of one run.
pub(super) struct Threads {
    crew: Arc<Crew>,
    /// True once the live thread and the first worker are there.
    started: AtomicBool,
    live: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

/// What workers have in common.
struct Crew {
    shared: Arc<Shared>,
    queue: Receiver<Job>,
    /// Most workers.
    planned: usize,
    /// Those that were started.
    begun: AtomicUsize,
    workers: Mutex<Vec<JoinHandle<()>>>,
}

impl Threads {
    /// At most `planned` workers that take from `queue`; none is started yet.
    pub(super) fn new(shared: &Arc<Shared>, queue: Receiver<Job>, planned: usize) -> Self {
        let crew =
            Crew { shared: Arc::clone(shared), queue, planned, begun: AtomicUsize::new(0), workers: Mutex::default() };
        Self { crew: Arc::new(crew), started: AtomicBool::new(false), live: Mutex::default() }
    }

    /// None, now and later: for tests that do the work themselves.
    #[cfg(all(test, feature = "shuttle"))]
    pub(super) fn none(shared: &Arc<Shared>) -> Self {
        let threads = Self::new(shared, crossbeam_channel::never(), 0);
        threads.started.store(true, Ordering::Release);
        threads
    }

    /// Starts the threads of a run without a frame: all of them where the process has few enough, else those without
    /// which no frame is taken, else none.
    pub(super) fn start_idle(&self) -> Result<()> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let most = cores * IDLE_THREADS_PER_CORE;
        let Some(first) = Alive::within(FIRST_THREADS, most) else { return Ok(()) };
        self.start_with(first)?;
        if let Some(others) = Alive::within(self.crew.planned.saturating_sub(1), most) {
            others.into_iter().for_each(|alive| self.crew.start_another(alive));
        }
        Ok(())
    }

    /// Starts the first threads unless they are there: before a frame is taken.
    ///
    /// # Errors
    /// [`Error::Io`] where the system has none to give; nothing is left of the attempt, and the next call tries again.
    pub(super) fn start(&self) -> Result<()> {
        if self.started.load(Ordering::Acquire) {
            Ok(())
        } else {
            self.start_with((0..FIRST_THREADS).map(|_| Alive::new()).collect())
        }
    }

    fn start_with(&self, mut alive: Vec<Alive>) -> Result<()> {
        let mut slot = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if self.started.load(Ordering::Acquire) {
            return Ok(());
        }
        let (Some(of_live), Some(of_worker)) = (alive.pop(), alive.pop()) else { return Ok(()) };
        let (stop, stopped) = bounded(0);
        let live = live::start(&self.crew.shared, stopped, of_live)?;
        if let Err(error) = self.crew.start(of_worker) {
            drop(stop);
            // It has done nothing that could have failed.
            let _ = live.join();
            return Err(error);
        }
        *slot = Some((stop, live));
        self.started.store(true, Ordering::Release);
        Ok(())
    }

    /// Waits until the workers have stored all that is queued; the queue must be closed. What nobody took, because the
    /// system gave no thread, is stored by this one.
    pub(super) fn join_workers(&self, panicked: impl Fn(Error)) {
        {
            // Started or not, from here on there is nothing to start; who is starting some ends that first.
            let _slot = self.live.lock().unwrap_or_else(PoisonError::into_inner);
            self.started.store(true, Ordering::Release);
        }
        loop {
            // Not held while waiting: each worker adds the next.
            let Some(worker) = self.crew.workers().pop() else { break };
            join(worker, &panicked);
        }
        self.crew.queue.try_iter().for_each(|job| workers::run(&self.crew.shared, job));
    }

    /// Ends the live thread and waits for its last round.
    pub(super) fn join_live(&self, panicked: impl Fn(Error)) {
        let live = self.live.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = live {
            drop(stop);
            join(thread, &panicked);
        }
    }
}

/// Waits for a thread and tells of its panic.
fn join(thread: JoinHandle<()>, panicked: &impl Fn(Error)) {
    if let Err(panic) = thread.join() {
        panicked(Error::Internal { place: "a thread", message: workers::panic_message(panic.as_ref()) });
    }
}

/// Starts a thread that counts as `alive` until it ends.
pub(super) fn start(
    name: String,
    alive: Alive,
    work: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    // Kept outside the closure: a thread that cannot be started takes its closure with it.
    let work = Arc::new(Mutex::new(Some((alive, work))));
    for left in (0..ATTEMPTS).rev() {
        let work = Arc::clone(&work);
        let started = std::thread::Builder::new().name(name.clone()).spawn(move || {
            let work = work.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((_counted, work)) = work {
                work();
            }
        });
        match started {
            Err(error) if error.kind() == ErrorKind::WouldBlock && left > 0 => std::thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
    Err(ErrorKind::WouldBlock.into())
}

impl Crew {
    /// Starts one more worker, unless there are as many as planned.
    fn start(self: &Arc<Self>, alive: Alive) -> Result<()> {
        let more = |begun: usize| (begun < self.planned).then_some(begun + 1);
        let Ok(nth) = self.begun.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) else { return Ok(()) };
        let mine = Arc::clone(self);
        match start(format!("ome-stream-{nth}"), alive, move || mine.work()) {
            Ok(worker) => {
                self.workers().push(worker);
                Ok(())
            }
            Err(source) => {
                self.begun.fetch_sub(1, Ordering::Relaxed);
                Err(Error::io("start a worker thread for", self.shared.plan.root(), source))
            }
        }
    }

    /// Starts one more worker if one is planned; where the system has no more, fewer do.
    fn start_another(self: &Arc<Self>, alive: Alive) {
        if let Err(error) = self.start(alive) {
            let begun = self.begun.load(Ordering::Relaxed);
            tracing::warn!(%error, begun, planned = self.planned, "going on with fewer workers");
        }
    }

    /// Stores jobs until the queue is closed and empty. Before its first one it starts the next worker, where it is not
    /// there yet: so none waits until all are there, and there are no more than there is work for.
    fn work(self: &Arc<Self>) {
        let Ok(job) = self.queue.recv() else { return };
        if self.begun.load(Ordering::Relaxed) < self.planned {
            self.start_another(Alive::new());
        }
        workers::run(&self.shared, job);
        self.queue.iter().for_each(|job| workers::run(&self.shared, job));
    }

    fn workers(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
