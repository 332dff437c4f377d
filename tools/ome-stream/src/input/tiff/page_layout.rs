//! Numbers of tags, and what the judged ones say of how pixels lie in a file.

use ome_stream::settings::DataType;

pub const NEW_SUBFILE_TYPE: u16 = 254;
pub const WIDTH: u16 = 256;
pub const LENGTH: u16 = 257;
pub const BITS: u16 = 258;
pub const COMPRESSION: u16 = 259;
pub const PHOTOMETRIC: u16 = 262;
pub const DESCRIPTION: u16 = 270;
pub const STRIP_OFFSETS: u16 = 273;
pub const SAMPLES: u16 = 277;
pub const ROWS_PER_STRIP: u16 = 278;
pub const STRIP_COUNTS: u16 = 279;
pub const X_RESOLUTION: u16 = 282;
pub const Y_RESOLUTION: u16 = 283;
pub const PLANAR: u16 = 284;
pub const RESOLUTION_UNIT: u16 = 296;
pub const SOFTWARE: u16 = 305;
pub const DATE_TIME: u16 = 306;
pub const PREDICTOR: u16 = 317;
pub const COLOR_MAP: u16 = 320;
pub const TILE_WIDTH: u16 = 322;
pub const TILE_LENGTH: u16 = 323;
pub const TILE_OFFSETS: u16 = 324;
pub const TILE_COUNTS: u16 = 325;
pub const FORMAT: u16 = 339;
pub const JPEG_TABLES: u16 = 347;
pub const UIC1: u16 = 33628;
pub const UIC2: u16 = 33629;
pub const UIC3: u16 = 33630;
pub const UIC4: u16 = 33631;
pub const FLUOVIEW: u16 = 34361;
pub const LSM: u16 = 34412;
pub const IMAGEJ_COUNTS: u16 = 50838;
pub const IMAGEJ_DATA: u16 = 50839;
pub const MICRO_MANAGER: u16 = 51123;

/// What all frames of a stack have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    pub rows: u32,
    pub columns: u32,
    /// Bits of a sample in the file.
    pub bits: u16,
    /// Type of a pixel in the store.
    pub dtype: DataType,
    /// Samples of a pixel: each is a frame of its own.
    pub samples: u16,
}

impl std::fmt::Display for Page {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} x {} pixels of ", self.rows, self.columns)?;
        if usize::from(self.bits) != self.dtype.size() * 8 {
            write!(formatter, "{}-bit ", self.bits)?;
        }
        write!(formatter, "{}", self.dtype)?;
        match self.samples {
            1 => Ok(()),
            samples => write!(formatter, " with {samples} samples each"),
        }
    }
}

/// How the pixels of a page lie in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLayout {
    pub page: Page,
    /// 1 unsigned, 2 signed, 3 floating point.
    pub format: u16,
    pub compression: u16,
    pub predictor: u16,
    /// Each sample lies in strips or tiles of its own.
    pub planar: bool,
    /// Red, green and blue (and what comes after).
    pub color: bool,
    /// The lowest bit of each byte comes first.
    pub reversed: bool,
    /// Columns and rows of a tile, where there are tiles.
    pub tile: Option<(u32, u32)>,
    /// Rows of a strip, where there are strips.
    pub strip_rows: u32,
}

impl PageLayout {
    /// Strips or tiles of one sample (planar), or of all of them.
    pub fn segments(&self) -> u64 {
        match self.tile {
            None => u64::from(self.page.rows.div_ceil(self.strip_rows)),
            Some((columns, rows)) => {
                u64::from(self.page.columns.div_ceil(columns)) * u64::from(self.page.rows.div_ceil(rows))
            }
        }
    }

    /// Bytes of a page as it would lie uncompressed in strips.
    pub fn plain_bytes(&self) -> u64 {
        let (in_row, sweeps) =
            if self.planar { (1, u64::from(self.page.samples)) } else { (u64::from(self.page.samples), 1) };
        let row_bits = u64::from(self.page.columns) * u64::from(self.page.bits) * in_row;
        row_bits.div_ceil(8).saturating_mul(u64::from(self.page.rows)).saturating_mul(sweeps)
    }
}
