//! A host's pointers: the only place that reads or writes through them.
//!
//! What can be checked is (NULL, sizes, UTF-8); that a pointer which is not NULL points at as many bytes as the header
//! says is the host's part, as everywhere in C.

use std::ffi::{CStr, c_char, c_void};

use crate::refusal::Refusal;

/// A zero-terminated UTF-8 text that must be there.
///
/// # Safety
/// `pointer` is NULL or points at a zero-terminated text that nobody changes until the result is dropped.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, argument: &'static str) -> Result<&'a str, Refusal> {
    if pointer.is_null() {
        return Err(Refusal::NullPointer(argument));
    }
    // SAFETY: not NULL; zero-terminated and unchanging by this function's own condition.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|error| Refusal::InvalidUtf8 { argument, at: error.valid_up_to() })
}

/// A text that may be left out, as NULL or, where a host has no NULL for its strings, as an empty one.
///
/// # Safety
/// As [`text`].
pub(crate) unsafe fn optional_text<'a>(
    pointer: *const c_char,
    argument: &'static str,
) -> Result<Option<&'a str>, Refusal> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: this function's own condition.
    let text = unsafe { text(pointer, argument) }?;
    Ok((!text.is_empty()).then_some(text))
}

/// `length` bytes of pixels.
///
/// # Safety
/// `pointer` is NULL or points at `length` bytes that nobody changes until the result is dropped.
pub(crate) unsafe fn pixels<'a>(pointer: *const c_void, length: usize) -> Result<&'a [u8], Refusal> {
    if pointer.is_null() {
        return Err(Refusal::NullPointer("pixels"));
    }
    // SAFETY: not NULL; readable and unchanging by this function's own condition; the caller takes the length from a
    // plan, whose frames are far below isize::MAX bytes.
    Ok(unsafe { std::slice::from_raw_parts(pointer.cast(), length) })
}

/// Refuses NULL where an answer must go, before any work is done for it.
pub(crate) fn required<T>(pointer: *mut T, argument: &'static str) -> Result<(), Refusal> {
    if pointer.is_null() { Err(Refusal::NullPointer(argument)) } else { Ok(()) }
}

/// Stores an answer, unless the host does not want it.
///
/// # Safety
/// `pointer` is NULL or points at memory for a `T`, aligned or not.
pub(crate) unsafe fn store<T>(pointer: *mut T, value: T) {
    if !pointer.is_null() {
        // SAFETY: not NULL; writable by this function's own condition.
        unsafe { pointer.write_unaligned(value) };
    }
}

/// Answers with a text: zero-terminated into `buf`, its size with the terminating zero into `needed`.
///
/// NULL with length 0 asks for the size only. A buffer that is too small is left alone, and `needed` says the size.
///
/// # Safety
/// `buf` is NULL or points at `len` writable bytes; `needed` is NULL or points at memory for a `u64`.
pub(crate) unsafe fn answer(text: &str, buf: *mut c_char, len: u64, needed: *mut u64) -> Result<(), Refusal> {
    // Inside an answer of ours a zero can only come from a message; it would cut the text short.
    let text = text.split('\0').next().unwrap_or_default();
    let size = text.len() as u64 + 1;
    if buf.is_null() {
        if len > 0 {
            return Err(Refusal::NullPointer("buf"));
        }
        required(needed, "needed")?;
    } else if size > len {
        // SAFETY: this function's own condition.
        unsafe { store(needed, size) };
        return Err(Refusal::BufferTooSmall { len, needed: size });
    } else {
        // SAFETY: `buf` is not NULL and has `len` bytes, at least `size`; `text` is our own memory.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), buf.cast(), text.len());
            buf.add(text.len()).write(0);
        }
    }
    // SAFETY: this function's own condition.
    unsafe { store(needed, size) };
    Ok(())
}

/// Answers with numbers: into `into`, how many there are into `needed`. As [`answer`], counted in numbers.
///
/// # Safety
/// `into` is NULL or points at memory for `len` of them, aligned or not; `needed` is NULL or points at memory for one.
pub(crate) unsafe fn answer_numbers(
    numbers: &[u64],
    into: *mut u64,
    len: u64,
    needed: *mut u64,
) -> Result<(), Refusal> {
    let count = numbers.len() as u64;
    if into.is_null() {
        if len > 0 {
            return Err(Refusal::NullPointer("index"));
        }
        required(needed, "needed")?;
    } else if count > len {
        // SAFETY: this function's own condition.
        unsafe { store(needed, count) };
        return Err(Refusal::TooFewNumbers { len, needed: count });
    } else {
        for (nth, number) in numbers.iter().enumerate() {
            // SAFETY: `into` is not NULL and has room for `len` numbers, at least `count`.
            unsafe { store(into.add(nth), *number) };
        }
    }
    // SAFETY: this function's own condition.
    unsafe { store(needed, count) };
    Ok(())
}

