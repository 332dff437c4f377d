//! Long runs: a camera with a rate of its own, and the run over time.

mod camera;
mod sampler;

pub use camera::Camera;
pub use sampler::{Sample, Sampler};

use crate::measure::Moment;
use crate::parse;
use crate::workload::Workload;

/// Pieces that a long run is cut into, about.
const PIECES: f64 = 200.0;

/// Bytes per second that an engine is expected to take where no rate is given.
const EXPECTED_RATE: f64 = 1e9;

/// What is asked for of a long run.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Long runs")]
pub struct LongRun {
    /// One long run of this many bytes, such as 16GiB: the first dimension gets the count that it takes
    #[arg(long, value_name = "SIZE", value_parser = parse::bytes)]
    pub sustained: Option<u64>,

    /// Frames per second of the camera; 0 is as fast as the engine goes
    #[arg(long, value_name = "FPS", value_parser = parse::rate, default_value = "0")]
    pub rate: f64,

    /// Frames that the camera itself can hold: one that was not taken before they are full is dropped
    #[arg(long, value_name = "FRAMES", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1_000_000), requires = "sustained")]
    pub camera_buffer: u64,
}

impl LongRun {
    /// The camera, if it has a rate of its own.
    pub fn camera(&self) -> Option<Camera> {
        Camera::new(self.rate, self.camera_buffer)
    }

    /// Seconds of one piece of a run of `workload`, if it is to be followed over time.
    pub fn window(&self, workload: &Workload) -> Option<f64> {
        self.sustained?;
        let seconds = match self.camera() {
            Some(camera) => workload.frames() as f64 / camera.rate(),
            None => workload.bytes() as f64 / EXPECTED_RATE,
        };
        Some((seconds / PIECES).clamp(0.1, 60.0))
    }
}

/// Adds what was seen of memory. Pieces without a sample have none.
pub fn add_samples(moments: &mut [Moment], samples: &[Sample]) {
    let mut start = 0.0;
    for moment in moments {
        let within = samples.iter().filter(|sample| (start..moment.seconds).contains(&sample.seconds));
        moment.resident = within.clone().filter_map(|sample| sample.resident).max();
        moment.in_flight = within.map(|sample| sample.in_flight).max();
        start = moment.seconds;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_counts_in_the_piece_of_time_it_was_taken_in() {
        let sample = |seconds, resident| Sample { seconds, resident: Some(resident), in_flight: resident / 2 };
        let mut moments = [1.0, 2.0, 3.0].map(|seconds| Moment { seconds, ..Moment::default() });
        add_samples(&mut moments, &[sample(0.2, 10), sample(0.9, 30), sample(1.0, 20)]);
        let resident: Vec<_> = moments.iter().map(|moment| moment.resident).collect();
        assert_eq!(resident, [Some(30), Some(20), None]);
        assert_eq!(moments[0].in_flight, Some(15));
    }
}
