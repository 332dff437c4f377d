//! Pixels of arrays of any writer as `convert --levels` takes them.

use std::path::Path;
use std::sync::Arc;

use ome_stream::convert::{PixelReader, Pixels};
use ome_stream::platform::Source;

use crate::preview::Array;

/// Reads them by way of zarrs.
pub struct Reader;

impl PixelReader for Reader {
    fn open(&self, source: &Arc<dyn Source>, folder: &Path) -> Result<Box<dyn Pixels>, String> {
        Ok(Box::new(Planes(Array::open(source, folder)?)))
    }
}

struct Planes(Array);

impl Pixels for Planes {
    fn read(&self, start: &[u64], count: &[u64], planes: &mut [u8]) -> Result<(), String> {
        let (rows, columns) = self.0.frame();
        let item = self.0.item_size();
        let number = |number: u64| usize::try_from(number).map_err(|_| "its planes are too large".to_owned());
        let (line, plane) = (number(columns.saturating_mul(item))?, number(rows.saturating_mul(columns * item))?);
        for (at, extent) in self.0.blocks() {
            let bytes = self.0.block(&[start, &at].concat(), &[count, &extent].concat())?;
            let (top, left) = (number(at[0])?, number(at[1] * item)?);
            let (height, width) = (number(extent[0])?, number(extent[1] * item)?);
            for (nth, row) in bytes.chunks_exact(width.max(1)).enumerate() {
                let from = nth / height.max(1) * plane + (top + nth % height.max(1)) * line + left;
                let place = planes.get_mut(from..from + width).ok_or("it has other pixels than its document says")?;
                place.copy_from_slice(row);
            }
        }
        Ok(())
    }
}
