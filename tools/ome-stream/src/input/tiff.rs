//! Multi-page TIFF, decoded page by page.
//!
//! Every page must be a grey image of the same size and pixel type. The directories of all pages are read at first, so
//! that a file that cannot be taken is refused before anything is written.

use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ome_stream::settings::DataType;
use tiff::ColorType;
use tiff::decoder::{Decoder, Limits};
use tiff::tags::{PhotometricInterpretation, SampleFormat, Tag};
use tiff::{TiffError, TiffFormatError};

use super::tiff_description::declared_frames;
use super::{FrameSource, Frames, Image, InputError, Next};

/// Most bytes of one strip or tile as it lies in the file, where a frame is smaller; else twice the frame.
const MIN_STRIP_LIMIT: usize = 128 << 20;

/// The pages of a TIFF file.
pub struct Tiff<R: Read + Seek> {
    decoder: Decoder<R>,
    image: Image,
    /// Pages whose directories could be read.
    pages: u64,
    /// Frames that the first page's description declares, if those are more than there are pages.
    declared: Option<u64>,
    /// Why the chain of pages ends before its end.
    broken: Option<String>,
    /// Pages that were decoded.
    read: u64,
}

/// What all pages have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Page {
    rows: u32,
    columns: u32,
    dtype: DataType,
}

impl std::fmt::Display for Page {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} x {} pixels of {}", self.rows, self.columns, self.dtype)
    }
}

impl<R: Read + Seek> Tiff<R> {
    /// Reads the directories of all pages.
    pub fn new(reader: R) -> Result<Self, InputError> {
        let mut decoder = guarded(|| Decoder::new(reader)).map_err(|problem| match problem {
            TiffError::FormatError(TiffFormatError::TiffSignatureNotFound | TiffFormatError::TiffSignatureInvalid) => {
                unusable("it is not a TIFF file: it does not begin as one")
            }
            other if is_end(&other) => InputError::CutHeader,
            other => unusable(format!("its first page cannot be read: {other}")),
        })?;
        let first = page(&mut decoder, 0)?;
        let declared = guarded(|| decoder.find_tag(Tag::ImageDescription))
            .ok()
            .flatten()
            .and_then(|value| value.into_string().ok())
            .and_then(|text| declared_frames(&text, first.rows.into(), first.columns.into()));
        let mut pages = 1;
        let mut broken = None;
        while decoder.more_images() {
            match guarded(|| decoder.next_image()) {
                Ok(()) => {}
                Err(problem @ TiffError::UnsupportedError(_)) => {
                    return Err(unusable(format!("page {pages} cannot be read: {problem}")));
                }
                Err(problem) => {
                    broken = Some(text_of(&problem));
                    break;
                }
            }
            let other = page(&mut decoder, pages)?;
            if other != first {
                return Err(unusable(format!(
                    "its pages are not alike: page 0 has {first}, page {pages} has {other}; one image to a file is read"
                )));
            }
            pages += 1;
        }
        let declared = declared.filter(|declared| *declared > pages);
        if let (None, Some(declared)) = (&broken, declared) {
            return Err(unusable(format!(
                "its description declares {declared} images, but it has {pages} page(s): the others lie in it without \
                 pages of their own, as ImageJ and tifffile store large stacks; save it as OME-TIFF or BigTIFF, or as .npy"
            )));
        }
        let mut limits = Limits::default();
        let frame = (first.rows as usize).saturating_mul(first.columns as usize).saturating_mul(first.dtype.size());
        limits.intermediate_buffer_size = frame.saturating_mul(2).max(MIN_STRIP_LIMIT);
        let frames = declared.unwrap_or(pages);
        let shape = match frames {
            1 => vec![first.rows.into(), first.columns.into()],
            _ => vec![frames, first.rows.into(), first.columns.into()],
        };
        Ok(Self {
            decoder: decoder.with_limits(limits),
            image: Image { shape, dtype: first.dtype },
            pages,
            declared,
            broken,
            read: 0,
        })
    }
}

impl<R: Read + Seek> FrameSource for Tiff<R> {
    fn image(&self) -> Option<&Image> {
        Some(&self.image)
    }

    fn frames(&self, _frame_bytes: u64) -> Frames {
        let declared = if self.broken.is_some() { self.declared } else { Some(self.pages) };
        Frames { present: Some(self.pages), declared }
    }

