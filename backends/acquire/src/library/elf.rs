//! Reading the dynamic symbol table of a shared library held in memory, and making its Python symbols optional.
//!
//! The engine is found inside a Python extension module. Such a module leaves the interpreter's functions undefined,
//! because a Python process always has them; the dynamic loader refuses it anywhere else. None of those functions is
//! reached through the engine's C functions, so it is enough to tell the loader that they may stay undefined: a *weak*
//! undefined symbol resolves to zero instead of failing the load.
//!
//! Field offsets are those of the System V ABI, "Object Files" (`Elf64_Ehdr`, `Elf64_Phdr`, `Elf64_Shdr`, `Elf64_Sym`).
//! The input may be any file at all: every read is checked, and a file that is cut short is refused here, because the
//! dynamic loader maps it without looking and the process would then die of `SIGBUS`.

use std::collections::HashSet;
use std::ops::Range;

/// Why a file is not a shared library that can be loaded here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ElfFault {
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The file holds text.
    #[error("it is a text file, not a shared library")]
    Text,
    /// The file does not begin with the four bytes that mark an ELF file.
    #[error("it is not an ELF shared library")]
    NotElf,
    /// A library for a 32-bit or big-endian processor.
    #[error("it is a {0} library; this process needs a 64-bit little-endian x86-64 one")]
    Class(&'static str),
    /// A library for another processor.
    #[error("it is built for {0}; this process runs on x86-64")]
    Machine(String),
    /// An ELF file of another kind: a program or an object file.
    #[error("it is {0}, not a shared library")]
    Kind(&'static str),
    /// The file ends before something that its own tables announce.
    #[error("it is cut short: {what} ends at byte {end}, the file has {length} bytes")]
    Truncated {
        /// What lies beyond the end of the file.
        what: &'static str,
        /// First byte after it.
        end: u64,
        /// Length of the file in bytes.
        length: u64,
    },
    /// A table contradicts the format.
    #[error("it is damaged: {0}")]
    Malformed(&'static str),
}

/// What was learned from an image without changing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// File offsets of the `st_info` byte of every undefined Python symbol that is not weak yet.
    python: Vec<usize>,
    /// Names asked for that the library does not define, in the order asked.
    missing: Vec<String>,
}

impl Inspection {
    /// Whether the dynamic loader would ask for a Python interpreter.
    pub fn needs_python(&self) -> bool {
        !self.python.is_empty()
    }

    /// The required names that the library does not define.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }
}

const EHDR_SIZE: usize = 64;
const PHDR_SIZE: usize = 56;
const SHDR_SIZE: usize = 64;
const SYM_SIZE: usize = 24;
const ET_DYN: u16 = 3;
const EM_X86_64: u16 = 62;
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const SHT_STRTAB: u32 = 3;
const SHT_DYNSYM: u32 = 11;
const SHN_UNDEF: u16 = 0;
const STB_LOCAL: u8 = 0;
const STB_GLOBAL: u8 = 1;
const STB_WEAK: u8 = 2;

/// Checks that `image` is a whole x86-64 shared library and looks through its dynamic symbols.
///
/// # Errors
/// [`ElfFault`] when the image is anything else; never panics, whatever the bytes are.
pub fn inspect(image: &[u8], required: &[&str]) -> Result<Inspection, ElfFault> {
    let file = Image(image);
    file.check_header()?;
    file.check_segments()?;
    let (symbols, names) = file.dynamic_symbols()?;

    let mut python = Vec::new();
    let mut defined = HashSet::new();
    for at in symbols.step_by(SYM_SIZE) {
        let info_at = at + 4;
        let info = file.byte(info_at, "the dynamic symbol table")?;
        let section = file.half(at + 6, "the dynamic symbol table")?;
        let binding = info >> 4;
        if binding == STB_LOCAL {
            continue;
        }
        let name = file.name(&names, file.word(at, "the dynamic symbol table")?)?;
        if section != SHN_UNDEF {
            defined.insert(name);
        } else if binding == STB_GLOBAL && (name.starts_with(b"Py") || name.starts_with(b"_Py")) {
            python.push(info_at);
        }
    }
    let missing =
        required.iter().filter(|name| !defined.contains(name.as_bytes())).map(|name| (*name).to_owned()).collect();
    Ok(Inspection { python, missing })
}

/// Makes every undefined Python symbol of `image` weak; returns how many were changed.
///
/// # Errors
/// [`ElfFault::Malformed`] when `inspection` was made from another image.
pub fn weaken_python_symbols(image: &mut [u8], inspection: &Inspection) -> Result<usize, ElfFault> {
    for at in &inspection.python {
        let info = image.get_mut(*at).ok_or(ElfFault::Malformed("a symbol lies outside the file"))?;
        *info = (STB_WEAK << 4) | (*info & 0xf);
    }
    Ok(inspection.python.len())
}

/// Checked reads from a file of unknown origin.
struct Image<'a>(&'a [u8]);

