//! ScanImage's settings in the tag Software: lines such as `SI.hChannels.channelSave = [1;2]`.

use super::super::InputError;
use super::super::known::Known;
use super::stack::{Axis, Order, Stack};

/// The stack, if the text is ScanImage's and tells one.
///
/// # Errors
/// Where its figures are not those of the pages.
pub fn stack(software: &str, pages: u64) -> Result<Option<Stack>, InputError> {
    if !software.starts_with("SI.") {
        return Ok(None);
    }
    let text = |name: &str| {
        software
            .lines()
            .find_map(|line| line.split_once('=').filter(|(key, _)| key.trim() == name))
            .map(|(_, value)| value.trim())
    };
    let number = |name: &str| text(name).and_then(|value| value.parse::<f64>().ok());
    let count = |name: &str| number(name).filter(|count| count.is_finite() && *count >= 1.0).map(|count| count as u64);
    let Some(channels) = text("SI.hChannels.channelSave") else { return Ok(None) };
    let channels =
        channels.trim_matches(['[', ']']).split([';', ' ', ',']).filter(|each| !each.is_empty()).count().max(1) as u64;
    let slices = count("SI.hStackManager.actualNumSlices").or_else(|| count("SI.hStackManager.numSlices")).unwrap_or(1);
    let frames = count("SI.hStackManager.framesPerSlice");
    let volumes =
        count("SI.hStackManager.actualNumVolumes").or_else(|| count("SI.hStackManager.numVolumes")).unwrap_or(1);
    let fast = text("SI.hFastZ.enable").is_some_and(|value| value == "1" || value == "true");
    let whole = |parts: u64| pages.is_multiple_of(parts).then(|| pages / parts);
    let axes = if fast && slices > 1 {
        // Volume after volume; flyback frames are not stored apart from the slices.
        [Axis::new('t', volumes), Axis::new('z', slices), Axis::new('c', channels)]
    } else {
        let frames = match frames {
            Some(frames) => frames,
            // Until somebody stops it.
            None => whole(channels.saturating_mul(slices)).unwrap_or(1),
        };
        [Axis::new('z', slices), Axis::new('t', frames), Axis::new('c', channels)]
    };
    let declared = axes.iter().fold(1u64, |count, axis| count.saturating_mul(axis.count));
    if declared != pages {
        let figures: Vec<String> =
            axes.iter().map(|axis| format!("{} {}", axis.count, axis.name.unwrap_or('?'))).collect();
        return Err(InputError::Unusable(format!(
            "its ScanImage settings declare {} = {declared} images, but it has {pages} pages; give -d with a count for each axis",
            figures.join(" x "),
        )));
    }
    let mut known = Known::default();
    if let Some(step) =
        number("SI.hStackManager.actualStackZStepSize").or_else(|| number("SI.hStackManager.stackZStepSize"))
        && slices > 1
    {
        known.size('z', step.abs(), "micrometer");
    }
    let period = if fast && slices > 1 { "SI.hRoiManager.scanVolumeRate" } else { "SI.hRoiManager.scanFrameRate" };
    if let Some(rate) = number(period).filter(|rate| *rate > 0.0)
        && axes.iter().any(|axis| axis.name == Some('t') && axis.count > 1)
    {
        known.size('t', 1.0 / rate, "s");
    }
    known.dropped.insert("ScanImage's settings".into());
    Ok(Some(Stack::new(axes.into_iter().filter(|axis| axis.count > 1).collect(), Order::Pages, known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: &str = "SI.hChannels.channelSave = [1;2]\nSI.hStackManager.framesPerSlice = 3\n\
                            SI.hStackManager.numSlices = 4\nSI.hStackManager.stackZStepSize = -2.5\nSI.hRoiManager.scanFrameRate = 20";

    #[test]
    fn slices_frames_and_channels() {
        let stack = stack(SETTINGS, 24).expect("they fit").expect("ScanImage's");
        assert_eq!(stack.axes, [Axis::new('z', 4), Axis::new('t', 3), Axis::new('c', 2)]);
        assert_eq!(stack.known.step('z').map(|size| size.step), Some(2.5));
        assert_eq!(stack.known.step('t').map(|size| size.step), Some(0.05));
    }

    #[test]
    fn other_figures_are_refused_with_both() {
        let said = stack(SETTINGS, 23).expect_err("refused").to_string();
        assert!(said.contains("= 24 images") && said.contains("23 pages"), "{said}");
        assert!(stack("tifffile.py", 23).expect("not ScanImage's").is_none());
    }
}
