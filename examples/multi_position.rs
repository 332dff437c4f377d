//! Several stage positions, two channels, a stack in z, and metadata with every frame.
//!
//! `cargo run -p ome-stream-examples --bin multi_position [STORE]`
//!
//! The order of the dimensions is the order of the acquisition: at each time point the stage visits each position,
//! takes a whole stack there, and each plane in both channels. On disk every position is an image of its own, with its
//! axes in the order t, c, z, y, x.

use ome_stream::settings::{Channel, Codec, Compression, DataType, Dimension, Position};
use ome_stream::{Settings, Stream};
use serde_json::json;

const ROWS: u64 = 128;
const COLUMNS: u64 = 160;

/// Where the stage goes, in micrometers.
const STAGE: [(&str, f64, f64); 3] =
    [("control", 0.0, 0.0), ("treated 1", 5250.5, -1200.0), ("treated 2", 123_456.789, 48.25)];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store =
        std::env::args().nth(1).unwrap_or_else(|| std::env::temp_dir().join("multi_position").display().to_string());
    let positions = STAGE.map(|(name, x, y)| Position { x_coord: Some(x), y_coord: Some(y), ..Position::new(name) });
    let channels = [
        Channel { excitation_wavelength_nm: Some(405), emission_wavelength_nm: Some(450), ..Channel::new("DAPI") },
        Channel { excitation_wavelength_nm: Some(488), emission_wavelength_nm: Some(509), ..Channel::new("GFP") },
    ];
    let dimensions = vec![
        Dimension::standard("t", 2).with_scale(30.0),
        Dimension::standard("p", None).with_coords(positions),
        // Eight planes to a chunk: a stack is mostly looked at as a whole.
        Dimension::standard("z", 8).with_scale(0.5).with_chunk(8),
        Dimension::standard("c", None).with_coords(channels),
        Dimension::standard("y", ROWS).with_scale(0.108),
        Dimension::standard("x", COLUMNS).with_scale(0.108),
    ];
    let mut settings = Settings::new(store, dimensions, DataType::UInt16);
    settings.compression = Compression::new(Codec::BloscZstd);
    settings.overwrite = true;

    let stream = Stream::create(&settings, ome_stream_backends::open("auto")?.as_ref())?;
    stream.set_metadata("my_microscope", &json!({"operator": "Ada", "objective": "60x 1.4 oil"}).to_string())?;
    let mut frame = vec![0; usize::try_from(stream.plan().geometry().frame_bytes())?];
    for t in 0..2u64 {
        for (p, (name, x, y)) in STAGE.iter().enumerate() {
            for z in 0..8u64 {
                for c in 0..2u64 {
                    expose(&mut frame, t, p as u64, z, c);
                    // JSON without NaN or Infinity; the stream adds the frame's number and place.
                    let metadata = json!({
                        "delta_t": t as f64 * 30.0 + z as f64 * 0.05,
                        "exposure_ms": 10,
                        "position": {"name": name, "x": x, "y": y, "z": z as f64 * 0.5},
                    });
                    stream.append_with(&frame, &metadata.to_string())?;
                }
            }
        }
    }
    let report = stream.finish()?;
    println!("{} frames in {} images: {}", report.frames, report.shapes.len(), report.path.display());
    Ok(())
}

/// What the camera would see: a gradient that tells where it was taken.
fn expose(frame: &mut [u8], t: u64, p: u64, z: u64, c: u64) {
    let base = t * 10_000 + p * 1_000 + z * 100 + c * 50;
    for (pixel, place) in frame.chunks_exact_mut(2).zip(0u64..) {
        pixel.copy_from_slice(&((base + place % COLUMNS % 50) as u16).to_le_bytes());
    }
}
