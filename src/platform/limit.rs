//! The largest file that this process may write.

use std::io;

/// Bytes that a file may have (`RLIMIT_FSIZE`, `ulimit -f`).
///
/// A write past it is answered by a signal that ends the host (SIGXFSZ), unless the host ignores that; so it is never
/// made, and the error that the host would then see is given at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct SizeLimit(u64);

impl SizeLimit {
    /// The limit as it is now.
    pub(super) fn of_process() -> Self {
        #[cfg(unix)]
        let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize).current;
        #[cfg(not(unix))]
        let limit = None;
        Self(limit.unwrap_or(u64::MAX))
    }

    /// Refuses a file that would end behind the limit.
    pub(super) fn check(self, offset: u64, bytes: usize) -> io::Result<()> {
        let end = offset.saturating_add(bytes as u64);
        if end > self.0 {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("File too large: it would have {end} bytes, this process may write {} (ulimit -f)", self.0),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_ends_at_the_limit_and_not_behind_it() {
        let limit = SizeLimit(4096);
        assert!(limit.check(0, 4096).is_ok() && limit.check(4096, 0).is_ok());
        for (offset, bytes) in [(0, 4097), (4096, 1), (u64::MAX, 1)] {
            let error = limit.check(offset, bytes).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge, "{error}");
        }
        assert!(SizeLimit(u64::MAX).check(u64::MAX - 1, 1).is_ok());
    }
}
