//! A safe stream of the engine: create from JSON, append, close.

use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use serde_json::Value;

use crate::error::{EngineError, Status};
use crate::library::{Library, Symbols};
use crate::printed::with_printed;

/// Zeros are appended from one block of this many bytes, whatever the number asked for.
const ZEROS: &[u8] = &[0; 1 << 20];

/// Room for the engine's settings struct, whose layout is its own affair; release 0.10 uses 56 bytes of it. The words
/// give it the alignment of any C type.
const SETTINGS_WORDS: usize = 4096 / size_of::<u128>();

/// A settings document that the engine has read and accepted in form. Nothing is on disk yet.
#[derive(Debug)]
pub struct Settings {
    symbols: &'static Symbols,
    room: Box<[u128; SETTINGS_WORDS]>,
}

// SAFETY: the engine's struct owns plain memory and refers to no thread.
unsafe impl Send for Settings {}

impl Settings {
    /// Lets the engine read a settings document: `{"version": 2, "store_path": .., "arrays": [..]}`.
    ///
    /// # Errors
    /// [`EngineError::Nul`] and [`EngineError::WhiteSpace`] for texts that the engine would change without a word,
    /// [`EngineError::Settings`] with its reason.
    pub fn new(library: &'static Library, document: &Value) -> Result<Self, EngineError> {
        refuse_nul(document)?;
        refuse_white_space("store_path", &document["store_path"])?;
        for array in document["arrays"].as_array().into_iter().flatten() {
            refuse_white_space("output_key", &array["output_key"])?;
        }
        Self::parse(library.symbols(), &document.to_string())
    }

    pub(crate) fn parse(symbols: &'static Symbols, text: &str) -> Result<Self, EngineError> {
        let text = c_string("settings text", text)?;
        let mut room = Box::new([0; SETTINGS_WORDS]);
        let buffer: *mut c_void = room.as_mut_ptr().cast();
        let (status, printed) = with_printed(|| {
            // SAFETY: the buffer is zeroed, aligned for any type and far larger than the engine's struct; the text
            // ends with NUL. Both outlive the call.
            Status(unsafe { (symbols.settings_load)(buffer, text.as_ptr()) })
        });
        if status == Status::SUCCESS {
            Ok(Self { symbols, room })
        } else {
            // The engine has freed what it made of a document that it refuses.
            Err(EngineError::Settings { status, printed })
        }
    }

    /// The engine's own estimate of the most memory that a stream of these settings takes, in bytes. It leaves out
    /// chunks that wait to be compressed: a slow codec was seen to take six times as much.
    ///
    /// # Errors
    /// [`EngineError::Memory`] with its reason, for settings that could not be streamed either.
    pub fn estimate_memory(&self) -> Result<u64, EngineError> {
        let mut bytes = 0_usize;
        let (status, printed) = with_printed(|| {
            // SAFETY: the buffer holds settings that the engine has loaded, and is only read.
            Status(unsafe { (self.symbols.settings_estimate)(self.room.as_ptr().cast(), &raw mut bytes) })
        });
        if status == Status::SUCCESS { Ok(bytes as u64) } else { Err(EngineError::Memory { status, printed }) }
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        // SAFETY: the buffer holds settings that the engine has loaded and that nothing else has freed.
        unsafe { (self.symbols.settings_destroy)(self.room.as_mut_ptr().cast()) };
    }
}

/// The key of one array of a stream, ready for the engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArrayKey(CString);

impl ArrayKey {
    /// Takes the array's `output_key` of the settings document.
    ///
    /// # Errors
    /// [`EngineError::Nul`] for a key that the engine would cut off.
    pub fn new(key: &str) -> Result<Self, EngineError> {
        c_string("array key", key).map(Self)
    }
}