/// Most numbers that are read of a host: more than there are axes, so that core can say what is wrong with them.
const MAX_NUMBERS: usize = 16;

/// Numbers of a host, of too many the first.
///
/// # Safety
/// `pointer` is NULL or points at `length` numbers, aligned or not.
pub(crate) unsafe fn numbers(pointer: *const u64, length: u64, argument: &'static str) -> Result<Vec<u64>, Refusal> {
    if pointer.is_null() && length > 0 {
        return Err(Refusal::NullPointer(argument));
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(MAX_NUMBERS);
    // SAFETY: not NULL where there is one; readable by this function's own condition.
    Ok((0..length).map(|nth| unsafe { pointer.add(nth).read_unaligned() }).collect())
}

#[cfg(test)]
mod tests {
    use std::ptr::null_mut;

    use super::*;

    fn ask(text: &str, buffer: &mut [u8], len: u64) -> (Result<(), i32>, u64) {
        let mut needed = 999;
        // SAFETY: `buffer` has at least `len` bytes in every test below, or is refused before it is used.
        let outcome = unsafe { answer(text, buffer.as_mut_ptr().cast(), len, &raw mut needed) };
        (outcome.map_err(|refusal| refusal.code()), needed)
    }

    #[test]
    fn an_answer_fits_exactly_or_leaves_the_buffer_alone() {
        let mut buffer = [7; 6];
        assert_eq!(ask("abcde", &mut buffer, 5), (Err(35), 6));
        assert_eq!(ask("abcde", &mut buffer, 0), (Err(35), 6));
        assert_eq!(buffer, [7; 6]);
        assert_eq!(ask("abcde", &mut buffer, 6), (Ok(()), 6));
        assert_eq!(&buffer, b"abcde\0");
        assert_eq!(ask("", &mut buffer, u64::MAX), (Ok(()), 1));
        assert_eq!(&buffer, b"\0bcde\0");
    }

    #[test]
    fn null_asks_for_the_size() {
        let mut needed = 0_u64;
        // SAFETY: NULL is allowed for both.
        unsafe {
            assert!(answer("abc", null_mut(), 0, &raw mut needed).is_ok());
            assert_eq!(needed, 4);
            assert_eq!(answer("abc", null_mut(), 4, &raw mut needed).map_err(|refusal| refusal.code()), Err(32));
            assert_eq!(answer("abc", null_mut(), 0, null_mut()).map_err(|refusal| refusal.code()), Err(32));
        }
    }

    #[test]
    fn numbers_fit_exactly_or_leave_all_alone() {
        let (mut into, mut needed) = ([7_u64; 3], 999_u64);
        // SAFETY: three numbers have room; NULL is allowed.
        unsafe {
            let code = |outcome: Result<(), Refusal>| outcome.map_err(|refusal| refusal.code());
            assert_eq!(code(answer_numbers(&[1, 2], into.as_mut_ptr(), 1, &raw mut needed)), Err(35));
            assert_eq!((into, needed), ([7; 3], 2));
            assert!(answer_numbers(&[1, 2], into.as_mut_ptr(), 3, null_mut()).is_ok());
            assert_eq!(into, [1, 2, 7]);
            assert!(answer_numbers(&[1, 2, 3], null_mut(), 0, &raw mut needed).is_ok());
            assert_eq!(needed, 3);
            assert_eq!(code(answer_numbers(&[1], null_mut(), 1, &raw mut needed)), Err(32));
            assert_eq!(code(answer_numbers(&[1], null_mut(), 0, null_mut())), Err(32));
            assert_eq!(numbers(into.as_ptr(), 2, "index").ok(), Some(vec![1, 2]));
            assert_eq!(numbers(std::ptr::null(), 0, "index").ok(), Some(vec![]));
            assert_eq!(numbers(std::ptr::null(), 1, "index").map_err(|refusal| refusal.code()), Err(32));
        }
    }

    #[test]
    fn an_answer_may_go_to_an_odd_address() {
        let mut bytes = [0_u8; 9];
        // SAFETY: eight bytes from the second on are inside the array.
        unsafe { store(bytes.as_mut_ptr().add(1).cast::<u64>(), u64::MAX) };
        assert_eq!(bytes, [0, 255, 255, 255, 255, 255, 255, 255, 255]);
    }
}
