//! Judges the tags of a page: what decides the pixels is honored or refused, what describes them is known to be
//! harmless.

use std::collections::BTreeSet;
use std::io::{Read, Seek};

use ome_stream::settings::DataType;

use super::super::InputError;
use super::codec;
use super::decode;
use super::directory::{Broken, Directory, Tags};
use super::page_layout::*;

const SUBFILE_TYPE: u16 = 255;
const FILL_ORDER: u16 = 266;
const ORIENTATION: u16 = 274;
const SUB_IFDS: u16 = 330;

/// What a page is.
pub enum Verdict {
    /// A frame, or several of them.
    Frame(PageLayout),
    /// The same image once more, smaller.
    Reduced,
}

/// What is known of the file beside the page.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context {
    /// ImageJ wrote it: palettes are only for display.
    pub imagej: bool,
}

/// Judges a page.
///
/// # Errors
/// Where something decides the pixels in a way that is not honored: with its name, and what would help.
pub fn judge<R: Read + Seek>(
    tags: &mut Tags<R>,
    directory: &Directory,
    context: Context,
    dropped: &mut BTreeSet<String>,
) -> Result<Verdict, Problem> {
    refuse_repeated(directory)?;
    if reduced(tags, directory)? {
        return Ok(Verdict::Reduced);
    }
    unusual(tags, directory)?;
    sub_directories(tags, directory, dropped)?;
    for entry in directory.entries() {
        match WELL_KNOWN.binary_search(&entry.tag) {
            Ok(_) => {}
            Err(_) => match DESCRIPTIVE.iter().find(|(tag, _)| *tag == entry.tag) {
                Some((_, name)) => drop(dropped.insert((*name).to_owned())),
                None => drop(dropped.insert(format!("tag {}", entry.tag))),
            },
        }
    }
    layout(tags, directory, context).map(Verdict::Frame)
}

/// What is wrong with a page, to be put behind "page N ".
#[derive(Debug)]
pub struct Problem(pub String);

impl Problem {
    /// The whole message.
    pub fn on(self, page: usize) -> InputError {
        InputError::Unusable(format!("page {page} {}", self.0))
    }
}

impl From<Broken> for Problem {
    fn from(broken: Broken) -> Self {
        Self(format!("cannot be read: {broken}"))
    }
}

fn refuse<T>(problem: impl Into<String>) -> Result<T, Problem> {
    Err(Problem(problem.into()))
}

/// A tag that decides the pixels and is there twice, with one value or another.
fn refuse_repeated(directory: &Directory) -> Result<(), Problem> {
    let decisive =
        [WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS, SAMPLES, PLANAR, TILE_OFFSETS, FORMAT];
    let count = |tag: &u16| directory.entries().iter().filter(|entry| entry.tag == *tag).count();
    match decisive.iter().find(|tag| count(tag) > 1) {
        Some(tag) => refuse(format!("has the tag {tag} twice, and it is not said which of the two counts")),
        None => Ok(()),
    }
}

fn reduced<R: Read + Seek>(tags: &mut Tags<R>, directory: &Directory) -> Result<bool, Problem> {
    let new = tags.first_unsigned(directory, NEW_SUBFILE_TYPE)?.unwrap_or(0);
    if new & 4 != 0 {
        return refuse("is a transparency mask (NewSubfileType 4); save the file without masks");
    }
    // 1 full resolution, 2 reduced, 3 a page of several; the tag that came before.
    Ok(new & 1 != 0 || tags.first_unsigned(directory, SUBFILE_TYPE)? == Some(2))
}

/// Tags that change what the pixels mean, and that hardly any file has.
fn unusual<R: Read + Seek>(tags: &mut Tags<R>, directory: &Directory) -> Result<(), Problem> {
    for (tag, usual, name, remedy) in [
        (ORIENTATION, 1, "Orientation", "turn it as it is shown, as with `magick IN.tif -auto-orient OUT.tif`"),
        (32997, 1, "ImageDepth", "save each plane as a page of its own"),
        (32998, 1, "TileDepth", "save each plane as a page of its own"),
        (32995, 0, "Matteing", "save it without transparency"),
        (33445, 128, "MD FileTag", "its pixels are square roots: save them as linear values"),
    ] {
        match tags.first_unsigned(directory, tag)? {
            Some(value) if value != usual => {
                return refuse(format!("has {name} {value} (tag {tag}), which is not honored; {remedy}"));
            }
            _ => {}
        }
    }
    for (tag, name) in [(32996, "DataType"), (50712, "LinearizationTable"), (50714, "BlackLevel")] {
        if directory.get(tag).is_some() {
            return refuse(format!("has {name} (tag {tag}), which is not honored; save it as a plain TIFF without it"));
        }
    }
    Ok(())
}

