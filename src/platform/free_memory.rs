//! How much memory this process may still take: what the machine has left, and the groups that limit it.

#[cfg(target_os = "linux")]
use std::path::{Path, PathBuf};

/// Memory that is left, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FreeMemory {
    /// Bytes.
    pub(crate) bytes: u64,
    /// What has so much left, for a person to read.
    pub(crate) whose: &'static str,
}

/// The least that any of them has left; `None` where the system does not tell.
pub(crate) fn free_memory() -> Option<FreeMemory> {
    #[cfg(target_os = "linux")]
    {
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        [of_machine(&read), of_groups(&read)].into_iter().flatten().min_by_key(|free| free.bytes)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(target_os = "linux")]
type Read<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// What programs can get without swapping.
#[cfg(target_os = "linux")]
fn of_machine(read: Read<'_>) -> Option<FreeMemory> {
    let text = read(Path::new("/proc/meminfo"))?;
    let kib = text.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.split_whitespace().next()?.parse().ok());
    let kib: Option<u64> = kib;
    Some(FreeMemory { bytes: kib?.saturating_mul(1024), whose: "the machine" })
}

/// The control groups of this process and those above them (containers, services), of either version.
#[cfg(target_os = "linux")]
fn of_groups(read: Read<'_>) -> Option<FreeMemory> {
    let text = read(Path::new("/proc/self/cgroup"))?;
    let bytes = text
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let (base, files) = match controllers {
                "" => ("/sys/fs/cgroup", ["memory.max", "memory.current", "inactive_file "]),
                other if other.split(',').any(|each| each == "memory") => (
                    "/sys/fs/cgroup/memory",
                    ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "],
                ),
                _ => return None,
            };
            let group = PathBuf::from(format!("{base}{path}"));
            // Inside a container the path may name a group outside: then only the root of what is mounted is there.
            group
                .ancestors()
                .take_while(|above| above.starts_with(base))
                .filter_map(|group| left(read, group, files))
                .min()
        })
        .min()?;
    Some(FreeMemory { bytes, whose: "this process's control group (a container or service)" })
}

/// Bytes that a group may still take; pages of files that nobody uses are given back when they are needed.
#[cfg(target_os = "linux")]
fn left(read: Read<'_>, group: &Path, [limit, used, inactive]: [&str; 3]) -> Option<u64> {
    let number = |name: &str| read(&group.join(name))?.trim().parse::<u64>().ok();
    let limit = number(limit)?;
    let stat = read(&group.join("memory.stat")).unwrap_or_default();
    let inactive: u64 = stat.lines().find_map(|line| line.strip_prefix(inactive)?.parse().ok()).unwrap_or(0);
    Some(limit.saturating_sub(number(used)?.saturating_sub(inactive)))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn groups(files: &[(&str, &str)]) -> Option<u64> {
        let read = |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned())
        };
        of_groups(&read).map(|free| free.bytes)
    }

    #[test]
    fn the_tightest_group_on_the_way_up_counts() {
        let files = [
            ("/proc/self/cgroup", "0::/a/b\n"),
            ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("/sys/fs/cgroup/a/b/memory.current", "5\n"),
            ("/sys/fs/cgroup/a/memory.max", "1000\n"),
            ("/sys/fs/cgroup/a/memory.current", "700\n"),
            ("/sys/fs/cgroup/a/memory.stat", "anon 500\ninactive_file 150\n"),
        ];
        assert_eq!(groups(&files), Some(450));
        assert_eq!(groups(&files[..3]), None, "no group has a limit");
    }

    #[test]
    fn groups_of_the_first_version_are_read_too() {
        let files = [
            ("/proc/self/cgroup", "5:cpu:/x\n4:memory:/docker/1\n0::/\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "1200\n"),
        ];
        assert_eq!(groups(&files), Some(0));
    }

    #[test]
    fn this_machine_tells() {
        assert!(free_memory().is_some_and(|free| free.bytes > 0));
    }
}
