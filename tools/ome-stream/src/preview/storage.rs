//! The files of an array, as zarrs asks for them: read by way of a [`Source`], no link followed, nothing read without
//! end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ome_stream::platform::Source;
use ome_stream::reader::{Stored, below, open};
use zarrs::storage::byte_range::{ByteRange, ByteRangeIterator};
use zarrs::storage::{Bytes, MaybeBytesIterator, ReadableStorageTraits, StorageError, StoreKey};

/// The folder of an array.
#[derive(Debug)]
pub struct Folder {
    source: Arc<dyn Source>,
    folder: PathBuf,
    /// Most bytes that are read at once.
    most: u64,
    /// Files that were there when they were asked for.
    found: AtomicU64,
}

impl Folder {
    /// Of the array in `folder`; nothing longer than `most` is read.
    pub fn new(source: Arc<dyn Source>, folder: PathBuf, most: u64) -> Self {
        Self { source, folder, most, found: AtomicU64::new(0) }
    }

    /// Files that were there when they were asked for, so far.
    pub fn found(&self) -> u64 {
        self.found.load(Ordering::Relaxed)
    }

    fn open(&self, key: &StoreKey) -> Result<Option<Stored>, StorageError> {
        let path = below(&*self.source, &self.folder, key.as_str())?;
        let file = open(&*self.source, &path).map_err(|error| error.to_string())?;
        self.found.fetch_add(u64::from(file.is_some()), Ordering::Relaxed);
        Ok(file)
    }

    fn read(&self, file: &Stored, range: ByteRange) -> Result<Bytes, StorageError> {
        let length = file.length();
        let (offset, bytes) = match range {
            ByteRange::FromStart(offset, Some(bytes)) => (offset, bytes),
            ByteRange::FromStart(offset, None) => (offset, length.saturating_sub(offset)),
            ByteRange::Suffix(bytes) => (length.saturating_sub(bytes), bytes),
        };
        if bytes > self.most {
            return Err(format!("{bytes} bytes in one piece; {} are read at most", self.most).into());
        }
        if offset.checked_add(bytes).is_none_or(|end| end > length) {
            return Err(format!("it ends after {length} bytes, and {bytes} bytes at {offset} were to be read").into());
        }
        Ok(file.read(offset, bytes).map_err(|error| error.to_string())?.into())
    }
}

impl ReadableStorageTraits for Folder {
    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        let Some(file) = self.open(key)? else { return Ok(None) };
        Ok(Some(Box::new(ranges.map(move |range| self.read(&file, range)))))
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        Ok(self.open(key)?.map(|file| file.length()))
    }

    fn supports_get_partial(&self) -> bool {
        true
    }
}