    fn next_frame(&mut self, frame: &mut [u8]) -> Result<Next, InputError> {
        if self.read == self.pages {
            return match &self.broken {
                None => Ok(Next::End),
                Some(problem) => Err(unusable(format!("page {} cannot be read: {problem}", self.read))),
            };
        }
        let (decoder, read) = (&mut self.decoder, self.read);
        guarded(|| {
            decoder.seek_to_image(usize::try_from(read)?)?;
            decoder.read_image_bytes(frame)
        })
        .map_err(|problem| unusable(format!("page {read} cannot be read: {}", text_of(&problem))))?;
        self.read += 1;
        Ok(Next::Frame)
    }
}

fn unusable(message: impl Into<String>) -> InputError {
    InputError::Unusable(message.into())
}

/// Size and pixel type of the page that the decoder is at, if it can be taken.
fn page<R: Read + Seek>(decoder: &mut Decoder<R>, number: u64) -> Result<Page, InputError> {
    let refuse = |problem: String| Err(unusable(format!("page {number} {problem}")));
    let read = guarded(|| {
        let (columns, rows) = decoder.dimensions()?;
        let photometric: Option<u16> = decoder.find_tag_unsigned(Tag::PhotometricInterpretation)?;
        let formats: Vec<u16> = decoder.find_tag_unsigned_vec(Tag::SampleFormat)?.unwrap_or_default();
        let samples: Option<u16> = decoder.find_tag_unsigned(Tag::SamplesPerPixel)?;
        Ok((rows, columns, photometric, formats, samples, decoder.colortype()))
    });
    let (rows, columns, photometric, formats, samples, color) = match read {
        Ok(read) => read,
        Err(problem) => return refuse(format!("cannot be read: {}", text_of(&problem))),
    };
    match photometric.and_then(PhotometricInterpretation::from_u16) {
        Some(PhotometricInterpretation::BlackIsZero) => {}
        Some(PhotometricInterpretation::WhiteIsZero) => {
            return refuse(
                "stores white as 0 (WhiteIsZero), which the store cannot tell; save it as BlackIsZero".into(),
            );
        }
        Some(PhotometricInterpretation::RGBPalette) => {
            return refuse("is a colour palette image; grey images are taken: save it without a palette".into());
        }
        _ => return refuse("is a colour image; grey images are taken: save each channel as pages of its own".into()),
    }
    if let Some(samples @ 2..) = samples {
        return refuse(format!("has {samples} samples to a pixel; one is taken: save each as pages of its own"));
    }
    let bits = match color {
        Ok(ColorType::Gray(bits)) => bits,
        Ok(other) => return refuse(format!("is no grey image ({other:?})")),
        Err(problem) => return refuse(format!("cannot be read: {}", text_of(&problem))),
    };
    let format = formats.first().map_or(SampleFormat::Uint, |format| SampleFormat::from_u16_exhaustive(*format));
    let dtype = match (format, bits) {
        (SampleFormat::Uint, 8) => DataType::UInt8,
        (SampleFormat::Uint, 16) => DataType::UInt16,
        (SampleFormat::Uint, 32) => DataType::UInt32,
        (SampleFormat::Uint, 64) => DataType::UInt64,
        (SampleFormat::Int, 8) => DataType::Int8,
        (SampleFormat::Int, 16) => DataType::Int16,
        (SampleFormat::Int, 32) => DataType::Int32,
        (SampleFormat::Int, 64) => DataType::Int64,
        (SampleFormat::IEEEFP, 16) => DataType::Float16,
        (SampleFormat::IEEEFP, 32) => DataType::Float32,
        (SampleFormat::IEEEFP, 64) => DataType::Float64,
        _ => {
            return refuse(format!(
                "has {bits}-bit samples of format {format:?}; integers of 8, 16, 32, 64 bits and floats of 16, 32, 64 are taken"
            ));
        }
    };
    Ok(Page { rows, columns, dtype })
}

/// Runs the foreign decoder: a panic in it, which a damaged file may cause, is an error like any other.
fn guarded<T>(decode: impl FnOnce() -> Result<T, TiffError>) -> Result<T, TiffError> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        Err(TiffError::FormatError(TiffFormatError::CompressedDataCorrupt("the decoder gave up".into())))
    })
}

fn is_end(problem: &TiffError) -> bool {
    matches!(problem, TiffError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof)
}

fn text_of(problem: &TiffError) -> String {
    if is_end(problem) { "the file ends before it".to_owned() } else { problem.to_string() }
}
