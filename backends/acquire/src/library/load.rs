//! The dynamic loader. A library that needs no Python is opened as it is; of the Python package's extension module a
//! copy in memory, in which Python's symbols are optional.

use std::ffi::{OsStr, c_int};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;

use super::symbols::Symbols;
use super::{elf, locate};
use crate::error::Told;

/// Look symbols up in the library before the process (glibc `<dlfcn.h>`). The module exports thousands of names of its
/// own OpenSSL, curl, zstd and LZ4, which must not be bound to other versions that the host has loaded.
const RTLD_DEEPBIND: c_int = 0x8;

/// Opens the library at `path`, or `patched`, a copy of it, and never closes it: the engine leaves threads and
/// thread-local destructors behind.
///
/// # Safety
/// The file and its copy are an acquire-zarr library.
pub(super) unsafe fn open(path: &Path, patched: Option<&[u8]>) -> Told<Symbols> {
    // SAFETY: the caller vouches for the library; its companions are the package's own.
    unsafe {
        match patched {
            None => resolve(load(path, RTLD_DEEPBIND)?),
            Some(image) => {
                open_companions(path)?;
                open_in_memory(image)
            }
        }
    }
}

/// # Safety
/// The file is an acquire-zarr library, or one that its package brings.
unsafe fn load(file: &Path, flags: c_int) -> Told<Library> {
    // SAFETY: the caller vouches for the library, whose initializers only set up its own globals.
    unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL | flags) }.map_err(|error| describe(&error))
}

/// # Safety
/// It is an acquire-zarr library.
unsafe fn resolve(library: Library) -> Told<Symbols> {
    // SAFETY: the caller vouches for it; it is forgotten, hence never closed, just below.
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
unsafe fn open_companions(module: &Path) -> Told<()> {
    let is_library = |path: &PathBuf| {
        path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.ends_with(".so") || name.contains(".so."))
    };
    let folder = module.parent().and_then(Path::parent).map(|site| site.join("acquire_zarr.libs"));
    for file in folder.iter().flat_map(|folder| locate::children(folder)).filter(is_library) {
        // The loader maps whatever it is given; a cut file would end the process.
        elf::inspect(&elf::read(&file)?, &[]).map_err(|fault| format!("{}: {fault}", file.display()))?;
        // SAFETY: the caller vouches for the package's libraries.
        std::mem::forget(unsafe { load(&file, 0) }?);
    }
    Ok(())
}

/// # Safety
/// `image` is an acquire-zarr library.
unsafe fn open_in_memory(image: &[u8]) -> Told<Symbols> {
    const NAME: &str = "acquire-zarr";
    // Without `EXEC` newer kernels may make it non-executable (`vm.memfd_noexec`); older ones do not know the flag.
    let file = match memfd_create(NAME, MemfdFlags::CLOEXEC | MemfdFlags::EXEC) {
        Err(Errno::INVAL) => memfd_create(NAME, MemfdFlags::CLOEXEC),
        other => other,
    };
    let mut file = File::from(file.map_err(|error| {
        format!("a copy that can be loaded needs memory that can be executed (vm.memfd_noexec below 2): {error}")
    })?);
    file.write_all(image).map_err(|error| format!("writing the copy: {error}"))?;
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // SAFETY: the caller vouches for the image.
    let symbols = unsafe { resolve(load(&path, RTLD_DEEPBIND)?) }?;
    // The loader knows open libraries by their path. Were the descriptor closed, its number would be given to another
    // file, and a second library opened through that number would be taken for this one.
    let _ = file.into_raw_fd();
    Ok(symbols)
}
