//! Resident memory of this process, as the kernel counts it.

use std::fs;

/// The peak from now on.
#[derive(Debug)]
pub struct PeakMemory {
    before: Option<u64>,
}

impl PeakMemory {
    /// Starts the peak anew (`/proc/self/clear_refs`, Linux 4.0).
    pub fn start() -> Self {
        let anew = cfg!(target_os = "linux") && fs::write("/proc/self/clear_refs", "5").is_ok();
        // Without a fresh start the peak would be some other run's.
        Self { before: resident().filter(|_| anew) }
    }

    /// What was resident before, and the most since.
    pub fn stop(&self) -> Option<(u64, u64)> {
        Some((self.before?, of_process("VmHWM")?))
    }
}

/// Resident memory now, in bytes; `None` where the system does not tell.
pub fn resident() -> Option<u64> {
    of_process("VmRSS")
}

fn of_process(field: &str) -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/self/status").ok()?, field)
}

/// Bytes of a field in a text of the kernel's.
pub fn kibibytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_fields_are_kibibytes() {
        let status = "Name:\tx\nVmHWM:\t    1500 kB\nVmRSS:\t 20 kB\n";
        assert_eq!(kibibytes(status, "VmHWM"), Some(1500 << 10));
        assert_eq!(kibibytes(status, "VmRSS"), Some(20 << 10));
        assert_eq!(kibibytes(status, "VmSwap"), None);
        assert_eq!(kibibytes("VmHWM: many kB", "VmHWM"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_used_and_given_back_is_in_the_peak() {
        const BYTES: usize = 64 << 20;
        let peak = PeakMemory::start();
        let used = vec![1u8; BYTES];
        assert_eq!(std::hint::black_box(&used).len(), BYTES);
        drop(used);
        // Where the kernel refuses a fresh start there is no number rather than a wrong one.
        if let Some((before, most)) = peak.stop() {
            assert!(most >= before + (BYTES - (4 << 20)) as u64, "{before} {most}");
        }
    }
}
