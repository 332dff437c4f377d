use object::elf::SHT_STRTAB;
use proptest::prelude::*;

use super::*;

const PHDR_SIZE: usize = 56;
const SHDR_SIZE: usize = 64;
const SYM_SIZE: usize = 24;

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
    image[..7].copy_from_slice(b"\x7fELF\x02\x01\x01"); // 64-bit, little-endian, version 1
    put(&mut image, 16, &ET_DYN.0.to_le_bytes());
    put(&mut image, 18, &EM_X86_64.0.to_le_bytes());
    put(&mut image, 32, &64_u64.to_le_bytes());
    put(&mut image, 40, &(sections as u64).to_le_bytes());
    put(&mut image, 54, &(PHDR_SIZE as u16).to_le_bytes());
    put(&mut image, 56, &2_u16.to_le_bytes());
    put(&mut image, 58, &(SHDR_SIZE as u16).to_le_bytes());
    put(&mut image, 60, &3_u16.to_le_bytes());
    segment(&mut image, 64, PT_LOAD.0, 0, length as u64);
    segment(&mut image, 64 + PHDR_SIZE, PT_DYNAMIC.0, SYMTAB as u64, 16);
    image.extend(&symbols);
    image.extend(&names);
    image.resize(length, 0);
    section(&mut image, sections + SHDR_SIZE, SHT_DYNSYM.0, SYMTAB, symbols.len(), 2, SYM_SIZE);
    section(&mut image, sections + 2 * SHDR_SIZE, SHT_STRTAB.0, strtab, names.len(), 0, 0);
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

/// What is said of the image after a change.
fn fault(change: impl FnOnce(&mut Vec<u8>)) -> String {
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
    let found = inspect(&before, &[]).unwrap();
    let mut after = before.clone();
    weaken(&mut after, &found.python);
    let changed: Vec<_> = (0..before.len()).filter(|at| before[*at] != after[*at]).collect();
    assert_eq!(changed, [SYMTAB + SYM_SIZE + 4, SYMTAB + 2 * SYM_SIZE + 4]);
    // The type, in the lower half, stays: 1 is data, 2 a function.
    assert_eq!((after[changed[0]], after[changed[1]]), (0x21, 0x22));
    assert_eq!(inspect(&after, &[]).unwrap().python, [0_usize; 0]);
}

#[test]
fn a_name_counts_as_there_only_when_it_is_defined() {
    let missing = |required: &[&'static str]| inspect(&image(), required).unwrap().missing;
    assert_eq!(missing(&["ZarrStream_create"]), None);
    assert_eq!(missing(&["ZarrStream_create", "malloc"]), Some("malloc"));
    assert_eq!(missing(&["ZarrStream_close", "malloc"]), Some("ZarrStream_close"));
}

#[test]
fn every_cut_of_the_image_is_an_error() {
    let image = image();
    for length in 0..image.len() {
        let reason = inspect(&image[..length], &[]).unwrap_err();
        let expected = match length {
            0 => "the file is empty",
            1..4 => "it is not an ELF shared library",
            _ => "cut short",
        };
        assert!(reason.contains(expected), "{length}: {reason}");
    }
}

#[test]
fn what_is_no_elf_file_is_told_apart() {
    let said = |bytes: &[u8]| inspect(bytes, &[]).unwrap_err();
    assert!(said(b"/* GNU ld script */\nINPUT(libfoo.so.1)\n").contains("text file"));
    // A character that the part looked at would cut.
    assert!(said(format!("#!{}\u{e4}{0}", "a".repeat(509)).as_bytes()).contains("text file"));
    assert!(said(b"MZ\x90\0\x03\0\0\0").contains("not an ELF"));
    assert!(said("text, then\0".as_bytes()).contains("not an ELF"));
    assert!(said(b"text, then \xff and more").contains("not an ELF"));
}

#[test]
fn a_segment_past_the_end_is_refused() {
    let reason = fault(|image| put(image, 64 + 32, &u64::MAX.to_le_bytes()));
    assert!(reason.contains("cut short"), "{reason}");
    let reason = fault(|image| {
        put(image, 64 + 8, &1_u64.to_le_bytes());
        put(image, 64 + 32, &u64::MAX.to_le_bytes());
    });
    assert!(reason.contains("cut short"), "{reason}");
    let reason = fault(|image| put(image, 64 + 40, &1_u64.to_le_bytes()));
    assert!(reason.contains("larger in the file than in memory"), "{reason}");
}

#[test]
fn tables_that_contradict_the_format_are_refused() {
    type Change = fn(&mut Vec<u8>);
    let cases: [(&str, Change); 10] = [
        ("64-bit ARM", |image| put(image, 18, &[183, 0])),
        ("number 243", |image| put(image, 18, &[243, 0])),
        ("another kind", |image| image[4] = 1), // 32-bit
        ("another kind", |image| image[5] = 2), // big-endian
        ("an object file", |image| image[16] = 1),
        ("nothing to load", |image| put(image, 56, &[0, 0])),
        ("nothing to load", |image| put(image, 64, &[9])),
        // String table that is not there; names outside of it, without an end.
        ("damaged", |image| {
            let at = sections_at(image) + SHDR_SIZE + 40;
            put(image, at, &9_u32.to_le_bytes());
        }),
        ("damaged", |image| put(image, SYMTAB + SYM_SIZE, &u32::MAX.to_le_bytes())),
        ("damaged", |image| {
            let at = sections_at(image) + 2 * SHDR_SIZE + 32;
            put(image, at, &5_u64.to_le_bytes());
        }),
    ];
    for (expected, change) in cases {
        let reason = fault(change);
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
    let mut nameless = image();
    put(&mut nameless, 60, &[0, 0]);
    assert_eq!(inspect(&nameless, &["ZarrStream_create"]).unwrap().missing, Some("ZarrStream_create"));
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
        if let Ok(found) = inspect(&image, &["ZarrStream_create"]) {
            let before = image.clone();
            weaken(&mut image, &found.python);
            let different = before.iter().zip(&image).filter(|(a, b)| a != b).count();
            prop_assert!(different <= found.python.len());
            prop_assert!(found.python.iter().all(|at| *at < image.len()));
        }
    }

    #[test]
    fn any_bytes_are_refused_but_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(inspect(&bytes, &[]).is_err());
        let elf = [&b"\x7fELF\x02\x01"[..], &bytes].concat();
        prop_assert!(inspect(&elf, &[]).is_err());
    }
}
