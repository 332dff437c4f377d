//! Long runs: a camera with a rate of its own, and the run over time.

mod camera;
mod sampler;

pub use camera::Camera;
pub use sampler::{Sample, Sampler};

use crate::measure::{Moment, Window};
use crate::workload::Workload;

/// Pieces that a long run is cut into, about.
const PIECES: f64 = 200.0;

/// Bytes per second that an engine is expected to take where no rate is given.
const EXPECTED_RATE: f64 = 1e9;

/// Seconds of one piece of a run of `workload`.
pub fn window(workload: &Workload, camera: Option<&Camera>) -> f64 {
    let seconds = match camera {
        Some(camera) => workload.frames() as f64 / camera.rate(),
        None => workload.bytes() as f64 / EXPECTED_RATE,
    };
    (seconds / PIECES).clamp(0.1, 60.0)
}

/// Appends and memory, piece by piece. Pieces without a sample have no memory.
pub fn timeline(windows: &[Window], samples: &[Sample]) -> Vec<Moment> {
    let mut start = 0.0;
    windows
        .iter()
        .map(|window| {
            let within = samples.iter().filter(|sample| (start..window.end).contains(&sample.seconds));
            let resident = within.clone().filter_map(|sample| sample.resident).max();
            let in_flight = within.map(|sample| sample.in_flight).max();
            start = window.end;
            Moment {
                seconds: window.end,
                frames: window.frames,
                dropped: window.dropped,
                p50_us: window.p50_us,
                p99_us: window.p99_us,
                max_us: window.max_us,
                resident,
                in_flight,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_counts_in_the_piece_of_time_it_was_taken_in() {
        let window = |end| Window { end, frames: 1, dropped: 0, p50_us: 1.0, p99_us: 2.0, max_us: 3.0 };
        let sample = |seconds, resident| Sample { seconds, resident: Some(resident), in_flight: resident / 2 };
        let moments =
            timeline(&[window(1.0), window(2.0), window(3.0)], &[sample(0.2, 10), sample(0.9, 30), sample(1.0, 20)]);
        let resident: Vec<_> = moments.iter().map(|moment| moment.resident).collect();
        assert_eq!(resident, [Some(30), Some(20), None]);
        assert_eq!(moments[0].in_flight, Some(15));
        assert_eq!(moments[2].seconds, 3.0);
    }
}
