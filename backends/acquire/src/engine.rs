//! A safe stream of the engine: create from JSON, append, close.

use std::ffi::{CStr, CString, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use serde_json::Value;

use crate::error::{PRINTED, Status, Told};
use crate::library::Symbols;

/// Zeros are appended from one block of this many bytes, whatever the number asked for.
const ZEROS: &[u8] = &[0; 1 << 20];

/// Room for the engine's settings struct, whose layout is its own affair; release 0.10 uses 56 bytes of it. The words
/// give it the alignment of any C type.
const SETTINGS_WORDS: usize = 4096 / size_of::<u128>();

/// A settings document that the engine has read and accepted in form. Nothing is on disk yet.
pub(crate) struct Settings {
    symbols: &'static Symbols,
    words: Box<[u128; SETTINGS_WORDS]>,
}

// SAFETY: the engine's struct owns plain memory and refers to no thread.
unsafe impl Send for Settings {}

impl Settings {
    /// Lets the engine read a settings document: `{"version": 2, "store_path": .., "arrays": [..]}`. It takes white
    /// space off the ends of paths and ends them at a NUL: core plans neither.
    ///
    /// # Errors
    /// The engine's status.
    pub fn new(symbols: &'static Symbols, document: &Value) -> Told<Self> {
        let text = CString::new(document.to_string()).map_err(|error| error.to_string())?;
        let mut words = Box::new([0; SETTINGS_WORDS]);
        // SAFETY: the buffer is zeroed, aligned for any type and far larger than the engine's struct; the text ends
        // with NUL. Both outlive the call.
        let status = Status(unsafe { (symbols.settings_load)(words.as_mut_ptr().cast(), text.as_ptr()) });
        match status {
            Status::SUCCESS => Ok(Self { symbols, words }),
            // The engine has freed what it made of a document that it refuses.
            _ => Err(format!("acquire-zarr refused the settings ({status}); {PRINTED}")),
        }
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        // SAFETY: the buffer holds settings that the engine has loaded and that nothing else has freed.
        unsafe { (self.symbols.settings_destroy)(self.words.as_mut_ptr().cast()) };
    }
}

/// An open stream of the engine.
///
/// Bytes are copied by `append`, which returns before they are written and waits while the engine's own queue is full
/// (256 MiB, at least 16 and at most 512 frames). A failed write shows in a later `append`, in [`check`](Self::check)
/// and in [`close`](Self::close). May be sent to another thread; not to be used by two at once.
pub(crate) struct Stream {
    symbols: &'static Symbols,
    /// `None` once it is closed.
    raw: Option<NonNull<c_void>>,
    /// Kept for as long as the stream, in case the engine refers to it.
    _settings: Settings,
    /// Send below, but never Sync: the engine guards none of its functions.
    _not_sync: PhantomData<*mut ()>,
}

// SAFETY: the engine's stream has no ties to the thread that made it; its functions take any caller, one at a time,
// which `&mut self` and the absence of `Sync` ensure.
unsafe impl Send for Stream {}

impl Stream {
    /// Creates the store and starts the engine's threads. With `"overwrite": false` the engine writes *into* a store
    /// that is already there, so the caller must have made sure that there is none.
    ///
    /// # Errors
    /// That there is none: a NULL is all that the engine returns. Part of the store may then exist.
    pub fn create(mut settings: Settings) -> Told<Self> {
        let symbols = settings.symbols;
        // SAFETY: the buffer holds settings that the engine has loaded; it outlives the stream.
        let raw = NonNull::new(unsafe { (symbols.stream_create)(settings.words.as_mut_ptr().cast()) });
        if raw.is_none() {
            return Err(format!("acquire-zarr could not create the store; {PRINTED}"));
        }
        Ok(Self { symbols, raw, _settings: settings, _not_sync: PhantomData })
    }

    /// Appends pixels to one array, in acquisition order. `None` for `key` means the only array of the stream.
    ///
    /// # Errors
    /// The engine's status; the stream is then of no more use than to be closed.
    pub fn append(&mut self, key: Option<&CStr>, bytes: &[u8]) -> Told<()> {
        let (status, taken) = self.append_raw(key, bytes);
        if status == Status::SUCCESS && taken == bytes.len() {
            return Ok(());
        }
        let status = if status == Status::SUCCESS { Status::PARTIAL_WRITE } else { status };
        Err(format!("acquire-zarr took {taken} of {} bytes ({status}); {PRINTED}", bytes.len()))
    }

    /// Appends `bytes` zero bytes, from a block of bounded size. The engine's own way, a null pointer, leaves old
    /// bytes in a frame that is only partly null.
    ///
    /// # Errors
    /// As [`append`](Self::append); blocks before the failing one were taken.
    pub fn append_zeros(&mut self, key: Option<&CStr>, bytes: u64) -> Told<()> {
        let mut left = bytes;
        while left > 0 {
            let block = usize::try_from(left).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
            self.append(key, &ZEROS[..block])?;
            left -= block as u64;
        }
        Ok(())
    }

    /// Asks whether an earlier write has failed, without appending anything. Cheap while all is well. `key` as in
    /// [`append`](Self::append).
    ///
    /// # Errors
    /// The engine's status.
    pub fn check(&mut self, key: Option<&CStr>) -> Told<()> {
        match self.append_raw(key, &[]).0 {
            // Invalid argument, beyond the bounds, no such key: an append without bytes while all is well.
            Status::SUCCESS | Status(1 | 12 | 13) => Ok(()),
            status => Err(format!("acquire-zarr failed to write what it had taken ({status}); {PRINTED}")),
        }
    }

    /// Bytes that the engine says it holds now: its queue of frames and the chunks being filled.
    ///
    /// This is the lesser part. Chunks that wait to be compressed and written are left out: the answer was seen to be 0
    /// while more than 400 MiB waited. Nor is it exact: the engine reads its chunk table without a lock while a worker
    /// changes it, which gave an absurdly large number twice in four million answers. Whoever waits for less asks
    /// again.
    ///
    /// # Errors
    /// The engine's status.
    pub fn memory_in_use(&self) -> Told<u64> {
        let mut bytes = 0_usize;
        let raw = self.raw.map_or(std::ptr::null_mut(), NonNull::as_ptr);
        // SAFETY: the stream is open; the engine writes one integer. Its unguarded reading of the chunk table is the
        // engine's own, and its Python package calls it in the same way while workers run.
        match Status(unsafe { (self.symbols.stream_memory)(raw, &raw mut bytes) }) {
            Status::SUCCESS => Ok(bytes as u64),
            status => Err(format!("acquire-zarr did not tell its use of memory ({status})")),
        }
    }

    /// Writes everything that is left, waits for it, and frees the stream.
    ///
    /// # Errors
    /// The engine's status: data is missing from the store.
    pub fn close(mut self) -> Told<()> {
        self.close_raw()
    }

    fn append_raw(&mut self, key: Option<&CStr>, bytes: &[u8]) -> (Status, usize) {
        let mut taken = 0_usize;
        let key = key.map_or(std::ptr::null(), CStr::as_ptr);
        let raw = self.raw.map_or(std::ptr::null_mut(), NonNull::as_ptr);
        // SAFETY: the stream is open, and `&mut self` keeps other callers out; the bytes are valid for their length
        // and copied before the call returns; the key ends with NUL or is null, which the engine accepts.
        let status =
            unsafe { (self.symbols.stream_append)(raw, bytes.as_ptr().cast(), bytes.len(), &raw mut taken, key) };
        (Status(status), taken)
    }

    /// Called by `close`, which consumes the stream, and by `Drop`: nothing is called on the stream after it.
    fn close_raw(&mut self) -> Told<()> {
        let Some(raw) = self.raw.take() else { return Ok(()) };
        // SAFETY: the stream was open until now, and the pointer just taken keeps it from being closed again.
        match Status(unsafe { (self.symbols.stream_close)(raw.as_ptr()) }) {
            Status::SUCCESS => Ok(()),
            status => Err(format!("acquire-zarr could not finish the store ({status}); {PRINTED}")),
        }
    }
}

impl Drop for Stream {
    /// Closes the stream. A failure has nobody to go to and is logged: call [`close`](Stream::close) to get it.
    fn drop(&mut self) {
        if let Err(error) = self.close_raw() {
            tracing::error!(%error, "an acquire-zarr stream that was dropped unclosed lost data");
        }
    }
}
