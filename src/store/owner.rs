//! Who holds a store: written beside the lock, so that whoever is refused can be told by whom, and so that the lock of
//! a process that is dead is no obstacle.
//!
//! A lock alone does not tell enough: it belongs to the open file, which a forked child shares with its parent and
//! keeps after the parent's death.

use serde::{Deserialize, Serialize};

/// A process that changes a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    /// Tells this hold from every other.
    pub(crate) id: String,
    /// Process number.
    process: u32,
    /// When the process started, as the system counts it; `None` where it does not tell.
    started: Option<u64>,
    /// The program.
    program: String,
    /// Name of the machine.
    host: String,
    /// The machine, whatever it is called.
    machine: Option<String>,
    /// This run of the machine's system.
    boot: Option<String>,
    /// The process numbers are those of this namespace.
    namespace: Option<String>,
    /// Seconds since 1970, UTC.
    since: u64,
    /// True where the file system locked the file.
    pub(crate) locked: bool,
}

/// What is known of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// The process is gone, provably.
    Dead,
    /// It lives.
    Alive,
    /// Nothing here can tell: another machine, another process namespace, or a system that does not say.
    Unknown,
}

impl Owner {
    /// This process.
    pub(crate) fn this_process(locked: bool) -> Self {
        let process = std::process::id();
        let program = std::env::current_exe().ok();
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self {
            id: uuid::Uuid::new_v4().simple().to_string(),
            process,
            started: system::started(process),
            program: program
                .as_deref()
                .and_then(std::path::Path::file_name)
                .map_or_else(|| "a program".to_owned(), |name| name.to_string_lossy().into_owned()),
            host: system::host(),
            machine: system::machine(),
            boot: system::boot(),
            namespace: system::namespace(),
            since: since.map_or(0, |since| since.as_secs()),
            locked,
        }
    }

    /// True where this is the calling process, and not the parent that it was forked from.
    pub(crate) fn is_this_process(&self) -> bool {
        self.process == std::process::id() && self.on_this_boot() && self.namespace == system::namespace()
    }

    /// True where the system that the owner ran on has not been started anew since, and is this one.
    pub(crate) fn on_this_boot(&self) -> bool {
        self.boot.is_some() && self.boot == system::boot()
    }

    /// What is known of the process, without asking the lock.
    pub(crate) fn life(&self) -> Life {
        if !self.on_this_boot() {
            let same_machine = self.machine.is_some() && self.machine == system::machine();
            // The machine was started anew: none of its processes outlived that.
            return if same_machine && self.boot.is_some() && system::boot().is_some() {
                Life::Dead
            } else {
                Life::Unknown
            };
        }
        if self.namespace.is_none() || self.namespace != system::namespace() {
            return Life::Unknown;
        }
        match (self.started, system::started(self.process), system::is_there(self.process)) {
            (_, _, Some(false)) => Life::Dead,
            // The number was given to another process since.
            (Some(then), Some(now), _) if then != now => Life::Dead,
            (Some(_), Some(_), _) => Life::Alive,
            _ => Life::Unknown,
        }
    }

    /// Who, where and since when, for a person.
    pub(crate) fn describe(&self) -> String {
        let ago = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |now| now.as_secs().saturating_sub(self.since));
        let ago = match ago {
            seconds @ 0..120 => format!("{seconds} s"),
            seconds @ 120..7_200 => format!("{} min", seconds / 60),
            seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
            seconds => format!("{} days", seconds / 86_400),
        };
        let clean = |text: &str| text.chars().filter(|each| !each.is_control()).take(80).collect::<String>();
        let this = if self.is_this_process() { "this process, " } else { "" };
        format!("{this}{} (process {}) on {}, for {ago}", clean(&self.program), self.process, clean(&self.host))
    }
}

/// Whether a process is there and which it is, as the operating system tells; `None` where it does not.
#[cfg(target_os = "linux")]
mod system {
    use std::fs;

    fn line(path: &str) -> Option<String> {
        let text = fs::read_to_string(path).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub(super) fn host() -> String {
        line("/proc/sys/kernel/hostname").unwrap_or_else(|| "an unknown machine".into())
    }

    pub(super) fn machine() -> Option<String> {
        line("/etc/machine-id")
    }

    pub(super) fn boot() -> Option<String> {
        line("/proc/sys/kernel/random/boot_id")
    }

    pub(super) fn namespace() -> Option<String> {
        Some(fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned())
    }

    /// Ticks since the system's start (proc(5), stat, field 22: the 20th behind the name, which may hold anything).
    pub(super) fn started(process: u32) -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        stat.get(stat.rfind(')')? + 1..)?.split_whitespace().nth(19)?.parse().ok()
    }

    pub(super) fn is_there(process: u32) -> Option<bool> {
        // Where other users' processes are hidden, only one's own stands for a /proc that can be read.
        started(std::process::id())?;
        let process = rustix::process::Pid::from_raw(i32::try_from(process).ok()?)?;
        Some(match rustix::process::test_kill_process(process) {
            Err(rustix::io::Errno::SRCH) => false,
            // A process that has ended and that nobody has asked about yet writes no more.
            _ => !is_ended(process),
        })
    }

    fn is_ended(process: rustix::process::Pid) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
        let state = stat.rfind(')').and_then(|end| stat.get(end + 1..)?.trim_start().chars().next());
        matches!(state, Some('Z' | 'X'))
    }
}

/// Elsewhere nothing but the lock tells.
#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn host() -> String {
        let name = std::env::var("COMPUTERNAME").or_else(|_| std::env::var("HOSTNAME"));
        name.unwrap_or_else(|_| "an unknown machine".into())
    }

    pub(super) fn machine() -> Option<String> {
        None
    }

    pub(super) fn boot() -> Option<String> {
        None
    }

    pub(super) fn namespace() -> Option<String> {
        None
    }

    pub(super) fn started(_process: u32) -> Option<u64> {
        None
    }

    pub(super) fn is_there(_process: u32) -> Option<bool> {
        None
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_alive_until_it_has_ended() {
        assert_eq!(Owner::this_process(true).life(), Life::Alive);
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("started");
        let of_child = Owner { process: child.id(), started: system::started(child.id()), ..Owner::this_process(true) };
        assert_eq!(of_child.life(), Life::Alive);
        child.kill().expect("ended");
        // Not waited for yet: it has ended all the same.
        while of_child.life() == Life::Alive {
            std::thread::yield_now();
        }
        child.wait().expect("ended");
        assert_eq!(of_child.life(), Life::Dead);
    }

    #[test]
    fn a_process_number_that_was_given_anew_is_not_the_owner() {
        let owner = Owner { started: Some(1), ..Owner::this_process(true) };
        assert_eq!(owner.life(), Life::Dead);
    }

    #[test]
    fn owners_of_other_machines_and_earlier_boots() {
        let elsewhere = Owner { machine: Some("m".into()), boot: Some("b".into()), ..Owner::this_process(true) };
        assert_eq!(elsewhere.life(), Life::Unknown);
        let here = Owner::this_process(true);
        if here.machine.is_some() {
            assert_eq!(Owner { boot: Some("b".into()), ..here }.life(), Life::Dead);
        }
    }

    #[test]
    fn other_process_namespaces_are_not_judged() {
        let other = Owner { namespace: Some("pid:[1]".into()), process: u32::MAX >> 1, ..Owner::this_process(true) };
        assert_eq!(other.life(), Life::Unknown);
    }
}
