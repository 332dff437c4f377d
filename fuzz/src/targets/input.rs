//! Damaged files as the command-line tool's `write` reads them: refused or read to their end, never a panic, and no
//! more memory than a frame and what is in the file.

use std::io::Write;

use crate::input;

/// Larger frames are refused by the memory limit of a run.
const LARGEST_FRAME: u64 = 16 << 20;

/// More frames than that say nothing new.
const MOST_FRAMES: u64 = 64;

/// Endings for which the first bytes are not enough.
const NAMES: [&str; 4] = ["a.tif", "a.npy", "a.npz", "NDTiff.index"];

/// The file that the seeds of an index name, and its bytes: enough for their frames.
const FRAMES: (&str, usize) = ("x_NDTiffStack.tif", 16 << 10);

/// Reads `bytes` as the kind of file that the first of them names.
pub fn check(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let name = NAMES[usize::from(*first) % NAMES.len()];
    let path = folder.path().join(name);
    std::fs::File::create(&path).and_then(|mut file| file.write_all(bytes)).expect("written");
    let path = if name == "NDTiff.index" {
        // What the frames hold is of no interest, only that they are there.
        let pixels: Vec<u8> = b"II*\0".iter().chain(bytes.iter().cycle()).copied().take(FRAMES.1).collect();
        std::fs::write(folder.path().join(FRAMES.0), pixels).expect("written");
        folder.path().to_owned()
    } else {
        path
    };
    for dimensions in [false, true] {
        let Ok(mut source) = input::open(&path, input::Asked { kind: None, dimensions }) else { continue };
        let Some(image) = source.image().cloned() else { continue };
        let (rows, columns) = image.frame();
        let frame = rows.saturating_mul(columns).saturating_mul(image.dtype.size() as u64);
        if frame == 0 || frame > LARGEST_FRAME {
            continue;
        }
        let _ = source.frames(frame);
        let mut pixels = vec![0; frame as usize];
        for _ in 0..MOST_FRAMES {
            match source.next_frame(&mut pixels) {
                Ok(input::Next::Frame) => {
                    if let Some(metadata) = source.frame_metadata() {
                        serde_json::from_str::<serde_json::Value>(metadata).expect("JSON");
                    }
                }
                Ok(input::Next::End) | Err(_) => break,
            }
        }
    }
}
