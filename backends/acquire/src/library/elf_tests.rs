use proptest::prelude::*;

use super::*;

/// Name, `st_info`, section of each symbol of the image below; the first is the null symbol that every table has.
const SYMBOLS: [(&str, u8, u16); 8] = [
    ("", 0, 0),
    ("PyInstanceMethod_Type", 0x11, 0),
    ("_Py_Dealloc", 0x12, 0),
    ("PyWeakAlready", 0x21, 0),
    ("PyLocal", 0x01, 0),
    ("PyInit_acquire_zarr", 0x12, 5),
    ("malloc", 0x12, 0),
    ("ZarrStream_create", 0x12, 5),
];

const SYMTAB: usize = 200;

/// A small but whole shared library: header, a loadable and a dynamic segment, symbols, names, three sections.
fn image() -> Vec<u8> {
    let mut names = vec![0_u8];
    let mut symbols = Vec::new();
    for (name, info, section) in SYMBOLS {
        let at = if name.is_empty() { 0 } else { names.len() as u32 };
        if !name.is_empty() {
            names.extend(name.bytes().chain([0]));
        }
        symbols.extend(at.to_le_bytes());
        symbols.extend([info, 0]);
        symbols.extend(section.to_le_bytes());
        symbols.extend([0; 16]);
    }
    let strtab = SYMTAB + symbols.len();
    let sections = strtab + names.len();
    let length = sections + 3 * SHDR_SIZE;

    let mut image = vec![0; SYMTAB];
    image[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    put(&mut image, 16, &ET_DYN.to_le_bytes());
    put(&mut image, 18, &EM_X86_64.to_le_bytes());
    put(&mut image, 32, &64_u64.to_le_bytes());
    put(&mut image, 40, &(sections as u64).to_le_bytes());
    put(&mut image, 54, &(PHDR_SIZE as u16).to_le_bytes());
    put(&mut image, 56, &2_u16.to_le_bytes());
    put(&mut image, 58, &(SHDR_SIZE as u16).to_le_bytes());
    put(&mut image, 60, &3_u16.to_le_bytes());
    segment(&mut image, 64, PT_LOAD, 0, length as u64);
    segment(&mut image, 64 + PHDR_SIZE, PT_DYNAMIC, SYMTAB as u64, 16);
    image.extend(&symbols);
    image.extend(&names);
    image.resize(length, 0);
    section(&mut image, sections + SHDR_SIZE, SHT_DYNSYM, SYMTAB, symbols.len(), 2, SYM_SIZE);
    section(&mut image, sections + 2 * SHDR_SIZE, SHT_STRTAB, strtab, names.len(), 0, 0);
    image
}

fn put(image: &mut [u8], at: usize, bytes: &[u8]) {
    image[at..at + bytes.len()].copy_from_slice(bytes);
}

fn segment(image: &mut [u8], at: usize, kind: u32, offset: u64, size: u64) {
    put(image, at, &kind.to_le_bytes());
    put(image, at + 8, &offset.to_le_bytes());
    put(image, at + 32, &size.to_le_bytes());
    put(image, at + 40, &size.to_le_bytes());
}

fn section(image: &mut [u8], at: usize, kind: u32, offset: usize, size: usize, link: u32, entry: usize) {
    put(image, at + 4, &kind.to_le_bytes());
    put(image, at + 24, &(offset as u64).to_le_bytes());
    put(image, at + 32, &(size as u64).to_le_bytes());
    put(image, at + 40, &link.to_le_bytes());
    put(image, at + 56, &(entry as u64).to_le_bytes());
}

fn fault(change: impl FnOnce(&mut Vec<u8>)) -> ElfFault {
    let mut image = image();
    change(&mut image);
    inspect(&image, &[]).unwrap_err()
}

fn sections_at(image: &[u8]) -> usize {
    image.len() - 3 * SHDR_SIZE
}

#[test]
fn only_undefined_global_python_symbols_become_weak() {
    let before = image();
    let inspection = inspect(&before, &[]).unwrap();
    assert!(inspection.needs_python());
    let mut after = before.clone();
    assert_eq!(weaken_python_symbols(&mut after, &inspection), Ok(2));
    let changed: Vec<_> = (0..before.len()).filter(|at| before[*at] != after[*at]).collect();
    assert_eq!(changed, [SYMTAB + SYM_SIZE + 4, SYMTAB + 2 * SYM_SIZE + 4]);
    // The type, in the lower half, stays: 1 is data, 2 a function.
    assert_eq!((after[changed[0]], after[changed[1]]), (0x21, 0x22));
    assert!(!inspect(&after, &[]).unwrap().needs_python());
}

#[test]
fn a_name_counts_as_there_only_when_it_is_defined() {
    let inspection = inspect(&image(), &["ZarrStream_create", "malloc", "ZarrStream_close"]).unwrap();
    assert_eq!(inspection.missing(), ["malloc", "ZarrStream_close"]);
}

#[test]
fn an_inspection_of_another_image_is_refused_not_a_panic() {
    let inspection = inspect(&image(), &[]).unwrap();
    let mut short = image();
    short.truncate(100);
    assert!(matches!(weaken_python_symbols(&mut short, &inspection), Err(ElfFault::Malformed(_))));
}

#[test]
fn every_cut_of_the_image_is_an_error() {
    let image = image();
    for length in 0..image.len() {
        let error = inspect(&image[..length], &[]).unwrap_err();
        match length {
            0 => assert_eq!(error, ElfFault::Empty),
            1..4 => assert_eq!(error, ElfFault::NotElf),
            _ => assert!(matches!(error, ElfFault::Truncated { .. }), "{length}: {error}"),
        }
    }
}

#[test]
fn a_segment_past_the_end_is_refused_because_mapping_it_would_kill_the_process() {
    let error = fault(|image| put(image, 64 + 32, &u64::MAX.to_le_bytes()));
    assert!(matches!(error, ElfFault::Truncated { .. }), "{error}");
    let error = fault(|image| {
        put(image, 64 + 8, &1_u64.to_le_bytes());
        put(image, 64 + 32, &u64::MAX.to_le_bytes());
    });
    assert_eq!(error, ElfFault::Malformed("a size overflows"));
}

#[test]
fn tables_that_contradict_the_format_are_named() {
    let machine = fault(|image| put(image, 18, &[183, 0]));
    assert_eq!(machine.to_string(), "it is built for 64-bit ARM; this process runs on x86-64");
    assert_eq!(fault(|image| image[4] = 1), ElfFault::Class("32-bit"));
    assert_eq!(fault(|image| image[5] = 2), ElfFault::Class("64-bit big-endian"));
    assert_eq!(fault(|image| image[16] = 1), ElfFault::Kind("an object file"));
    assert_eq!(fault(|image| put(image, 56, &[0, 0])), ElfFault::Malformed("no program headers"));
    assert_eq!(fault(|image| put(image, 64, &[9])), ElfFault::Malformed("nothing to load"));
    assert_eq!(
        fault(|image| put(image, 60, &[0, 0])),
        ElfFault::Malformed("no section headers, so no dynamic symbol table can be found")
    );
    let string_table = |image: &mut Vec<u8>| {
        let at = sections_at(image) + SHDR_SIZE + 40;
        put(image, at, &9_u32.to_le_bytes());
    };
    assert_eq!(fault(string_table), ElfFault::Malformed("the dynamic symbols name a string table that does not exist"));
}

#[test]
fn a_name_outside_the_string_table_or_without_an_end_is_refused() {
    let error = fault(|image| put(image, SYMTAB + SYM_SIZE, &u32::MAX.to_le_bytes()));
    assert_eq!(error, ElfFault::Malformed("a symbol's name lies outside the string table"));
    let error = fault(|image| {
        let at = sections_at(image) + 2 * SHDR_SIZE + 32;
        put(image, at, &5_u64.to_le_bytes());
    });
    assert_eq!(error, ElfFault::Malformed("a symbol's name does not end"));
}

proptest! {
    #[test]
    fn a_damaged_image_is_read_or_refused_but_never_a_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..20),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut image = image();
        for (at, bit) in flips {
            let at = at.index(image.len());
            image[at] ^= 1 << bit;
        }
        if let Some(cut) = cut {
            let length = cut.index(image.len());
            image.truncate(length);
        }
        if let Ok(inspection) = inspect(&image, &["ZarrStream_create"]) {
            let before = image.clone();
            let changed = weaken_python_symbols(&mut image, &inspection).unwrap();
            let different = before.iter().zip(&image).filter(|(a, b)| a != b).count();
            prop_assert!(different <= changed);
            prop_assert!(!inspect(&image, &[]).is_ok_and(|again| again.needs_python() && changed == 0));
        }
    }

    #[test]
    fn any_bytes_are_refused_but_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(inspect(&bytes, &[]).is_err());
        let elf = [&b"\x7fELF\x02\x01"[..], &bytes].concat();
        prop_assert!(inspect(&elf, &[]).is_err());
    }
}
