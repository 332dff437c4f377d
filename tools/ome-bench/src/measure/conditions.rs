//! Where and under what circumstances was measured.

use std::fs;
use std::path::Path;

use super::memory::kibibytes;
use super::{cores, disk};

/// The machine and its state at the start. What the system does not tell is `None`.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Conditions {
    /// Version of ome-stream.
    pub version: String,
    /// False for a build without optimization.
    pub optimized: bool,
    /// Which calls our engines write with: `linux`, `portable`.
    pub platform: String,
    /// Processor's name.
    pub processor: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Bytes of memory, all and available.
    pub memory: Option<u64>,
    /// Bytes of memory that are available.
    pub memory_available: Option<u64>,
    /// Operating system and its version.
    pub system: String,
    /// Folder that is written in.
    pub folder: String,
    /// File system of the folder.
    pub file_system: Option<String>,
    /// Bytes free on it.
    pub free: Option<u64>,
    /// Processes that wanted a core, on average over the last minute.
    pub load: Option<f64>,
}

impl Conditions {
    /// As they are now, for writing in `folder`.
    pub fn of(folder: &Path) -> Self {
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            version: ome_stream::VERSION.to_owned(),
            optimized: !cfg!(debug_assertions),
            platform: ome_stream::platform::native().name().to_owned(),
            processor: fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| processor(&text)),
            cores: cores(),
            memory: kibibytes(&memory, "MemTotal"),
            memory_available: kibibytes(&memory, "MemAvailable"),
            system: system(),
            folder: folder.display().to_string(),
            file_system: fs::read_to_string("/proc/self/mountinfo").ok().and_then(|text| file_system(&text, folder)),
            free: disk::free(folder),
            load: fs::read_to_string("/proc/loadavg").ok().and_then(|text| text.split(' ').next()?.parse().ok()),
        }
    }

    /// True where the folder lies in memory, not on a disk.
    pub fn in_memory(&self) -> bool {
        self.file_system.as_deref().is_some_and(|name| matches!(name, "tmpfs" | "ramfs"))
    }
}

/// The operating system, with the kernel's version where there is a file that says it.
fn system() -> String {
    let of_kernel = |name: &str| Some(fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?.trim().to_owned());
    match (of_kernel("ostype"), of_kernel("osrelease")) {
        (Some(name), Some(release)) => format!("{name} {release}"),
        _ => std::env::consts::OS.to_owned(),
    }
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Type of the file system that `folder` is on: that of the longest mount point above it, the last one mounted there.
fn file_system(mountinfo: &str, folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mut best: Option<(usize, &str)> = None;
    for line in mountinfo.lines() {
        let (before, after) = line.split_once(" - ")?;
        // Spaces in a mount point are written as \040.
        let point = before.split(' ').nth(4)?.replace("\\040", " ");
        let depth = Path::new(&point).components().count();
        if folder.starts_with(&point) && best.is_none_or(|(longest, _)| depth >= longest) {
            best = Some((depth, after.split(' ').next()?));
        }
    }
    best.map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_point_names_the_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a b");
        fs::create_dir(&inner).unwrap();
        let root = folder.path().canonicalize().unwrap();
        let mounts = format!(
            "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:5 / {0} rw shared:1 - xfs /dev/b rw\n3 2 0:6 / {0}/a\\040b rw - tmpfs none rw\n",
            root.display()
        );
        assert_eq!(file_system(&mounts, &inner).as_deref(), Some("tmpfs"));
        assert_eq!(file_system(&mounts, folder.path()).as_deref(), Some("xfs"));
        assert_eq!(file_system(&mounts, Path::new("/")).as_deref(), Some("ext4"));
    }

    #[test]
    fn conditions_of_this_machine_name_what_matters() {
        let folder = tempfile::tempdir().unwrap();
        let conditions = Conditions::of(folder.path());
        assert!(conditions.cores >= 1 && !conditions.system.is_empty());
        if cfg!(target_os = "linux") {
            assert!(conditions.file_system.is_some() && conditions.free.is_some() && conditions.memory.is_some());
        }
    }
}