/// An open stream of the engine.
///
/// Bytes are copied by `append`, which returns before they are written and waits while the engine's own queue is full
/// (256 MiB, at least 16 and at most 512 frames). A failed write shows in a later `append`, in [`check`](Self::check)
/// and in [`close`](Self::close). May be sent to another thread; not to be used by two at once.
#[derive(Debug)]
pub struct Stream {
    symbols: &'static Symbols,
    raw: NonNull<c_void>,
    /// Whether `raw` is still to be closed.
    open: bool,
    /// First failure; told again by every later call.
    failed: Option<EngineError>,
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
    /// [`EngineError::Create`] with what the engine printed; part of the store may then exist.
    pub fn create(mut settings: Settings) -> Result<Self, EngineError> {
        let symbols = settings.symbols;
        let (raw, printed) = with_printed(|| {
            // SAFETY: the buffer holds settings that the engine has loaded; it outlives the stream.
            unsafe { (symbols.stream_create)(settings.room.as_mut_ptr().cast()) }
        });
        let raw = NonNull::new(raw).ok_or(EngineError::Create { printed })?;
        Ok(Self { symbols, raw, open: true, failed: None, _settings: settings, _not_sync: PhantomData })
    }

    /// Appends pixels to one array, in acquisition order. Any number of bytes: the engine puts frames together. `None`
    /// for `key` means the only array of the stream.
    ///
    /// # Errors
    /// [`EngineError::Append`]. After a failure other than a refusal (see [`Status::changed_nothing`]) the stream
    /// takes no more, and every call gives the first failure again.
    pub fn append(&mut self, key: Option<&ArrayKey>, bytes: &[u8]) -> Result<(), EngineError> {
        self.first_failure()?;
        if bytes.is_empty() {
            return Ok(());
        }
        let (status, taken) = self.append_raw(key, bytes);
        if status == Status::SUCCESS && taken == bytes.len() {
            return Ok(());
        }
        let status = if status == Status::SUCCESS { Status::PARTIAL_WRITE } else { status };
        // The engine keeps the reason of a failed write and prints it at every further append.
        let printed = if status.changed_nothing() { String::new() } else { self.stored_reason().1 };
        let error = EngineError::Append { given: bytes.len() as u64, taken: taken as u64, status, printed };
        if !status.changed_nothing() {
            self.failed = Some(error.clone());
        }
        Err(error)
    }

    /// Appends `bytes` zero bytes, from a block of bounded size. The engine's own way, a null pointer, leaves old
    /// bytes in a frame that is only partly null.
    ///
    /// # Errors
    /// As [`append`](Self::append); blocks before the failing one were taken.
    pub fn append_zeros(&mut self, key: Option<&ArrayKey>, bytes: u64) -> Result<(), EngineError> {
        let mut left = bytes;
        while left > 0 {
            let block = usize::try_from(left).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
            self.append(key, &ZEROS[..block])?;
            left -= block as u64;
        }
        Ok(())
    }

    /// Asks whether an earlier write has failed, without appending anything. Cheap while all is well. `key` as in
    /// [`append`](Self::append); without one among several arrays the engine prints that it misses it.
    ///
    /// # Errors
    /// The failure, as [`append`](Self::append) would give it.
    pub fn check(&mut self, key: Option<&ArrayKey>) -> Result<(), EngineError> {
        self.first_failure()?;
        let well = |status: Status| status == Status::SUCCESS || status.changed_nothing();
        if well(self.append_raw(key, &[]).0) {
            return Ok(());
        }
        let (status, printed) = self.stored_reason();
        let error = EngineError::Append { given: 0, taken: 0, status, printed };
        self.failed = Some(error.clone());
        Err(error)
    }

    /// Bytes that the engine says it holds now: its queue of frames and the chunks being filled.
    ///
    /// This is the lesser part. Chunks that wait to be compressed and written are left out: the answer was seen to be
    /// 0 while more than 400 MiB waited. Nor is it exact: the engine reads its chunk table without a lock while a
    /// worker changes it, which gave an absurdly large number twice in four million answers. The smaller of two
    /// answers is returned for that reason.
    ///
    /// # Errors
    /// [`EngineError::Memory`] with the status.
    pub fn memory_in_use(&self) -> Result<u64, EngineError> {
        Ok(self.memory_raw()?.min(self.memory_raw()?))
    }