impl<'a> Image<'a> {
    fn check_header(&self) -> Result<(), ElfFault> {
        let bytes = self.0;
        if bytes.is_empty() {
            return Err(ElfFault::Empty);
        }
        if !bytes.starts_with(b"\x7fELF") {
            return Err(if looks_like_text(bytes) { ElfFault::Text } else { ElfFault::NotElf });
        }
        self.range(0, EHDR_SIZE as u64, "the ELF header")?;
        match (bytes[4], bytes[5]) {
            (2, 1) => {}
            (2, 2) => return Err(ElfFault::Class("64-bit big-endian")),
            (1, _) => return Err(ElfFault::Class("32-bit")),
            _ => return Err(ElfFault::Malformed("unknown class or byte order")),
        }
        match self.half(18, "the ELF header")? {
            EM_X86_64 => {}
            other => return Err(ElfFault::Machine(machine_name(other))),
        }
        match self.half(16, "the ELF header")? {
            ET_DYN => Ok(()),
            1 => Err(ElfFault::Kind("an object file")),
            2 => Err(ElfFault::Kind("a program")),
            4 => Err(ElfFault::Kind("a core dump")),
            _ => Err(ElfFault::Malformed("unknown kind of ELF file")),
        }
    }

    /// Everything that the loader will map must be in the file.
    fn check_segments(&self) -> Result<(), ElfFault> {
        const WHAT: &str = "the program header table";
        let offset = self.long(32, WHAT)?;
        let size = usize::from(self.half(54, WHAT)?);
        let count = usize::from(self.half(56, WHAT)?);
        if count == 0 {
            return Err(ElfFault::Malformed("no program headers"));
        }
        if size != PHDR_SIZE {
            return Err(ElfFault::Malformed("program headers of a wrong size"));
        }
        let table = self.range(offset, (size * count) as u64, WHAT)?;
        let (mut loads, mut dynamics) = (0, 0);
        for at in table.step_by(PHDR_SIZE) {
            let (start, stored, mapped) =
                (self.long(at + 8, WHAT)?, self.long(at + 32, WHAT)?, self.long(at + 40, WHAT)?);
            match self.word(at, WHAT)? {
                PT_LOAD => {
                    loads += 1;
                    self.range(start, stored, "a loadable segment")?;
                    if stored > mapped {
                        return Err(ElfFault::Malformed("a segment is larger in the file than in memory"));
                    }
                }
                PT_DYNAMIC => {
                    dynamics += 1;
                    self.range(start, stored, "the dynamic section")?;
                }
                _ => {}
            }
        }
        match (loads, dynamics) {
            (0, _) => Err(ElfFault::Malformed("nothing to load")),
            (_, 1) => Ok(()),
            _ => Err(ElfFault::Malformed("not exactly one dynamic section")),
        }
    }

