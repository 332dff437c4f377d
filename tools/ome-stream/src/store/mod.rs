//! What lies in a Zarr store, read without trust: files of bounded size, links never followed, no panic.
//!
//! Everything here is what the files say; whatever cannot be read becomes a problem beside what could.

mod array;
mod codec;
pub mod discover;
mod ended;
pub mod image;
mod missing;
pub mod node;
mod plate;
pub mod tree;

pub use array::Array;
pub use discover::read;
pub use ended::Ended;
pub use image::{Axis, Image, Level};
pub use missing::Missing;
pub use plate::Plate;

use serde::Serialize;

/// A store.
#[derive(Debug, Serialize)]
pub struct Store {
    /// As the user gave it.
    pub path: String,
    /// 2 or 3.
    pub zarr_format: u64,
    /// Version of OME-NGFF, where the root tells it.
    pub ngff_version: Option<String>,
    /// Version of ome-stream that wrote it, where it did.
    pub written_by: Option<String>,
    /// How its run ended, where that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<Ended>,
    /// Bytes of all files.
    pub bytes: u64,
    /// Number of all files.
    pub files: u64,
    /// The well plate that it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plate: Option<Plate>,
    /// Images in the order of their series, of their wells, or of their names.
    pub images: Vec<Image>,
    /// Frames that the run has not, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Missing>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// What could not be read, or contradicts itself.
    pub problems: Vec<String>,
}

impl Store {
    /// Problems of the store and of every image in it.
    pub fn all_problems(&self) -> impl Iterator<Item = &String> {
        self.problems.iter().chain(self.images.iter().flat_map(|image| &image.problems))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};

    use ome_stream::Stream;
    use ome_stream::platform::faulty::{FaultySource, Misread, Read};
    use ome_stream::platform::native_source;
    use ome_stream::settings::{DataType, Settings, parse_dims};

    use super::*;

    /// A store with a list of missing frames and frame metadata, and something that no walk can make sense of.
    fn made(folder: &Path) -> std::path::PathBuf {
        let dimensions = parse_dims("t:inf:1:2,p:2,y:8,x:8").expect("valid");
        let root = folder.join("a.ome.zarr");
        let settings = Settings::new(root.to_string_lossy(), dimensions, DataType::UInt16);
        let stream = Stream::create(&settings, &*ome_stream_backends::open("zarrs").expect("built in")).expect("made");
        stream.append_with(&[1; 128], "{\"sent\":0}").expect("accepted");
        stream.skip(2).expect("skipped");
        stream.append_with(&[1; 128], "{\"sent\":3}").expect("accepted");
        stream.finish().expect("finished");
        root
    }

    #[test]
    fn reads_that_fail_are_told() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let root = made(folder.path());
        let text = |store: &Store| serde_json::to_value(store).expect("JSON");
        let whole = read(&*native_source(), &root).expect("readable");
        assert_eq!(whole.all_problems().count(), 0, "{:?}", whole.problems);
        let remarks = |store: &Store| {
            let notes = store.notes.iter().chain(store.images.iter().flat_map(|image| &image.notes));
            notes.chain(store.all_problems()).cloned().collect::<Vec<_>>()
        };
        for how in [Misread::Fails(5), Misread::Ends] {
            for nth in 0.. {
                let hit = Arc::new(Mutex::new(None));
                let (noted, count) = (Arc::clone(&hit), AtomicU64::new(0));
                let script = move |_, read: &Read| {
                    let concerned = matches!(how, Misread::Fails(_)) || matches!(read, Read::Bytes(..));
                    if !concerned || count.fetch_add(1, Ordering::SeqCst) != nth {
                        return Misread::None;
                    }
                    *noted.lock().expect("not poisoned") = Some(read.clone());
                    how
                };
                let found = read(&FaultySource::new(native_source(), Box::new(script)), &root);
                let Some(hit) = hit.lock().expect("not poisoned").clone() else { break };
                let named = |text: &String| {
                    let mut paths = hit.path().ancestors().take_while(|path| path.starts_with(folder.path()));
                    paths.any(|path| text.contains(&*path.to_string_lossy()))
                };
                match found {
                    Err(error) => assert!(named(&error.to_string()), "{hit:?}: {error}"),
                    Ok(store) => {
                        let told = remarks(&store).iter().any(named);
                        assert!(told || text(&store) == text(&whole), "{hit:?}: {:#?}", text(&store));
                    }
                }
            }
        }
        let pieces = FaultySource::new(native_source(), Box::new(|_, _| Misread::Short));
        assert_eq!(text(&read(&pieces, &root).expect("readable")), text(&whole));
    }
}
