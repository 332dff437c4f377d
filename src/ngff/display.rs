//! How viewers show an image at first: a color for each channel, a window of intensities.

use serde::Serialize;
use serde_json::Number;

use super::model::{Channel, Window};

/// Red, green, blue.
pub type Rgb = [u8; 3];

const WHITE: Rgb = [255, 255, 255];
const BLUE: Rgb = [0, 0, 255];
const CYAN: Rgb = [0, 255, 255];
const GREEN: Rgb = [0, 255, 0];
const YELLOW: Rgb = [255, 255, 0];
const RED: Rgb = [255, 0, 0];
const MAGENTA: Rgb = [255, 0, 255];

/// Colors for channels that say nothing, in order: the first two stay apart for color-blind eyes and add up to white.
const PALETTE: [Rgb; 6] = [GREEN, MAGENTA, CYAN, YELLOW, RED, BLUE];

/// The color of each channel: the declared one; white where there is only one channel; else the color of the
/// emission wavelength, unless another channel has it already; else the next free one of the palette, which starts
/// again when all are taken.
#[must_use]
pub fn colors(channels: &[Channel]) -> Vec<Rgb> {
    if let [only] = channels {
        return vec![only.color.unwrap_or(WHITE)];
    }
    let mut taken: Vec<Rgb> = channels.iter().filter_map(|channel| channel.color).collect();
    let mut chosen: Vec<Option<Rgb>> = channels.iter().map(|channel| channel.color).collect();
    for (slot, channel) in chosen.iter_mut().zip(channels) {
        if let (None, Some(nm)) = (*slot, channel.emission_nm) {
            let color = emission_color(nm);
            if !taken.contains(&color) {
                taken.push(color);
                *slot = Some(color);
            }
        }
    }
    let mut free: Vec<Rgb> = PALETTE.into_iter().filter(|color| !taken.contains(color)).collect();
    if free.is_empty() {
        free.extend(PALETTE);
    }
    let mut next = free.into_iter().cycle();
    chosen.into_iter().map(|slot| slot.or_else(|| next.next()).unwrap_or(WHITE)).collect()
}

/// The display color that microscopists expect of light of this wavelength. Far red, which no eye sees, is shown in
/// magenta so that it differs from red.
fn emission_color(nm: f64) -> Rgb {
    match nm {
        nm if nm < 480.0 => BLUE,
        nm if nm < 500.0 => CYAN,
        nm if nm < 560.0 => GREEN,
        nm if nm < 590.0 => YELLOW,
        nm if nm < 640.0 => RED,
        _ => MAGENTA,
    }
}

/// The share of pixels that a window shows black: those of the ground, of which there are many.
pub const LOW: f64 = 0.01;

/// The share of pixels below the end of a window: what is brighter than nearly all is shown in full color.
pub const HIGH: f64 = 0.998;

/// A window that begins below its end, also where all pixels are alike.
#[must_use]
pub fn apart(start: f64, end: f64) -> [f64; 2] {
    if end > start { [start, end] } else { [start, start + step(start)] }
}

/// A step that a number can tell: large ones have no 1.
fn step(number: f64) -> f64 {
    (number.abs() * f64::EPSILON * 4.0).max(1.0)
}

/// What a data type can hold, as floating point: a large 64-bit integer is not told to its last bit.
#[must_use]
pub fn range(dtype: &str) -> [f64; 2] {
    let (min, max) = window(dtype);
    [min, max].map(|limit| limit.as_f64().unwrap_or_default())
}

/// `window` of a channel (OME-NGFF 0.4 to 0.6, "omero" metadata).
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Shown {
    min: Number,
    max: Number,
    start: Number,
    end: Number,
}

/// How a channel of this data type is shown: as its window says, or with all that the data type can hold. A viewer's
/// slider goes over that too; over what was seen in floating point, which has no such range.
pub(super) fn shown(dtype: &str, window: Option<Window>) -> Shown {
    let (min, max) = self::window(dtype);
    let Some(told) = window else { return Shown { start: min.clone(), end: max.clone(), min, max } };
    let limits = range(dtype);
    let is_float = dtype.starts_with("float");
    let [start, end] = apart(told.start, told.end);
    // All pixels as bright as can be: what is darker is shown black.
    let [start, end] =
        if !is_float && told.start >= limits[1] { [limits[1] - step(limits[1]), limits[1]] } else { [start, end] };
    let [least, greatest] = told.range.filter(|_| is_float).unwrap_or(limits);
    let number = |value: f64| match value {
        _ if is_float => Number::from_f64(value).unwrap_or_else(|| 0.into()),
        // Of 64 bits floating point tells the limits no better than to the next number.
        _ if value == limits[0] => min.clone(),
        _ if value == limits[1] => max.clone(),
        _ if value < 0.0 => Number::from(value as i64),
        _ => Number::from(value as u64),
    };
    Shown {
        min: number(least.min(start)),
        max: number(greatest.max(end)),
        start: number(if is_float { start } else { start.floor() }),
        end: number(if is_float { end } else { end.ceil() }),
    }
}