/// Directories below the page: smaller copies are left out, anything else would be lost.
fn sub_directories<R: Read + Seek>(
    tags: &mut Tags<R>,
    directory: &Directory,
    dropped: &mut BTreeSet<String>,
) -> Result<(), Problem> {
    let Some(entry) = directory.get(SUB_IFDS).copied() else { return Ok(()) };
    for place in tags.unsigned(&entry)? {
        let below = tags.directory(place)?;
        if !reduced(tags, &below)? {
            return refuse(
                "has images below it (SubIFDs) that are not smaller copies of it; save each as a page of its own",
            );
        }
    }
    dropped.insert("smaller copies of the image (SubIFDs)".to_owned());
    Ok(())
}

fn layout<R: Read + Seek>(tags: &mut Tags<R>, directory: &Directory, context: Context) -> Result<PageLayout, Problem> {
    let side = |tags: &mut Tags<R>, tag: u16, name: &str| match tags.first_unsigned(directory, tag)? {
        Some(side) => match u32::try_from(side) {
            Ok(side @ 1..) => Ok(side),
            _ => refuse(format!("has the {name} {side}")),
        },
        None => refuse(format!("has no {name} (tag {tag})")),
    };
    let columns = side(tags, WIDTH, "width")?;
    let rows = side(tags, LENGTH, "height")?;
    let samples = tags.first_unsigned(directory, SAMPLES)?.unwrap_or(1);
    let Ok(samples @ 1..) = u16::try_from(samples) else {
        return refuse(format!("has {samples} samples to a pixel"));
    };
    let color = photometric(tags, directory, context, samples)?;
    let bits = alike(tags, directory, BITS, 1, "BitsPerSample")?;
    let format = alike(tags, directory, FORMAT, 1, "SampleFormat")?;
    let dtype = dtype(bits, format)?;
    let compression = tags.first_unsigned(directory, COMPRESSION)?.unwrap_or(1);
    let compression = codec::check(compression).map_err(Problem)?;
    let planar = match tags.first_unsigned(directory, PLANAR)?.unwrap_or(1) {
        1 => false,
        2 => samples > 1,
        other => return refuse(format!("has the unknown PlanarConfiguration {other}")),
    };
    let reversed = match tags.first_unsigned(directory, FILL_ORDER)?.unwrap_or(1) {
        1 => false,
        2 if compression == codec::JPEG => return refuse("has FillOrder 2 with JPEG, which nothing defines"),
        2 => true,
        other => return refuse(format!("has the unknown FillOrder {other}")),
    };
    let predictor = predictor(tags, directory, compression, bits, format)?;
    if compression == codec::JPEG && bits != 8 {
        return refuse(format!(
            "is JPEG of {bits} bits, which is not read; convert it with `bfconvert -compression zlib IN.tif OUT.ome.tif`"
        ));
    }
    let tile = match directory.get(TILE_OFFSETS) {
        None => None,
        Some(_) if directory.get(STRIP_OFFSETS).is_some() => return refuse("has both strips and tiles"),
        Some(_) => Some((side(tags, TILE_WIDTH, "tile width")?, side(tags, TILE_LENGTH, "tile height")?)),
    };
    let strip_rows = tags.first_unsigned(directory, ROWS_PER_STRIP)?.unwrap_or(u64::from(rows));
    let strip_rows = match u32::try_from(strip_rows).unwrap_or(u32::MAX).min(rows) {
        0 => return refuse("has strips of no rows"),
        some => some,
    };
    let page = Page { rows, columns, bits, dtype, samples };
    let layout = PageLayout { page, format, compression, predictor, planar, color, reversed, tile, strip_rows };
    segments(directory, &layout)?;
    decode::check(&layout).map_err(Problem)?;
    Ok(layout)
}

