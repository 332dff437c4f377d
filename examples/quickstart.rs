//! A time lapse in ten lines: `cargo run -p ome-stream-examples --bin quickstart [STORE]`

use ome_stream::settings::{DataType, parse_dims};
use ome_stream::{Settings, Stream};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store =
        std::env::args().nth(1).unwrap_or_else(|| std::env::temp_dir().join("quickstart").display().to_string());
    let mut settings = Settings::new(store, parse_dims("t:20,y:256:128,x:256:128")?, DataType::UInt16);
    settings.overwrite = true;
    let stream = Stream::create(&settings, ome_stream_backends::open("auto")?.as_ref())?;
    for t in 0..20u16 {
        let frame: Vec<u8> = (0..256 * 256).flat_map(|_| t.to_le_bytes()).collect();
        stream.append(&frame)?;
    }
    println!("{}", stream.finish()?.path.display());
    Ok(())
}
