//! The border that no panic crosses: every exported function is one call of [`run`], [`run_keeping_message`] or
//! [`constant`], and a test reads the source to see that none is not.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::codes::{OME_STREAM_OK, OME_STREAM_PANIC};
use crate::refusal::Refusal;

#[cfg(panic = "abort")]
compile_error!("the C border turns panics into codes: build ome-stream-c with panic = \"unwind\"");

thread_local! {
    /// What this thread's last failed call had to say.
    static MESSAGE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs a call; a refusal or a panic becomes a code, and its message this thread's last message.
///
/// Success leaves the message alone: it costs a call nothing.
pub(crate) fn run(call: impl FnOnce() -> Result<(), Refusal>) -> i32 {
    guarded(call, |refusal| remember(|message| write_to(message, refusal)))
}

/// As [`run`], but a refusal leaves the message as it is: for the function that reads it.
pub(crate) fn run_keeping_message(call: impl FnOnce() -> Result<(), Refusal>) -> i32 {
    guarded(call, |_| {})
}

/// A value that no code of ours has to compute.
pub(crate) const fn constant<T: Copy>(value: T) -> T {
    value
}

/// What this thread's last failed call had to say; empty before the first.
pub(crate) fn message() -> String {
    MESSAGE.try_with(|message| message.borrow().clone()).unwrap_or_default()
}

fn guarded(call: impl FnOnce() -> Result<(), Refusal>, told: impl FnOnce(&Refusal)) -> i32 {
    // Unwind safety: what a panic leaves half done is behind locks that core takes over knowingly, and behind the
    // table of handles, which is changed in single steps.
    let outcome = catch_unwind(AssertUnwindSafe(|| match call() {
        Ok(()) => OME_STREAM_OK,
        Err(refusal) => {
            told(&refusal);
            refusal.code()
        }
    }));
    outcome.unwrap_or_else(|panic| {
        remember(|message| {
            message.push_str("a bug in ome-stream (a panic was caught): ");
            message.push_str(panic_message(panic.as_ref()));
        });
        // Dropping a payload may panic again.
        std::mem::forget(panic);
        OME_STREAM_PANIC
    })
}

fn write_to(message: &mut String, refusal: &Refusal) {
    use std::fmt::Write;
    // Writing to a string cannot fail unless a Display does, and then the code still tells.
    let _ = write!(message, "{refusal}");
    // A message is handed out as a C string.
    if message.contains('\0') {
        *message = message.replace('\0', "\\0");
    }
}

fn remember(write: impl FnOnce(&mut String)) {
    // While a thread ends its message may be gone already; the code still tells.
    let _ = MESSAGE.try_with(|message| {
        let mut message = message.borrow_mut();
        message.clear();
        write(&mut message);
    });
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        return text;
    }
    panic.downcast_ref::<String>().map_or("no message", String::as_str)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ome_stream::Error;

    use super::*;

    #[test]
    fn a_panic_becomes_a_code_and_a_message() {
        let index = message().len() + 3;
        assert_eq!(run(|| panic!("chunk {index} is odd")), OME_STREAM_PANIC);
        assert_eq!(message(), "a bug in ome-stream (a panic was caught): chunk 3 is odd");
        assert_eq!(run(|| std::panic::panic_any(7_u8)), OME_STREAM_PANIC);
        assert!(message().ends_with("no message"), "{}", message());
    }

    #[test]
    fn a_payload_that_panics_when_dropped_stays_inside() {
        struct Angry;
        impl Drop for Angry {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        assert_eq!(run(|| std::panic::panic_any(Angry)), OME_STREAM_PANIC);
    }

    #[test]
    fn success_leaves_the_message_of_the_last_failure() {
        assert_eq!(run(|| Err(Error::Finished.into())), 10);
        let told = message();
        assert!(told.contains("finished"), "{told}");
        assert_eq!(run(|| Ok(())), OME_STREAM_OK);
        assert_eq!(run_keeping_message(|| Err(Refusal::NullPointer("buf"))), 32);
        assert_eq!(message(), told);
    }

    #[test]
    fn errors_that_no_engine_here_gives_keep_their_codes_and_words() {
        let engine = Error::Engine { backend: "acquire-zarr".into(), message: "sink closed".into() };
        assert_eq!(run(|| Err(engine.into())), 13);
        assert_eq!(message(), "backend `acquire-zarr`: sink closed");
        let cause = Error::io("write", "c/0", std::io::Error::from_raw_os_error(28));
        assert_eq!(run(|| Err(Error::Failed { frame: 5, cause: Arc::new(cause) }.into())), 11);
        assert!(message().starts_with("writing failed at frame 5: cannot write c/0: "), "{}", message());
    }

    #[test]
    fn each_thread_has_its_own_message() {
        assert_eq!(run(|| Err(Refusal::NullPointer("pixels"))), 32);
        let other = std::thread::spawn(|| {
            let before = message();
            run(|| Err(Refusal::NullPointer("out")));
            (before, message())
        });
        let (before, after) = other.join().expect("the other thread");
        assert_eq!(before, "");
        assert!(after.contains("`out`"), "{after}");
        assert!(message().contains("`pixels`"), "{}", message());
    }

    #[test]
    fn a_zero_inside_a_message_does_not_cut_it_short() {
        let reason = "a\0b has a zero".into();
        run(|| Err(Error::Unavailable { backend: "mock".into(), reason }.into()));
        assert!(message().contains("a\\0b has a zero"), "{}", message());
    }
}