    /// Where the dynamic symbols and their names lie, whole entries only.
    fn dynamic_symbols(&self) -> Result<(Range<usize>, Range<usize>), ElfFault> {
        const WHAT: &str = "the section header table";
        let offset = self.long(40, WHAT)?;
        let size = usize::from(self.half(58, WHAT)?);
        let count = usize::from(self.half(60, WHAT)?);
        if offset == 0 || count == 0 {
            return Err(ElfFault::Malformed("no section headers, so no dynamic symbol table can be found"));
        }
        if size != SHDR_SIZE {
            return Err(ElfFault::Malformed("section headers of a wrong size"));
        }
        let table = self.range(offset, (size * count) as u64, WHAT)?;
        for at in table.clone().step_by(SHDR_SIZE) {
            if self.word(at + 4, WHAT)? != SHT_DYNSYM {
                continue;
            }
            if self.long(at + 56, WHAT)? != SYM_SIZE as u64 {
                return Err(ElfFault::Malformed("dynamic symbols of a wrong size"));
            }
            let symbols = self.section(at, "the dynamic symbol table")?;
            let link = self.word(at + 40, WHAT)? as usize;
            if link >= count {
                return Err(ElfFault::Malformed("the dynamic symbols name a string table that does not exist"));
            }
            let strings = table.start + link * SHDR_SIZE;
            if self.word(strings + 4, WHAT)? != SHT_STRTAB {
                return Err(ElfFault::Malformed("the dynamic symbols name a section that is no string table"));
            }
            let names = self.section(strings, "the dynamic string table")?;
            let whole = symbols.len() / SYM_SIZE * SYM_SIZE;
            return Ok((symbols.start..symbols.start + whole, names));
        }
        Err(ElfFault::Malformed("no dynamic symbol table"))
    }

    /// The bytes of the section whose header lies at `header`.
    fn section(&self, header: usize, what: &'static str) -> Result<Range<usize>, ElfFault> {
        self.range(self.long(header + 24, what)?, self.long(header + 32, what)?, what)
    }

    fn name(&self, names: &Range<usize>, offset: u32) -> Result<&'a [u8], ElfFault> {
        let names = self.0.get(names.clone()).unwrap_or_default();
        let rest =
            names.get(offset as usize..).ok_or(ElfFault::Malformed("a symbol's name lies outside the string table"))?;
        let end = rest.iter().position(|byte| *byte == 0).ok_or(ElfFault::Malformed("a symbol's name does not end"))?;
        Ok(&rest[..end])
    }

    fn range(&self, start: u64, length: u64, what: &'static str) -> Result<Range<usize>, ElfFault> {
        let end = start.checked_add(length).ok_or(ElfFault::Malformed("a size overflows"))?;
        let here = self.0.len() as u64;
        match (usize::try_from(start), usize::try_from(end)) {
            (Ok(first), Ok(last)) if end <= here => Ok(first..last),
            _ => Err(ElfFault::Truncated { what, end, length: here }),
        }
    }

    fn bytes<const N: usize>(&self, at: usize, what: &'static str) -> Result<[u8; N], ElfFault> {
        let range = self.range(at as u64, N as u64, what)?;
        let mut out = [0; N];
        out.copy_from_slice(&self.0[range]);
        Ok(out)
    }

    fn byte(&self, at: usize, what: &'static str) -> Result<u8, ElfFault> {
        self.bytes::<1>(at, what).map(|[byte]| byte)
    }

    fn half(&self, at: usize, what: &'static str) -> Result<u16, ElfFault> {
        self.bytes(at, what).map(u16::from_le_bytes)
    }

    fn word(&self, at: usize, what: &'static str) -> Result<u32, ElfFault> {
        self.bytes(at, what).map(u32::from_le_bytes)
    }

    fn long(&self, at: usize, what: &'static str) -> Result<u64, ElfFault> {
        self.bytes(at, what).map(u64::from_le_bytes)
    }
}

/// A linker script, a shell wrapper or an error page saved under a library's name.
fn looks_like_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(512)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The cut at 512 may fall within a character; anything else is not text.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !valid.is_empty() && valid.chars().all(|c| !c.is_control() || c.is_ascii_whitespace())
}

fn machine_name(machine: u16) -> String {
    match machine {
        3 => "32-bit x86".to_owned(),
        20 => "32-bit PowerPC".to_owned(),
        21 => "64-bit PowerPC".to_owned(),
        22 => "S/390".to_owned(),
        40 => "32-bit ARM".to_owned(),
        183 => "64-bit ARM".to_owned(),
        243 => "RISC-V".to_owned(),
        other => format!("processor number {other}"),
    }
}

#[cfg(test)]
#[path = "elf_tests.rs"]
mod tests;