    fn memory_raw(&self) -> Result<u64, EngineError> {
        let mut bytes = 0_usize;
        // SAFETY: the stream is open; the engine writes one integer. Its unguarded reading of the chunk table is the
        // engine's own, and its Python package calls it in the same way while workers run.
        let status = Status(unsafe { (self.symbols.stream_memory)(self.raw.as_ptr(), &raw mut bytes) });
        if status == Status::SUCCESS {
            Ok(bytes as u64)
        } else {
            Err(EngineError::Memory { status, printed: String::new() })
        }
    }

    /// Writes everything that is left, waits for it, and frees the stream.
    ///
    /// # Errors
    /// The first failure of the stream, or [`EngineError::Close`] with what the engine printed. Either way data is
    /// missing from the store.
    pub fn close(mut self) -> Result<(), EngineError> {
        let closed = self.close_raw();
        self.failed.take().map_or(closed, Err)
    }

    fn first_failure(&self) -> Result<(), EngineError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn append_raw(&mut self, key: Option<&ArrayKey>, bytes: &[u8]) -> (Status, usize) {
        let mut taken = 0_usize;
        let key = key.map_or(std::ptr::null(), |key| key.0.as_ptr());
        // SAFETY: the stream is open, and `&mut self` keeps other callers out; the bytes are valid for their length
        // and copied before the call returns; the key ends with NUL or is null, which the engine accepts.
        let status = unsafe {
            (self.symbols.stream_append)(self.raw.as_ptr(), bytes.as_ptr().cast(), bytes.len(), &raw mut taken, key)
        };
        (Status(status), taken)
    }

    /// Appends nothing, which makes the engine print the reason of an earlier failure, and reads what it prints.
    fn stored_reason(&mut self) -> (Status, String) {
        with_printed(|| self.append_raw(None, &[]).0)
    }

    /// Called by `close`, which consumes the stream, and by `Drop`: nothing is called on the stream after it.
    fn close_raw(&mut self) -> Result<(), EngineError> {
        if !std::mem::replace(&mut self.open, false) {
            return Ok(());
        }
        let (status, printed) = with_printed(|| {
            // SAFETY: the stream was open until now, and the flag just cleared keeps it from being closed again.
            Status(unsafe { (self.symbols.stream_close)(self.raw.as_ptr()) })
        });
        if status == Status::SUCCESS { Ok(()) } else { Err(EngineError::Close { status, printed }) }
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

fn c_string(what: &'static str, text: &str) -> Result<CString, EngineError> {
    CString::new(text).map_err(|_| EngineError::Nul { what, text: text.to_owned() })
}

/// In the document a NUL is an escape, `\u0000`, which the engine decodes and then takes for the end of the text: a
/// store path would lose its tail without a word.
fn refuse_nul(document: &Value) -> Result<(), EngineError> {
    let refuse = |text: &str| match text.contains('\0') {
        true => Err(EngineError::Nul { what: "settings text", text: text.to_owned() }),
        false => Ok(()),
    };
    match document {
        Value::String(text) => refuse(text),
        Value::Array(values) => values.iter().try_for_each(refuse_nul),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            refuse(name)?;
            refuse_nul(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// Where the engine puts a store or an array, it first takes the white space (that of C's `isspace`) off both ends.
fn refuse_white_space(field: &'static str, value: &Value) -> Result<(), EngineError> {
    let is_space = |c: char| matches!(c, ' ' | '\t'..='\r');
    match value.as_str() {
        Some(text) if text.starts_with(is_space) || text.ends_with(is_space) => {
            Err(EngineError::WhiteSpace { field, text: text.to_owned() })
        }
        _ => Ok(()),
    }
}