/// Smallest and largest intensity of a data type: all that an integer can hold, 0 to 1 for floating point (whose own
/// range shows every image black) and for types that we do not know.
pub(super) fn window(dtype: &str) -> (Number, Number) {
    match dtype {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" => (i64::MIN.into(), i64::MAX.into()),
        "uint8" => (0.into(), u8::MAX.into()),
        "uint16" => (0.into(), u16::MAX.into()),
        "uint32" => (0.into(), u32::MAX.into()),
        "uint64" => (0.into(), u64::MAX.into()),
        _ => (0.into(), 1.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emitting(nm: f64) -> Channel {
        Channel { emission_nm: Some(nm), ..Channel::default() }
    }

    #[test]
    fn a_single_channel_is_white_whatever_it_emits() {
        assert_eq!(colors(&[emitting(510.0)]), [WHITE]);
        assert_eq!(colors(&[Channel { color: Some(RED), ..Channel::default() }]), [RED]);
        assert_eq!(colors(&[]), [] as [Rgb; 0]);
    }

    #[test]
    fn usual_fluorophores_get_their_usual_colors() {
        // DAPI, GFP, mCherry, Cy5
        let channels = [emitting(461.0), emitting(509.0), emitting(610.0), emitting(670.0)];
        assert_eq!(colors(&channels), [BLUE, GREEN, RED, MAGENTA]);
    }

    #[test]
    fn no_two_channels_share_a_color_while_the_palette_lasts() {
        let declared_red = Channel { color: Some(RED), ..Channel::default() };
        let channels = [emitting(509.0), emitting(520.0), emitting(610.0), declared_red, Channel::default()];
        let got = colors(&channels);
        assert_eq!(got.get(3), Some(&RED));
        for (nth, color) in got.iter().enumerate() {
            assert!(!got.iter().skip(nth + 1).any(|other| other == color), "{got:?}");
        }
    }

    #[test]
    fn more_channels_than_colors_begin_the_palette_again() {
        let got = colors(&vec![Channel::default(); 8]);
        assert_eq!(got, [GREEN, MAGENTA, CYAN, YELLOW, RED, BLUE, GREEN, MAGENTA]);
    }

    #[test]
    fn windows_are_told_in_numbers_of_the_type() {
        let told = |dtype, start, end, range| {
            let text = serde_json::to_string(&shown(dtype, Some(Window { start, end, range }))).expect("JSON");
            text.replace(['"', '{', '}'], "")
        };
        assert_eq!(told("uint16", 100.0, 900.0, Some([90.0, 4000.0])), "min:0,max:65535,start:100,end:900");
        assert_eq!(told("uint16", 100.5, 900.5, None), "min:0,max:65535,start:100,end:901");
        assert_eq!(told("uint8", 255.0, 255.0, None), "min:0,max:255,start:254,end:255");
        assert_eq!(told("int8", -128.0, -128.0, None), "min:-128,max:127,start:-128,end:-127");
        assert_eq!(told("uint16", -5.0, 70000.0, None), "min:-5,max:70000,start:-5,end:70000");
        assert_eq!(told("uint64", 0.0, u64::MAX as f64, None), format!("min:0,max:{0},start:0,end:{0}", u64::MAX));
        let most = i64::MAX as f64;
        let expected =
            "min:-9223372036854775808,max:9223372036854775807,start:9223372036854767616,end:9223372036854775807";
        assert_eq!(told("int64", most, most, None), expected);
        assert_eq!(told("float32", 0.25, 0.5, Some([-1.0, 2.0])), "min:-1.0,max:2.0,start:0.25,end:0.5");
        assert_eq!(told("float64", 7.0, 7.0, Some([7.0, 7.0])), "min:7.0,max:8.0,start:7.0,end:8.0");
        assert_eq!(told("float32", 0.25, 3.0, None), "min:0.0,max:3.0,start:0.25,end:3.0");
        assert_eq!(
            shown("uint16", None),
            Shown { min: 0.into(), max: 65535.into(), start: 0.into(), end: 65535.into() }
        );
    }

    #[test]
    fn windows_hold_every_value_of_an_integer_type() {
        assert_eq!(window("uint64").1.as_u64(), Some(u64::MAX));
        assert_eq!(window("int64").0.as_i64(), Some(i64::MIN));
        assert_eq!(window("uint16"), (0.into(), 65535.into()));
        assert_eq!(window("float32"), (0.into(), 1.into()));
    }
}
