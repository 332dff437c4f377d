//! Gets stored files on their way to the medium early. TensorStore leaves them in the page cache; where everything shall be
//! durable at the end, the disk would have nothing to do until then.

use std::fs::File;

/// Starts to write out what the page cache holds of `file`, and does not wait for it. Advice: what fails here, or is not
/// started, is told or done by the sync at the end.
#[cfg(target_os = "linux")]
pub(crate) fn start(file: &File) {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open as long as `file` lives, and the call takes no memory.
    unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
}

/// There is no such call here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn start(_file: &File) {}
