//! Whether a file is a whole shared library for this machine, and which names it defines and wants.
//!
//! The engine is found inside a Python extension module. Such a module leaves the interpreter's functions undefined,
//! because a Python process always has them; the dynamic loader refuses it anywhere else. None of those functions is
//! reached through the engine's C functions, so it is enough to tell the loader that they may stay undefined: a *weak*
//! undefined symbol resolves to zero instead of failing the load.
//!
//! The input may be any file at all. A file that is cut short is refused here, because the dynamic loader maps it
//! without looking and the process would then die of `SIGBUS`.

use std::fs;
use std::path::Path;

use object::LittleEndian as Le;
use object::elf::{
    EM_AARCH64, EM_X86_64, ET_DYN, FileHeader64, Machine, PT_DYNAMIC, PT_LOAD, SHT_DYNSYM, STB_GLOBAL, STB_LOCAL,
    STB_WEAK, Sym64,
};
use object::read::StringTable;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader, SectionTable, Sym};

use crate::error::Told;

/// No acquire-zarr is larger by far (0.10 has 13 MB); a file of this size was named by mistake.
const SIZE_LIMIT: u64 = 256 << 20;

/// What was learned from an image without changing it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inspection {
    /// Offsets of the `st_info` byte of every undefined Python symbol that is not weak yet.
    pub python: Vec<usize>,
    /// The first of the required names that the library does not define.
    pub missing: Option<&'static str>,
}

/// The bytes of a file.
///
/// # Errors
/// That it cannot be read, or is no file to be read.
pub(super) fn read(path: &Path) -> Told<Vec<u8>> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| format!("cannot read {shown}: {error}");
    let metadata = fs::metadata(path).map_err(unreadable)?;
    // A pipe or a device would never end.
    if !metadata.is_file() {
        return Err(format!("cannot read {shown}: it is not a regular file"));
    }
    if metadata.len() > SIZE_LIMIT {
        return Err(format!("cannot read {shown}: {} bytes are too many for a library", metadata.len()));
    }
    fs::read(path).map_err(unreadable)
}

/// Checks that `image` is a whole x86-64 shared library and looks through its dynamic symbols.
///
/// # Errors
/// What the image is instead; never panics, whatever the bytes are.
pub(super) fn inspect(image: &[u8], required: &[&'static str]) -> Told<Inspection> {
    if !image.starts_with(b"\x7fELF") {
        return Err(what_else(image).to_owned());
    }
    let damaged = |error: object::read::Error| format!("it is damaged, cut short or of another kind: {error}");
    let header = FileHeader64::<Le>::parse(image).map_err(damaged)?;
    header.endian().map_err(damaged)?;
    match header.e_machine(Le) {
        EM_X86_64 => {}
        other => return Err(format!("it is built for {}; this process runs on x86-64", machine(other))),
    }
    if header.e_type(Le) != ET_DYN {
        return Err("it is a program or an object file, not a shared library".to_owned());
    }
    check_segments(header.program_headers(Le, image).map_err(damaged)?, image)?;

    // Names of sections are not needed, and a library may have none.
    let sections = header.section_headers(Le, image).map_err(damaged)?;
    let sections = SectionTable::<FileHeader64<Le>>::new(sections, StringTable::default());
    let symbols = sections.symbols(Le, image, SHT_DYNSYM).map_err(damaged)?;
    let table = sections.section(symbols.section()).map_or(0, |section| section.sh_offset(Le));
    let first = usize::try_from(table).map_err(|_| "it is damaged: a table lies too far away".to_owned())?;
    let mut python = Vec::new();
    let mut missing = required.to_vec();
    for (index, symbol) in symbols.enumerate().filter(|(_, symbol)| symbol.st_bind() != STB_LOCAL) {
        let name = symbols.symbol_name(Le, symbol).map_err(damaged)?;
        if !symbol.is_undefined(Le) {
            missing.retain(|required| required.as_bytes() != name);
        } else if symbol.st_bind() == STB_GLOBAL && (name.starts_with(b"Py") || name.starts_with(b"_Py")) {
            python.push(first + index.0 * size_of::<Sym64<Le>>() + std::mem::offset_of!(Sym64<Le>, st_info));
        }
    }
    Ok(Inspection { python, missing: missing.first().copied() })
}

/// Makes the undefined Python symbols of an image weak; `python` is what [`inspect`] found in it.
pub(super) fn weaken(image: &mut [u8], python: &[usize]) {
    for at in python {
        if let Some(info) = image.get_mut(*at) {
            *info = (STB_WEAK.0 << 4) | (*info & 0xf);
        }
    }
}

/// Everything that the loader will map must be in the file.
fn check_segments<P: ProgramHeader<Endian = Le>>(segments: &[P], image: &[u8]) -> Told<()> {
    let (mut loads, mut dynamics) = (0, 0);
    for segment in segments {
        match segment.p_type(Le) {
            PT_LOAD => loads += 1,
            PT_DYNAMIC => dynamics += 1,
            _ => continue,
        }
        if segment.data(Le, image).is_err() {
            let (start, size) = segment.file_range(Le);
            let length = image.len();
            return Err(format!("it is cut short: {size} bytes at byte {start} are not in its {length} bytes"));
        }
        if segment.p_filesz(Le).into() > segment.p_memsz(Le).into() {
            return Err("it is damaged: a segment is larger in the file than in memory".to_owned());
        }
    }
    match (loads, dynamics) {
        (1.., 1) => Ok(()),
        _ => Err("it is damaged: nothing to load, or not exactly one dynamic section".to_owned()),
    }
}

/// What a file is that is no ELF file: often a linker script, a wrapper or an error page under a library's name.
fn what_else(bytes: &[u8]) -> &'static str {
    /// So much of the beginning tells text from other bytes.
    const LOOKED_AT: usize = 512;
    let head = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    let is_text = head.chars().take(LOOKED_AT).all(|each| !each.is_control() || each.is_ascii_whitespace());
    match (bytes.is_empty(), is_text && head.len() >= bytes.len().min(LOOKED_AT)) {
        (true, _) => "the file is empty",
        (_, true) => "it is a text file, not a shared library",
        (_, false) => "it is not an ELF shared library",
    }
}

fn machine(machine: Machine) -> String {
    match machine {
        EM_AARCH64 => "64-bit ARM".to_owned(),
        other => format!("another processor, number {}", other.0),
    }
}

#[cfg(test)]
#[path = "elf_tests.rs"]
mod tests;
