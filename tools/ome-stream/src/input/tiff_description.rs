//! What the description of a TIFF's first page tells about the whole stack.
//!
//! ImageJ and tifffile may write a stack as one page and leave the rest of its pixels without pages of their own. Such
//! a file must not pass for a single image.

use serde_json::Value;

/// Frames of `rows` x `columns` pixels that the description declares; `None` where it declares nothing.
pub fn declared_frames(description: &str, rows: u64, columns: u64) -> Option<u64> {
    if description.starts_with("ImageJ=") {
        return description.lines().find_map(|line| line.trim().strip_prefix("images=")?.trim().parse().ok());
    }
    // tifffile: {"shape": [31, 61, 57]}, and axes of length one beside the frame's own.
    let Value::Object(object) = serde_json::from_str(description).ok()? else { return None };
    let pixels = object
        .get("shape")?
        .as_array()?
        .iter()
        .try_fold(1u64, |pixels, extent| pixels.checked_mul(extent.as_u64()?))?;
    let frame = rows.checked_mul(columns)?;
    (pixels.checked_rem(frame)? == 0).then_some(pixels / frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imagej_and_tifffile_are_understood() {
        assert_eq!(declared_frames("ImageJ=1.53t\nimages=31\nslices=31\nloop=false\n", 61, 57), Some(31));
        assert_eq!(declared_frames("ImageJ=1.53t\nmin=0.0\n", 61, 57), None);
        assert_eq!(declared_frames("{\"shape\": [31, 61, 57]}", 61, 57), Some(31));
        assert_eq!(declared_frames("{\"shape\": [2, 3, 61, 57, 1]}", 61, 57), Some(6));
        assert_eq!(declared_frames("{\"shape\": [61, 57]}", 61, 57), Some(1));
    }

    #[test]
    fn anything_else_declares_nothing() {
        for text in [
            "",
            "<?xml version=\"1.0\"?><OME/>",
            "{",
            "{\"shape\": 3}",
            "{\"shape\": [-1, 2]}",
            "{\"shape\": [18446744073709551615, 18446744073709551615]}",
            "{\"shape\": [10, 10]}",
            "ImageJ=1\nimages=many",
        ] {
            assert_eq!(declared_frames(text, 61, 57), None, "{text}");
        }
        assert_eq!(declared_frames("{\"shape\": [1]}", 0, 0), None);
    }
}
