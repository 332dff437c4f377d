//! A folder: an NDTiff data set, or TIFF files of one frame each, in the order of the numbers in their names.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Asked, FrameSource, InputError, ndtiff, tiff};

/// Opens a folder.
///
/// # Errors
/// Where it holds no frames, or files that are not alike.
pub fn open(path: &Path, asked: Asked) -> Result<Box<dyn FrameSource>, InputError> {
    if let Some(data_set) = ndtiff::of_folder(path, asked)? {
        return Ok(data_set);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        // Names with a dot before them are those of other systems' notes.
        if (name.ends_with(".tif") || name.ends_with(".tiff")) && !name.starts_with('.') && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(InputError::Unusable(
            "it is a folder without TIFF files; give a file, a folder of TIFF files of one frame each, or - for standard input"
                .into(),
        ));
    }
    files.sort_by(natural);
    Ok(Box::new(tiff::Tiff::of_files(&files)?))
}

/// As people count: frame_2 before frame_10.
fn natural(one: &PathBuf, other: &PathBuf) -> Ordering {
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (one, other) = (name(one), name(other));
    let (mut left, mut right) = (one.as_str(), other.as_str());
    loop {
        let (Some(a), Some(b)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| one.cmp(&other));
        };
        if a.is_ascii_digit() && b.is_ascii_digit() {
            let (number, rest) = digits(left);
            let (other_number, other_rest) = digits(right);
            let by_value = number.len().cmp(&other_number.len()).then_with(|| number.cmp(other_number));
            if by_value != Ordering::Equal {
                return by_value;
            }
            (left, right) = (rest, other_rest);
        } else if a != b {
            return a.cmp(&b);
        } else {
            (left, right) =
                (left.get(a.len_utf8()..).unwrap_or_default(), right.get(b.len_utf8()..).unwrap_or_default());
        }
    }
}

/// The number at the beginning, without the zeros before it, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|each: char| !each.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    (number.trim_start_matches('0'), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_counted() {
        let mut names: Vec<PathBuf> =
            ["f10.tif", "f9.tif", "f1.tif", "f010_b.tif", "f010_a.tif", "e2.tif"].map(PathBuf::from).to_vec();
        names.sort_by(natural);
        assert_eq!(names, ["e2.tif", "f1.tif", "f9.tif", "f10.tif", "f010_a.tif", "f010_b.tif"].map(PathBuf::from));
    }
}