/// Whether the page is red, green and blue; what is neither that nor grey is refused.
fn photometric<R: Read + Seek>(
    tags: &mut Tags<R>,
    directory: &Directory,
    context: Context,
    samples: u16,
) -> Result<bool, Problem> {
    let convert = "save it as RGB or as grey, as with `magick IN.tif -colorspace sRGB OUT.tif`";
    match tags.first_unsigned(directory, PHOTOMETRIC)? {
        None => refuse("does not say what its pixels mean (no PhotometricInterpretation); save it as BlackIsZero"),
        Some(0) => refuse(
            "stores white as 0 (WhiteIsZero), which the store cannot tell; save it as BlackIsZero, as with `magick IN.tif -define quantum:polarity=min-is-black OUT.tif`",
        ),
        Some(1) => Ok(false),
        Some(2) if samples >= 3 => Ok(true),
        Some(2) => refuse(format!("is RGB with {samples} sample(s) to a pixel")),
        // ImageJ keeps what it shows: the indices are the intensities.
        Some(3) if context.imagej && samples == 1 => Ok(false),
        Some(3) => refuse(
            "is a color palette image, whose pixels are numbers of colors; save it without a palette, as with `magick IN.tif -type TrueColor OUT.tif`",
        ),
        Some(4) => refuse("is a transparency mask; save the file without masks"),
        Some(5) => refuse(format!("is a CMYK image; {convert}")),
        Some(6) => refuse("is a YCbCr image; save it as RGB, as with `bfconvert -compression zlib IN.tif OUT.ome.tif`"),
        Some(8..=10) => refuse(format!("is a Lab image; {convert}")),
        Some(32803) => refuse(format!("is the color mosaic of a camera (CFA); {convert}")),
        Some(32844 | 32845) => refuse(format!("is a LogLuv image; {convert}")),
        Some(other) => refuse(format!("has the unknown PhotometricInterpretation {other}; {convert}")),
    }
}

/// The one value that all samples have.
fn alike<R: Read + Seek>(
    tags: &mut Tags<R>,
    directory: &Directory,
    tag: u16,
    otherwise: u64,
    name: &str,
) -> Result<u16, Problem> {
    let Some(entry) = directory.get(tag).copied() else { return Ok(otherwise as u16) };
    let values = tags.unsigned(&entry)?;
    match values.as_slice() {
        [] => refuse(format!("has a {name} without a value")),
        [first, others @ ..] if others.iter().all(|other| other == first) => {
            u16::try_from(*first).map_err(|_| Problem(format!("has the {name} {first}")))
        }
        _ => refuse(format!("has samples of different {name} ({values:?}); save each as pages of its own")),
    }
}

fn dtype(bits: u16, format: u16) -> Result<DataType, Problem> {
    Ok(match (format, bits) {
        (1, 1..=8) => DataType::UInt8,
        (1, 9..=16) => DataType::UInt16,
        (1, 32) => DataType::UInt32,
        (1, 64) => DataType::UInt64,
        (2, 8) => DataType::Int8,
        (2, 16) => DataType::Int16,
        (2, 32) => DataType::Int32,
        (2, 64) => DataType::Int64,
        (3, 16) => DataType::Float16,
        (3, 32) => DataType::Float32,
        (3, 64) => DataType::Float64,
        _ => {
            let format = match format {
                1 => "unsigned integers".to_owned(),
                2 => "signed integers".to_owned(),
                3 => "floats".to_owned(),
                5 | 6 => "complex numbers".to_owned(),
                other => format!("the unknown format {other}"),
            };
            return refuse(format!(
                "has {bits}-bit samples that are {format}; unsigned integers of 1 to 16, 32 and 64 bits, signed ones of \
                 8, 16, 32, 64 and floats of 16, 32, 64 are taken"
            ));
        }
    })
}

