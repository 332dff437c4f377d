//! What a file is by its first bytes. A name may lie, and a pipe has none.

/// Bytes that are looked at: DICOM has its letters the farthest from the beginning.
pub const BYTES: usize = 132;

/// What first bytes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    Tiff,
    Npy,
    Npz,
    /// Known, and not read: what it is, and what to do.
    Foreign(&'static str, &'static str),
}

use Container::{Foreign, Npy, Npz, Tiff};

const BIOFORMATS: &str = "convert it with `bfconvert -compression zlib IN OUT.ome.tif` (Bio-Formats)";
const ARRAY: &str = "save the array that you mean with numpy.save";
const PICTURE: &str = "convert it with `magick IN OUT.tif`";
const UNPACK: &str = "unpack it first";

const KNOWN: [(&[u8], Container); 29] = [
    (b"II*\0", Tiff),
    (b"MM\0*", Tiff),
    (b"II+\0\x08\0\0\0", Tiff),
    (b"MM\0+\0\x08\0\0", Tiff),
    (b"\x93NUMPY", Npy),
    (b"PK\x03\x04", Npz),
    (b"PK\x05\x06", Npz),
    (b"\x89HDF\r\n\x1a\n", Foreign("an HDF5 file (HDF5, Imaris, NetCDF)", ARRAY)),
    (b"CDF\x01", Foreign("a NetCDF file", ARRAY)),
    (b"CDF\x02", Foreign("a NetCDF file", ARRAY)),
    (b"\x89PNG\r\n\x1a\n", Foreign("a PNG image", PICTURE)),
    // Any segment may be the first one of a JPEG: JFIF, EXIF, a color profile, tables.
    (b"\xff\xd8\xff", Foreign("a JPEG image", PICTURE)),
    (b"GIF87a", Foreign("a GIF image", PICTURE)),
    (b"GIF89a", Foreign("a GIF image", PICTURE)),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Foreign("a JPEG 2000 or old ND2 file", BIOFORMATS)),
    (b"\xffO\xffQ", Foreign("a JPEG 2000 stream", BIOFORMATS)),
    (b"ZISRAWFILE", Foreign("a CZI file", BIOFORMATS)),
    (b"\xda\xce\xbe\x0a\0\0\0\0", Foreign("an ND2 file", BIOFORMATS)),
    (b"\xda\xce\xbe\x0a", Foreign("an ND2 file", BIOFORMATS)),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Foreign("an OLE file (OIB, ZVI, FLEX)", BIOFORMATS)),
    (b"SIMPLE  =", Foreign("a FITS file", ARRAY)),
    (b"NRRD000", Foreign("an NRRD file", ARRAY)),
    (b"MATLAB 5.0 MAT-file", Foreign("a MATLAB file", ARRAY)),
    (b"MATLAB 7.3 MAT-file", Foreign("a MATLAB file", ARRAY)),
    (b"\x1f\x8b\x08", Foreign("a gzip archive", UNPACK)),
    (b"\x28\xb5\x2f\xfd", Foreign("a Zstandard archive", UNPACK)),
    (b"\xfd7zXZ\0", Foreign("an xz archive", UNPACK)),
    (b"7z\xbc\xaf\x27\x1c", Foreign("a 7z archive", UNPACK)),
    (b"%PDF-", Foreign("a PDF document", PICTURE)),
];

/// Formats whose first bytes alone are too few to tell: the beginning, then other bytes and where they are.
const MARKED: [(&[u8], usize, &[u8], Container); 5] = [
    (b"\x70\0\0\0", 8, b"\x2a", Foreign("a LIF file", BIOFORMATS)),
    (b"RIFF", 8, b"WEBP", Foreign("a WebP image", PICTURE)),
    (b"RIFF", 8, b"AVI ", Foreign("an AVI movie", BIOFORMATS)),
    (b"BM", 14, b"\x28\0\0\0", Foreign("a BMP image", PICTURE)),
    // Before its letters are bytes of no meaning.
    (b"", 128, b"DICM", Foreign("a DICOM file", BIOFORMATS)),
];

/// What begins with these bytes; `None` for anything that is not known.
pub fn container(first: &[u8]) -> Option<Container> {
    let known = KNOWN.iter().find(|(bytes, _)| first.starts_with(bytes)).map(|(_, container)| *container);
    let marked = |(begin, at, mark, container): &(&[u8], usize, &[u8], Container)| {
        let behind = first.get(*at..).unwrap_or_default();
        (first.starts_with(begin) && behind.starts_with(mark)).then_some(*container)
    };
    known.or_else(|| MARKED.iter().find_map(marked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_decide() {
        assert_eq!(container(b"II*\0\x08\0\0\0"), Some(Tiff));
        assert_eq!(container(b"PK\x03\x04\x14"), Some(Npz));
        assert!(matches!(container(b"\x89PNG\r\n\x1a\n"), Some(Foreign("a PNG image", _))));
        assert!(matches!(container(b"\xff\xd8\xff\xe2\x02\x1cICC_PROFILE"), Some(Foreign("a JPEG image", _))));
        let dicom = [&[0; 128][..], b"DICM"].concat();
        assert!(matches!(container(&dicom), Some(Foreign("a DICOM file", _))));
        assert_eq!(container(&dicom[..131]), None);
        assert_eq!(container(b"RIFF\0\0\0\0WAVE"), None);
        assert_eq!(container(&[0; BYTES]), None);
        assert_eq!(container(b"II"), None);
        assert!(KNOWN.iter().all(|(bytes, _)| bytes.len() <= BYTES));
        assert!(MARKED.iter().all(|(_, at, mark, _)| at + mark.len() <= BYTES));
    }
}
