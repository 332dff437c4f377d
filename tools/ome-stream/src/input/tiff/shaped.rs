//! tifffile's own description: `{"shape": [31, 61, 57], "axes": "ZYX"}` on the first page of each series.

use serde_json::Value;

use super::super::InputError;
use super::super::known::Known;
use super::page_layout::PageLayout;
use super::stack::{Axis, Order, Stack};

/// What a description declares.
#[derive(Debug, PartialEq, Eq)]
pub struct Shaped {
    shape: Vec<u64>,
    axes: Option<String>,
    /// The pixels of all pages lie behind the first.
    truncated: bool,
}

/// Reads a description; `None` where it is not tifffile's.
pub fn parse(description: &str) -> Option<Shaped> {
    let Value::Object(object) = serde_json::from_str(description.trim()).ok()? else { return None };
    let shape = object.get("shape")?.as_array()?.iter().map(Value::as_u64).collect::<Option<Vec<_>>>()?;
    let axes = object.get("axes").and_then(Value::as_str).map(str::to_uppercase);
    Some(Shaped { shape, axes, truncated: object.get("truncated") == Some(&Value::Bool(true)) })
}

impl Shaped {
    /// The stack of these pages, of which the first has `layout`.
    ///
    /// # Errors
    /// Where the shape is not one of such pages.
    pub fn stack(&self, layout: &PageLayout, pages: u64) -> Result<Stack, InputError> {
        let page = layout.page;
        let (rows, columns, samples) = (u64::from(page.rows), u64::from(page.columns), u64::from(page.samples));
        let ends: [&[u64]; 5] = match (samples, layout.planar) {
            (1, _) => [&[rows, columns], &[rows, columns, 1], &[1, rows, columns, 1], &[1, rows, columns], &[]],
            (_, true) => [&[samples, rows, columns], &[samples, 1, rows, columns], &[], &[], &[]],
            (_, false) => [&[rows, columns, samples], &[1, rows, columns, samples], &[], &[], &[]],
        };
        let text = self.shape.iter().map(u64::to_string).collect::<Vec<_>>().join(" x ");
        let Some(leading) = ends.iter().filter(|end| !end.is_empty()).find_map(|end| self.shape.strip_suffix(*end))
        else {
            return Err(InputError::Unusable(format!(
                "its description declares the shape {text}, but a page has {page}: they do not fit each other"
            )));
        };
        let declared = leading.iter().try_fold(1u64, |count, extent| count.checked_mul(*extent)).unwrap_or(u64::MAX);
        if declared == 0 {
            return Err(InputError::Unusable(format!("its description declares an empty image (shape {text})")));
        }
        let letters = self.axes.as_deref().filter(|axes| axes.chars().count() == self.shape.len());
        let letters: Vec<Option<char>> = match letters {
            Some(letters) => letters.chars().map(name_of).collect(),
            None => vec![None; self.shape.len()],
        };
        let axes = leading.iter().zip(letters).map(|(count, name)| Axis { name, count: *count }).collect();
        let order = match pages {
            1 if declared > 1 && (self.truncated || pages < declared) => Order::Behind { stride: layout.plain_bytes() },
            _ => Order::Pages,
        };
        Ok(Stack::new(axes, order, Known::default()))
    }
}

/// Names of tifffile's axes that an image of ours has.
fn name_of(letter: char) -> Option<char> {
    match letter {
        'T' => Some('t'),
        'C' => Some('c'),
        'Z' => Some('z'),
        'P' | 'R' => Some('p'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_descriptions_are_not_tifffiles() {
        for text in
            ["", "{", "ImageJ=1\nimages=3", "{\"shape\": 3}", "{\"shape\": [-1, 2]}", "[1]", "{\"axes\": \"YX\"}"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
        let shaped = parse("{\"shape\": [2, 3], \"axes\": \"yx\"}").expect("valid");
        assert_eq!((shaped.shape, shaped.axes.as_deref()), (vec![2, 3], Some("YX")));
    }
}
