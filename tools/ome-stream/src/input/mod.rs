//! Where frames come from: one trait, and a file for each kind of input.

mod folder;
mod fortran;
mod known;
mod micromanager;
mod ndtiff;
mod npy;
mod npy_header;
mod npz;
mod raw;
mod signature;
mod source;
mod tiff;
pub mod units;
mod window;

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

pub use known::Known;
pub use source::{Asked, FrameSource, Frames, Image, InputError, Kind, Next};

use self::signature::Container;
use self::source::{READ_BUFFER, read_full};

/// The path that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

/// Opens an input. What the user says comes first, then the first bytes; the name's ending is only asked where those
/// tell nothing, so that a damaged file is not taken for raw frames.
///
/// # Errors
/// Where it cannot be read, or is of a kind that is not.
pub fn open(path: &Path, asked: Asked) -> Result<Box<dyn FrameSource>, InputError> {
    if path == Path::new(STANDARD_INPUT) {
        return open_pipe(BufReader::with_capacity(READ_BUFFER, io::stdin().lock()), None, asked);
    }
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return folder::open(path, asked);
    }
    let reader = BufReader::with_capacity(READ_BUFFER, file);
    // Pipes and devices have names too, and no length.
    if !metadata.is_file() {
        return open_pipe(reader, Some(path), asked);
    }
    let (first, reader) = peek(reader)?;
    let length = Some(metadata.len());
    Ok(match kind(&first, Some(path), asked)? {
        Kind::Raw => Box::new(raw::Raw::new(reader, length)),
        Kind::Npy => npy::open(reader, length, Some(reopen(path)))?,
        Kind::Npz => npz::open(path)?,
        Kind::Tiff => match ndtiff::of_file(path, &first, asked)? {
            Some(data_set) => data_set,
            None => Box::new(tiff::Tiff::open(path, asked)?),
        },
    })
}

fn open_pipe(
    reader: impl Read + 'static,
    path: Option<&Path>,
    asked: Asked,
) -> Result<Box<dyn FrameSource>, InputError> {
    let (first, reader) = peek(reader)?;
    Ok(match kind(&first, path, asked)? {
        Kind::Raw => Box::new(raw::Raw::new(reader, None)),
        Kind::Npy => npy::open(reader, None, None)?,
        Kind::Npz => {
            return Err(InputError::Unusable(
                "an .npz cannot be read from a pipe, because its directory is at its end; give a file, or pipe a .npy"
                    .into(),
            ));
        }
        Kind::Tiff => {
            return Err(InputError::Unusable(
                "a TIFF cannot be read from a pipe or from standard input, because its pages may lie in any order; give a file"
                    .into(),
            ));
        }
    })
}

/// Opens the same file once more.
fn reopen(path: &Path) -> fortran::Reopen {
    let path = path.to_owned();
    Box::new(move || Ok(Box::new(BufReader::with_capacity(READ_BUFFER, File::open(&path)?))))
}

/// The first bytes, and a reader that gives them once more.
fn peek(mut reader: impl Read + 'static) -> io::Result<(Vec<u8>, Box<dyn Read>)> {
    let mut first = vec![0; signature::BYTES];
    let got = read_full(&mut reader, &mut first)?;
    first.truncate(got);
    Ok((first.clone(), Box::new(Cursor::new(first).chain(reader))))
}

fn kind(first: &[u8], path: Option<&Path>, asked: Asked) -> Result<Kind, InputError> {
    if let Some(kind) = asked.kind {
        return Ok(kind);
    }
    match signature::container(first) {
        Some(Container::Tiff) => Ok(Kind::Tiff),
        Some(Container::Npy) => Ok(Kind::Npy),
        Some(Container::Npz) => Ok(Kind::Npz),
        Some(Container::Foreign(what, remedy)) => Err(InputError::Unusable(format!(
            "it is {what}, which is not read; {remedy}. If these are frames that happen to begin like one, say -t raw"
        ))),
        None => match path.map_or(Kind::Raw, kind_of) {
            Kind::Raw => Ok(Kind::Raw),
            Kind::Tiff => Err(InputError::Unusable(
                "it is not a TIFF file: it does not begin as one; say -t raw if it is frames without a header".into(),
            )),
            Kind::Npy => Err(match first.is_empty() || !b"\x93NUMPY".starts_with(first) {
                true => InputError::Unusable(
                    "it is not a .npy file: it does not begin with NumPy's magic; say -t raw if it is frames without a header"
                        .into(),
                ),
                false => InputError::CutHeader,
            }),
            Kind::Npz => Err(InputError::Unusable("it is not an .npz file: it does not begin as a ZIP archive".into())),
        },
    }
}

/// What the ending of a name promises.
fn kind_of(path: &Path) -> Kind {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    match ending.as_deref() {
        Some("npy") => Kind::Npy,
        Some("npz") => Kind::Npz,
        Some("tif" | "tiff" | "btf" | "tf8" | "tf2" | "lsm" | "stk") => Kind::Tiff,
        _ => Kind::Raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_tells_the_kind_in_either_letter_case() {
        assert_eq!(kind_of(Path::new("a/stack.NPY")), Kind::Npy);
        assert_eq!(kind_of(Path::new("a/stack.ome.tif")), Kind::Tiff);
        assert_eq!(kind_of(Path::new("stack.TIFF")), Kind::Tiff);
        assert_eq!(kind_of(Path::new("npy")), Kind::Raw);
        assert_eq!(kind_of(Path::new("a.npy/frames")), Kind::Raw);
    }
}
