//! The dynamic loader of Linux with the GNU C library.

use std::ffi::{OsStr, c_int};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use rustix::fs::MemfdFlags;

use super::Route;
use crate::error::LoadError;
use crate::library::symbols::Symbols;

/// Look symbols up in the library before the process (glibc `<dlfcn.h>`). The module exports thousands of names of its
/// own OpenSSL, curl, zstd and LZ4, which must not be bound to other versions that the host has loaded.
const RTLD_DEEPBIND: c_int = 0x8;

const FLAGS: c_int = RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND;

/// This is the platform.
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it fails")]
pub(crate) fn check_platform() -> Result<(), LoadError> {
    Ok(())
}

/// Opens `image`, or the file itself, for the rest of the process's life.
///
/// # Safety
/// `path` and `image` are an acquire-zarr library.
pub(super) unsafe fn open(path: &Path, image: &[u8], route: Route) -> Result<Symbols, String> {
    // SAFETY: the caller vouches for the library; its companions are the package's own.
    unsafe {
        match route {
            Route::AsItIs => load(path),
            Route::Memory => open_companions(path).and_then(|()| open_in_memory(image)),
            Route::TemporaryFile => open_companions(path).and_then(|()| open_temporary(image)),
        }
    }
}

/// Opens one file and never closes it: the engine leaves threads and thread-local destructors behind.
///
/// # Safety
/// The file is an acquire-zarr library.
unsafe fn load(file: &Path) -> Result<Symbols, String> {
    // SAFETY: the caller vouches for the library, whose initialisers only set up its own globals.
    let library = unsafe { Library::open(Some(file), FLAGS) }.map_err(|error| describe(&error))?;
    // SAFETY: as above; it is forgotten, hence never closed, just below.
    let symbols = unsafe { Symbols::resolve(&library) };
    std::mem::forget(library);
    symbols.map_err(|(name, error)| format!("{name}: {}", describe(&error)))
}

/// libloading keeps the loader's text as the error's source.
fn describe(error: &libloading::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// Opens the libraries that the package brings with it. A copy elsewhere has no folder of its own from which the
/// loader could find them; once open, it finds them by name.
///
/// # Safety
/// The folder `../acquire_zarr.libs` of the module holds only libraries of the package.
unsafe fn open_companions(module: &Path) -> Result<(), String> {
    let Some(folder) = module.parent().and_then(Path::parent).map(|site| site.join("acquire_zarr.libs")) else {
        return Ok(());
    };
    let Ok(entries) = std::fs::read_dir(&folder) else {
        return Ok(()); // a package without any
    };
    let mut files: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_library(path)).collect();
    files.sort();
    for file in files {
        // The loader maps whatever it is given; a cut file would end the process.
        let image = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        crate::library::elf::inspect(&image, &[]).map_err(|fault| format!("{}: {fault}", file.display()))?;
        // SAFETY: the caller vouches for the package's libraries; it is forgotten, hence never closed.
        let library = unsafe { Library::open(Some(&file), RTLD_NOW | RTLD_LOCAL) }.map_err(|error| describe(&error))?;
        std::mem::forget(library);
    }
    Ok(())
}

fn is_library(path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.ends_with(".so") || name.contains(".so."))
}

/// # Safety
/// `image` is an acquire-zarr library.
unsafe fn open_in_memory(image: &[u8]) -> Result<Symbols, String> {
    let mut file = File::from(memory_file().map_err(|error| format!("memfd_create: {error}"))?);
    file.write_all(image).map_err(|error| format!("writing the copy: {error}"))?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // SAFETY: the caller vouches for the image.
    let symbols = unsafe { load(&path) }?;
    // The loader knows open libraries by their path. Were the descriptor closed, its number would be given to another
    // file, and a second library opened through that number would be taken for this one.
    let _ = file.into_raw_fd();
    Ok(symbols)
}

fn memory_file() -> rustix::io::Result<OwnedFd> {
    const NAME: &str = "acquire-zarr";
    // Without `EXEC` newer kernels may make it non-executable (`vm.memfd_noexec`); older ones do not know the flag.
    match rustix::fs::memfd_create(NAME, MemfdFlags::CLOEXEC | MemfdFlags::EXEC) {
        Err(rustix::io::Errno::INVAL) => rustix::fs::memfd_create(NAME, MemfdFlags::CLOEXEC),
        other => other,
    }
}

/// # Safety
/// `image` is an acquire-zarr library.
unsafe fn open_temporary(image: &[u8]) -> Result<Symbols, String> {
    let mut reasons = Vec::new();
    for folder in temporary_folders() {
        // SAFETY: the caller vouches for the image.
        match unsafe { open_temporary_in(&folder, image) } {
            Ok(symbols) => return Ok(symbols),
            Err(reason) => reasons.push(format!("{}: {reason}", folder.display())),
        }
    }
    Err(reasons.join(", "))
}

/// # Safety
/// `image` is an acquire-zarr library.
unsafe fn open_temporary_in(folder: &Path, image: &[u8]) -> Result<Symbols, String> {
    let mut file = tempfile::Builder::new()
        .prefix("acquire-zarr-")
        .suffix(".so")
        .tempfile_in(folder)
        .map_err(|error| error.to_string())?;
    file.write_all(image).map_err(|error| error.to_string())?;
    // SAFETY: the caller vouches for the image. The file is unlinked on return; the loader's mapping keeps its bytes.
    unsafe { load(file.path()) }
}

/// Where a temporary file may be executable: hardened systems mount `/tmp` without that right, and leave the home.
fn temporary_folders() -> Vec<PathBuf> {
    let mut folders = vec![std::env::temp_dir()];
    folders.extend(std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from));
    folders.extend(std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    folders.retain(|folder| folder.is_dir());
    folders
}
