//! A camera that waits for nobody.

use std::thread;
use std::time::{Duration, Instant};

/// A camera at a fixed rate with room for a few frames: frame n is there at (n + 1) / rate, and gone when frame
/// n + buffer is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Camera {
    rate: f64,
    buffer: u64,
}

impl Camera {
    /// A camera of `rate` frames per second that holds `buffer` of them; `None` for a rate of 0, which is no camera.
    pub fn new(rate: f64, buffer: u64) -> Option<Self> {
        (rate > 0.0).then_some(Self { rate, buffer: buffer.max(1) })
    }

    /// Frames per second.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Waits until frame `number` is there; false if it is gone already. `first` is when the exposure of frame 0 began.
    pub fn wait_for(&self, number: u64, first: Instant) -> bool {
        let now = first.elapsed();
        if self.is_lost(number, now) {
            return false;
        }
        if let Some(left) = self.ready(number).checked_sub(now) {
            thread::sleep(left);
        }
        true
    }

    fn ready(&self, number: u64) -> Duration {
        Duration::try_from_secs_f64((number as f64 + 1.0) / self.rate).unwrap_or(Duration::MAX)
    }

    fn is_lost(&self, number: u64, now: Duration) -> bool {
        now >= self.ready(number.saturating_add(self.buffer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_lost_when_its_buffer_is_needed() {
        let camera = Camera::new(100.0, 2).unwrap();
        assert_eq!(camera.ready(0), Duration::from_millis(10));
        assert_eq!(camera.ready(9), Duration::from_millis(100));
        assert!(!camera.is_lost(3, Duration::from_millis(59)));
        assert!(camera.is_lost(3, Duration::from_millis(60)));
    }

    #[test]
    fn a_frame_that_is_gone_is_not_waited_for() {
        let camera = Camera::new(1000.0, 1).unwrap();
        let long_ago = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        assert!(!camera.wait_for(0, long_ago));
        let patient = Camera::new(1000.0, 1_000_000_000).unwrap();
        assert!(patient.wait_for(0, long_ago));
    }

    #[test]
    fn a_rate_of_zero_is_no_camera() {
        assert_eq!(Camera::new(0.0, 2), None);
    }
}
