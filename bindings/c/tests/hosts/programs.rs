//! The C and C++ programs of `tests/programs`, plain, under sanitizers and under valgrind.

use std::path::Path;
use std::process::Command;

use super::build::{Linked, Place, has, package, say, succeed};

/// Builds a program, runs it every way, and expects its `ok`.
fn every_way(name: &str, options: &[&str], arguments: &[&str]) {
    let place = Place::new();
    let source = package("tests/programs").join(name);
    let shared = place.build(&source, Linked::Shared, options);
    ends_well(Command::new(&shared).arg(place.data("plain")).args(arguments));

    let sanitized = place.build(&source, Linked::Sanitized, options);
    let mut command = Command::new(&sanitized);
    command.env("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0").env("UBSAN_OPTIONS", "print_stacktrace=1");
    // The engine that is loaded at run time needs RTLD_DEEPBIND, which sanitizers refuse: here it is not to be found.
    command.env("OME_STREAM_ACQUIRE_ZARR", place.data("no-engine"));
    ends_well(command.arg(place.data("sanitized")).args(arguments));

    if let Some(mut command) = valgrind(name) {
        ends_well(command.arg(&shared).arg(place.data("valgrind")).args(arguments));
    }
}

/// The start of a command under valgrind, where that is there.
fn valgrind(test: &str) -> Option<Command> {
    if !has("valgrind", test) {
        return None;
    }
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--fair-sched=yes"]);
    // Not "possible": that is what is still reached by a pointer into its middle, as hash tables and threads have.
    command.arg("--errors-for-leak-kinds=definite,indirect");
    Some(command)
}

fn ends_well(command: &mut Command) {
    assert_eq!(succeed(command), "ok\n", "{command:?}");
}

#[test]
fn the_happy_path_writes_the_pixels_that_were_given() {
    every_way("happy.c", &[], &[]);
}

#[test]
fn every_mistake_of_a_host_is_a_code_and_a_message() {
    every_way("errors.c", &[], &[]);
}

/// Not under AddressSanitizer: engines are loaded with RTLD_DEEPBIND, which it refuses.
#[test]
#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
fn engine_refusals_and_failures_have_their_codes() {
    let place = Place::new();
    let engine = place.data("engine");
    succeed(
        Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(engine.join("libacquire-zarr.so"))
            .arg(package("../../backends/acquire/tests/stand_in.c")),
    );
    let program = place.build(&package("tests/programs/engines.c"), Linked::Shared, &[]);
    let variable = "OME_STREAM_ACQUIRE_ZARR";
    ends_well(Command::new(&program).arg(place.data("plain")).env(variable, &engine));
    if let Some(mut command) = valgrind("engines.c") {
        ends_well(command.arg(&program).arg(place.data("valgrind")).env(variable, &engine));
    }
}

#[test]
fn streams_live_beside_each_other_and_end_in_any_order() {
    every_way("lifetime.c", &[], &[]);
}

#[test]
fn a_file_that_may_not_grow_is_told_by_append_and_by_finish() {
    every_way("full_disk.c", &[], &["limit"]);
}

/// Not under sanitizers and valgrind, which take address space of their own.
#[cfg(target_os = "linux")]
#[test]
fn a_system_without_memory_is_a_code() {
    let place = Place::new();
    let program = place.build(&package("tests/programs/memory.c"), Linked::Shared, &[]);
    ends_well(Command::new(&program).arg(place.data("plain")));
}

#[test]
fn the_cpp_header_owns_streams_and_throws_messages() {
    every_way("raii.cpp", &[], &[]);
}

#[test]
fn the_cpp_header_works_without_exceptions() {
    every_way("no_exceptions.cpp", &["-fno-exceptions"], &[]);
}

#[test]
fn a_full_disk_is_told_by_append_and_by_finish() {
    let place = Place::new();
    let program = place.build(&package("tests/programs/full_disk.c"), Linked::Sanitized, &[]);
    let disk = place.data("disk");
    if on_small_disk(&disk, &["true"]).is_err() {
        // No failure even where tools are required: a container may forbid mounting, and the limit on a file's size
        // takes the same way through the library.
        say("skipped: a full disk: no disk of 4 MB can be mounted here");
        return;
    }
    let (program, folder) = (program.to_string_lossy(), disk.to_string_lossy());
    assert_eq!(on_small_disk(&disk, &[&program, &folder, "disk"]), Ok("ok\n".to_owned()));
}

/// Runs a command while a disk of 4 MB is mounted on `folder`, which nobody else sees. The error is what it wrote.
fn on_small_disk(folder: &Path, command: &[&str]) -> Result<String, String> {
    let mut unshare = Command::new("unshare");
    unshare.args(["--mount", "sh", "-c", "mount -t tmpfs -o size=4m none \"$0\" && \"$@\""]);
    let output = unshare.arg(folder).args(command).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}
