//! NumPy's archive: a ZIP file with .npy files in it. One of them is read.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::DeflateDecoder;
use zip::{CompressionMethod, ZipArchive};

use super::npy;
use super::source::{FrameSource, InputError, READ_BUFFER};

/// Where an array lies in the archive.
#[derive(Clone, Copy)]
struct Entry {
    start: u64,
    packed: u64,
    deflated: bool,
}

/// Opens the only array of an archive.
///
/// # Errors
/// Where it has none or several, or the array cannot be taken.
pub fn open(path: &Path) -> Result<Box<dyn FrameSource>, InputError> {
    let unusable = |problem: String| InputError::Unusable(problem);
    let mut archive = ZipArchive::new(BufReader::with_capacity(READ_BUFFER, File::open(path)?))
        .map_err(|problem| unusable(format!("it cannot be read as a ZIP archive: {problem}")))?;
    let names: Vec<String> = archive
        .file_names()
        .filter_map(|name| name.ok().map(|name| name.into_owned()))
        .filter(|name| name.ends_with(".npy"))
        .collect();
    let [name] = names.as_slice() else {
        let listed = names.iter().take(8).map(|name| name.trim_end_matches(".npy")).collect::<Vec<_>>().join(", ");
        return Err(unusable(match names.len() {
            0 => "it is a ZIP archive without a NumPy array; unpack it first".into(),
            count => {
                format!("it holds {count} arrays ({listed}); one is read: save the one that you mean with numpy.save")
            }
        }));
    };
    let (entry, length) = {
        let file =
            archive.by_name(name).map_err(|problem| unusable(format!("its array {name} cannot be read: {problem}")))?;
        let deflated = match file.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => return Err(unusable(format!("its array is compressed with {other}; deflate and none are read"))),
        };
        let start = file.data_start().ok_or_else(|| unusable("its array is nowhere".into()))?;
        (Entry { start, packed: file.compressed_size(), deflated }, file.size())
    };
    let path = path.to_owned();
    let again = move || reader(&path, entry);
    let first = again()?;
    npy::open(first, Some(length), Some(Box::new(again)))
}

fn reader(path: &Path, entry: Entry) -> io::Result<Box<dyn Read>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(entry.start))?;
    let packed = BufReader::with_capacity(READ_BUFFER, file).take(entry.packed);
    Ok(if entry.deflated {
        Box::new(BufReader::with_capacity(READ_BUFFER, DeflateDecoder::new(packed)))
    } else {
        Box::new(packed)
    })
}
