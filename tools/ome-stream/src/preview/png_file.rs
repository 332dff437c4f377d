//! The picture as a PNG file, written beside its place and then put there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::canvas::Canvas;

/// What a PNG file begins with.
const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Why a picture may not or cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    #[error("{0}: it is there and is no PNG file, and nothing else is replaced; give another name, or remove it")]
    NoPng(PathBuf),
    #[error("{0}: it lies in the store, where files of others do not belong; give a name outside of it")]
    InStore(PathBuf),
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    #[error("the picture cannot be encoded: {0}")]
    Encoding(#[from] png::EncodingError),
}

/// Refuses a place where no picture may be written: a file that is no PNG, a folder, a place in the store at `store`.
pub fn check(path: &Path, store: &Path) -> Result<(), PngError> {
    let io_at = |error| PngError::Io(path.to_owned(), error);
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs::canonicalize(parent).map_err(|error| PngError::Io(parent.to_owned(), error))?;
    // A store that is still to be made holds nothing yet.
    if fs::canonicalize(store).is_ok_and(|store| folder.starts_with(store)) {
        return Err(PngError::InStore(path.to_owned()));
    }
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_at(error)),
        Ok(there) if !there.is_file() => Err(PngError::NoPng(path.to_owned())),
        Ok(_) => {
            let mut head = Vec::new();
            File::open(path).and_then(|file| file.take(8).read_to_end(&mut head)).map_err(io_at)?;
            if head.is_empty() || head == SIGNATURE { Ok(()) } else { Err(PngError::NoPng(path.to_owned())) }
        }
    }
}

/// Writes the picture at `path`: a file that is there is replaced once the new one is whole.
pub fn write(path: &Path, canvas: &Canvas) -> Result<(), PngError> {
    let io_at = |error| PngError::Io(path.to_owned(), error);
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let partial = path.with_file_name(name);
    let written = OpenOptions::new().write(true).create_new(true).open(&partial).map_err(io_at).and_then(|mut file| {
        file.write_all(&encoded(canvas)?).map_err(io_at)?;
        fs::rename(&partial, path).map_err(io_at)
    });
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}

/// The bytes of the picture as a PNG file.
pub fn encoded(canvas: &Canvas) -> Result<Vec<u8>, PngError> {
    let mut bytes = Vec::new();
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut bytes, side(canvas.width()), side(canvas.height()));
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(canvas.bytes())?;
    writer.finish()?;
    Ok(bytes)
}
