//! What it costs to make levels: times each method on planes of each data type, 2 x 2 and 2 x 2 x 2 pixels into one, on
//! one core, in turns with a `memcpy` of the same planes. All planes together are larger than the caches; those of a
//! window that spans two planes come far apart. Prints bytes that are read in a second on the processor (Linux; elsewhere
//! on the clock), and their ratio to `memcpy`, as the median of all turns.
//!
//! ```text
//! cargo run --release -p ome-stream-examples --example pyramid [METHOD | all] [MEBIBYTES] [TURNS]
//! ```

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use ome_stream::pyramid::{Accumulator, Method, Piece, Reducer};
use ome_stream::settings::DataType;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Rows and columns of a plane.
const SIDE: usize = 2048;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let method = arguments.next().unwrap_or_else(|| "all".into());
    let mebibytes = arguments.next().map_or(Ok(128), |text| text.parse::<usize>())?;
    let turns = arguments.next().map_or(Ok(7), |text| text.parse::<usize>())?;
    println!("planes of {SIDE} x {SIDE}, {mebibytes} MiB in all, median of {turns} turns; GB/s read, of memcpy's:");
    println!("{:10}{:10}{:>10}{:>16}{:>16}", "method", "dtype", "memcpy", "2 x 2", "2 x 2 x 2");
    for each in Method::ALL.iter().filter(|each| method == "all" || method == each.name()) {
        for dtype in DataType::ALL.iter().filter(|dtype| each.takes(**dtype)) {
            let planes = Planes::new(*dtype, mebibytes << 20);
            let flat = planes.measure(*each, 1, turns)?;
            let deep = planes.measure(*each, 2, turns)?;
            println!(
                "{:10}{:10}{:10.1}{:9.1}{:7.2}{:9.1}{:7.2}",
                each.name(),
                dtype.name(),
                flat.memcpy,
                flat.read,
                flat.ratio,
                deep.read,
                deep.ratio
            );
        }
    }
    Ok(())
}

/// Medians: bytes in a second, in 10^9, and the ratio of both.
struct Measured {
    memcpy: f64,
    read: f64,
    ratio: f64,
}

struct Planes {
    dtype: DataType,
    bytes: Vec<u8>,
}

impl Planes {
    fn new(dtype: DataType, bytes: usize) -> Self {
        let windows = (bytes / (2 * SIDE * SIDE * dtype.size())).max(1);
        let pixels = windows * 2 * SIDE * SIDE;
        // Numbers like those of a camera: the mean and neighbors that differ little.
        let pixel = |nth: usize| ((nth as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) + 40;
        let bytes = match dtype {
            DataType::Float16 => (0..pixels).flat_map(|nth| (0x5800 + pixel(nth) as u16).to_ne_bytes()).collect(),
            DataType::Float32 => (0..pixels).flat_map(|nth| (pixel(nth) as f32).to_ne_bytes()).collect(),
            DataType::Float64 => (0..pixels).flat_map(|nth| (pixel(nth) as f64).to_ne_bytes()).collect(),
            _ => match dtype.size() {
                1 => (0..pixels).map(|nth| pixel(nth) as u8).collect(),
                2 => (0..pixels).flat_map(|nth| (pixel(nth) as u16).to_ne_bytes()).collect(),
                4 => (0..pixels).flat_map(|nth| (pixel(nth) as u32).to_ne_bytes()).collect(),
                _ => (0..pixels).flat_map(|nth| pixel(nth).to_ne_bytes()).collect(),
            },
        };
        Self { dtype, bytes }
    }

    /// Windows of `depth` planes.
    fn measure(&self, method: Method, depth: usize, turns: usize) -> Outcome<Measured> {
        let reducer = Reducer::new(method, self.dtype, (SIDE, SIDE), [depth as u64, 2, 2])?;
        let plane = SIDE * SIDE * self.dtype.size();
        let windows = self.bytes.len() / plane / depth;
        let mut copy = vec![1_u8; self.bytes.len()];
        let mut made = vec![1_u8; windows * reducer.made_bytes()];
        let waiting = if depth == 1 { 0 } else { usize::try_from(Accumulator::bytes(&reducer))? };
        let mut memory = vec![1_u8; windows * waiting];
        let nth = |nth: usize| [Piece::whole(&self.bytes[nth * plane..], (SIDE, SIDE), self.dtype.size())];
        let begun = Instant::now();
        let (mut memcpy, mut read, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for turn in 0..=turns {
            let start = on_processor(begun);
            black_box(&mut copy).copy_from_slice(black_box(&self.bytes));
            let copied = (on_processor(begun) - start).as_secs_f64();

            let start = on_processor(begun);
            if depth == 1 {
                for (at, made) in made.chunks_exact_mut(reducer.made_bytes()).enumerate() {
                    reducer.reduce(nth(at), black_box(made))?;
                }
            } else {
                let each = memory.chunks_exact_mut(waiting);
                let mut open = each.map(|memory| Accumulator::new(&reducer, memory)).collect::<Result<Vec<_>, _>>()?;
                for (at, window) in open.iter_mut().enumerate() {
                    window.add(0, nth(2 * at))?;
                }
                for ((at, mut window), made) in
                    open.into_iter().enumerate().zip(made.chunks_exact_mut(reducer.made_bytes()))
                {
                    window.add(1, nth(2 * at + 1))?;
                    window.finish(black_box(made))?;
                }
            }
            let reduced = (on_processor(begun) - start).as_secs_f64();
            // The first turn warms up.
            if turn > 0 {
                let bytes = self.bytes.len() as f64 / 1e9;
                memcpy.push(bytes / copied);
                read.push(bytes / reduced);
                ratios.push(copied / reduced);
            }
        }
        Ok(Measured { memcpy: median(memcpy), read: median(read), ratio: median(ratios) })
    }
}

/// Time that this thread has spent on a processor, which a busy machine changes little; on the clock, since `begun`,
/// where the system does not tell.
fn on_processor(begun: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = told.split(' ').next().and_then(|text| text.parse().ok());
    nanoseconds.map_or_else(|| begun.elapsed(), Duration::from_nanos)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