fn predictor<R: Read + Seek>(
    tags: &mut Tags<R>,
    directory: &Directory,
    compression: u16,
    bits: u16,
    format: u16,
) -> Result<u16, Problem> {
    let whole = matches!(bits, 8 | 16 | 32 | 64);
    match tags.first_unsigned(directory, PREDICTOR)?.unwrap_or(1) {
        1 => Ok(1),
        predictor if !codec::can_predict(compression) => {
            refuse(format!("has Predictor {predictor} with a compression that has no predictors"))
        }
        // Floats, too: as in libtiff, their bits are counted as whole numbers.
        2 if whole => Ok(2),
        3 if whole && format == 3 => Ok(3),
        other => refuse(format!(
            "has Predictor {other}, which is not read for such {bits}-bit samples; convert the file with \
             `tiffcp -c zip:p1 IN.tif OUT.tif`"
        )),
    }
}

/// As many strips or tiles as the size asks for.
fn segments(directory: &Directory, layout: &PageLayout) -> Result<(), Problem> {
    let sweeps = if layout.planar { u64::from(layout.page.samples) } else { 1 };
    let wanted = layout.segments() * sweeps;
    let (offsets, counts, name) = match layout.tile {
        Some(_) => (TILE_OFFSETS, TILE_COUNTS, "tiles"),
        None => (STRIP_OFFSETS, STRIP_COUNTS, "strips"),
    };
    let Some(offsets) = directory.get(offsets) else { return refuse("has neither strips nor tiles: no pixels") };
    let counts = match directory.get(counts) {
        Some(counts) => counts.count,
        None if layout.compression == codec::NONE => wanted,
        None => return refuse(format!("does not say how long its {name} are")),
    };
    if offsets.count != wanted || counts != wanted {
        return refuse(format!(
            "has {} {name} (and {counts} lengths of them), its size asks for {wanted}",
            offsets.count
        ));
    }
    Ok(())
}

/// Tags that are honored above or below, or say how the file came about without more to keep. Sorted.
const WELL_KNOWN: [u16; 73] = [
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 269, 270, 271, 272, 273, 274, 277, 278, 279, 280, 281, 282,
    283, 284, 285, 288, 289, 292, 293, 296, 297, 305, 306, 315, 316, 317, 322, 323, 324, 325, 326, 327, 328, 330, 332,
    334, 338, 339, 340, 341, 347, 512, 513, 514, 529, 530, 531, 532, 32995, 32997, 32998, 33432, 33445, 33628, 33629,
    33630, 33631, 34361, 34412, 50838, 50839, 51123,
];

/// Tags that describe and do not decide, with what is left behind.
const DESCRIPTIVE: [(u16, &str); 37] = [
    (286, "place on a page (XPosition)"),
    (287, "place on a page (YPosition)"),
    (290, "gray response curve"),
    (291, "gray response curve"),
    (301, "transfer function"),
    (318, "white point"),
    (319, "primary chromaticities"),
    (320, "color map"),
    (321, "halftone hints"),
    (333, "ink names"),
    (336, "dot range"),
    (337, "target printer"),
    (342, "transfer range"),
    (700, "XMP metadata"),
    (32781, "image id"),
    (33434, "exposure time (tag 33434)"),
    (33446, "MD scale (tag 33446)"),
    (33550, "map projection"),
    (33723, "IPTC metadata"),
    (33922, "map projection"),
    (34118, "metadata of an electron microscope (tag 34118)"),
    (34264, "map projection"),
    (34362, "FluoView stamp (tag 34362)"),
    (34377, "Photoshop metadata"),
    (34665, "EXIF metadata"),
    (34675, "ICC profile"),
    (34682, "metadata of an electron microscope (tag 34682)"),
    (34735, "map projection"),
    (34736, "map projection"),
    (34737, "map projection"),
    (34853, "GPS metadata"),
    (37724, "Photoshop layers"),
    (40094, "keywords"),
    (40095, "subject"),
    (42112, "GDAL metadata"),
    (42113, "the value of pixels without data (GDAL)"),
    (50341, "print image matching"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_well_known_tags_can_be_searched() {
        assert!(WELL_KNOWN.is_sorted());
        assert!(DESCRIPTIVE.iter().all(|(tag, _)| WELL_KNOWN.binary_search(tag).is_err()));
    }
}
