//! The package, used as a host developer uses it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::empty;
use crate::header::bindings;
use crate::{places, step};

/// Nothing but our own functions may be seen from outside: a host has its own zstd.
pub(super) fn exports(library: &Path) -> Result<()> {
    let output = Command::new("nm")
        .args(["--dynamic", "--defined-only", "--format=posix"])
        .arg(library)
        .output()
        .context("cannot start nm")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    println!("exported symbols (nm --dynamic --defined-only):");
    for name in &names {
        println!("  {name}");
    }
    ensure!(names.contains(&"ome_stream_create"), "{} exports no ome_stream_create", library.display());
    let foreign: Vec<_> = names.iter().filter(|name| !name.starts_with("ome_stream_")).collect();
    ensure!(foreign.is_empty(), "{} exports {foreign:?}", library.display());
    Ok(())
}

/// Unpacks the archive, then builds and runs the examples with CMake and with pkg-config.
pub(super) fn from_empty_folder(archive: &Path, name: &str) -> Result<()> {
    let folder = places::target()?.join("dist/check");
    empty(&folder)?;
    step::run(Command::new("tar").arg("-C").arg(&folder).arg("-xzf").arg(archive))?;
    let package = folder.join(name);

    let build = folder.join("cmake");
    step::run(
        Command::new("cmake")
            .arg("-S")
            .arg(bindings().join("tests/cmake"))
            .arg("-B")
            .arg(&build)
            .arg(format!("-DCMAKE_PREFIX_PATH={}", package.display()))
            .arg("-DCMAKE_BUILD_TYPE=Release"),
    )?;
    step::run(Command::new("cmake").arg("--build").arg(&build))?;
    step::run(Command::new("ctest").arg("--output-on-failure").current_dir(&build))?;

    let source = places::root().join("examples/c/stream.c");
    let line = "cc \"$0\" $(pkg-config --cflags --libs ome_stream) -o by_pkg_config && ./by_pkg_config by_pkg_config.ome.zarr \
                && cc \"$0\" $(pkg-config --cflags --static --libs ome_stream | sed 's/-lome_stream/-l:libome_stream.a/') \
                -o by_static && env -u LD_LIBRARY_PATH ./by_static by_static.ome.zarr";
    step::run(
        Command::new("sh")
            .args(["-c", line])
            .arg(source)
            .current_dir(&folder)
            .env("PKG_CONFIG_PATH", package.join("lib/pkgconfig"))
            .env("LD_LIBRARY_PATH", package.join("lib")),
    )
}
