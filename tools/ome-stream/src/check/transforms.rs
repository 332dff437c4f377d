//! The transformations of 0.6, each by its type ("coordinateTransformations" metadata, "Transformation types").

use serde_json::Value;

use super::at::{At, Findings, is_filled, is_numbers};
use super::parts::numbers;
use super::rules::*;

/// Deepest nesting of transformations that is looked at; documents are nested at most twice as deep.
const MAX_DEPTH: usize = 32;

/// Largest deviation from an orthonormal matrix that rounding explains.
const ROUNDING: f64 = 1e-6;

/// Axes of what a transformation takes and gives, where they are known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ends {
    /// Of points that go in.
    pub input: Option<usize>,
    /// Of points that come out.
    pub output: Option<usize>,
}

/// A transformation between systems with so many axes.
pub fn check(found: &mut Findings, at: &At<'_>, ends: Ends) {
    nested(found, at, ends, MAX_DEPTH);
}

fn nested(found: &mut Findings, at: &At<'_>, ends: Ends, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let Some(kind) = found.need(TRANSFORM_TYPE, at, "type", Value::is_string) else { return };
    match at.text("type").unwrap_or_default() {
        "identity" => same(found, at, ends),
        "scale" => of_axes(found, at, "scale", ends),
        "translation" => of_axes(found, at, "translation", ends),
        "mapAxis" => map_axis(found, at, ends),
        "projectAxis" => project_axis(found, at, ends),
        "affine" => matrix(found, at, "affine", ends.output, ends.input.map(|axes| axes + 1)),
        "rotation" => rotation(found, at, ends),
        "sequence" => sequence(found, at, ends, depth),
        "bijection" => {
            for (key, ends) in [("forward", ends), ("inverse", Ends { input: ends.output, output: ends.input })] {
                if let Some(part) = found.need(TRANSFORM_VALUES, at, key, Value::is_object) {
                    nested(found, &part, ends, depth);
                }
            }
        }
        "byDimension" => by_dimension(found, at, ends, depth),
        "displacements" | "coordinates" => drop(found.need(TRANSFORM_VALUES, at, "path", Value::is_string)),
        _ => found.at(TRANSFORM_TYPE, &kind),
    }
}

/// Input and output have as many axes.
fn same(found: &mut Findings, at: &At<'_>, Ends { input, output }: Ends) {
    if let (Some(input), Some(output)) = (input, output)
        && input != output
    {
        found.told(TRANSFORM_LENGTH, at, format!("from {input} axes to {output}"));
    }
}

fn of_axes(found: &mut Findings, at: &At<'_>, key: &str, ends: Ends) {
    same(found, at, ends);
    numbers(found, at, key, ends.input.or(ends.output));
}

/// Different indices into `axes` axes.
fn is_indices(list: &At<'_>, axes: Option<usize>) -> bool {
    let indices: Option<Vec<u64>> = list.items().map(|each| each.value.as_u64()).collect();
    let Some(mut indices) = indices.filter(|_| list.value.is_array()) else { return false };
    indices.sort_unstable();
    let count = indices.len();
    let last = indices.last().copied();
    indices.dedup();
    indices.len() == count && last.is_none_or(|last| last < axes.map_or(MOST_AXES, |axes| axes as u64))
}

/// Most axes of a coordinate system, by the schema of 0.6.
const MOST_AXES: u64 = 5;

fn map_axis(found: &mut Findings, at: &At<'_>, ends: Ends) {
    same(found, at, ends);
    let Some(list) = found.need(TRANSFORM_VALUES, at, "mapAxis", Value::is_array) else { return };
    let count = list.items().count();
    if !is_indices(&list, Some(count)) {
        found.at(TRANSFORM_VALUES, &list);
    } else if ends.input.or(ends.output).is_some_and(|axes| axes != count) {
        found.told(TRANSFORM_LENGTH, &list, format!("{count} axes of {}", ends.input.or(ends.output).unwrap_or(0)));
    }
}

fn project_axis(found: &mut Findings, at: &At<'_>, ends: Ends) {
    let (dropped, created) = (at.get("droppedInputs"), at.get("createdOutputs"));
    if dropped.is_none() && created.is_none() {
        return found.missing(TRANSFORM_VALUES, at, "droppedInputs");
    }
    let mut right = true;
    for (list, axes) in [(&dropped, ends.input), (&created, ends.output)] {
        if let Some(list) = list
            && !(is_filled(list.value) && is_indices(list, axes))
        {
            found.at(TRANSFORM_VALUES, list);
            right = false;
        }
    }
    let count = |list: &Option<At<'_>>| list.as_ref().map_or(0, |list| list.items().count());
    if let (true, Some(input), Some(output)) = (right, ends.input, ends.output)
        && (input + count(&created)) != output + count(&dropped)
    {
        let told = format!("{input} axes, {} less, {} more, are not {output}", count(&dropped), count(&created));
        found.told(TRANSFORM_LENGTH, at, told);
    }
}

/// A matrix in the metadata, or the path of one.
fn matrix(found: &mut Findings, at: &At<'_>, key: &str, rows: Option<usize>, columns: Option<usize>) {
    if at.get(key).is_none() && at.text("path").is_some() {
        return;
    }
    let Some(matrix) = found.need(TRANSFORM_VALUES, at, key, is_filled) else { return };
    let lengths: Vec<usize> = matrix.items().map(|row| row.items().count()).collect();
    let columns = columns.or(lengths.first().copied());
    if !matrix.items().all(|row| is_numbers(row.value)) {
        found.at(TRANSFORM_VALUES, &matrix);
    } else if rows.is_some_and(|rows| rows != lengths.len()) || lengths.iter().any(|length| Some(*length) != columns) {
        let expected = |number: Option<usize>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let told = format!("rows of {lengths:?}, for {} x {}", expected(rows), expected(columns));
        found.told(TRANSFORM_LENGTH, &matrix, told);
    }
}

fn rotation(found: &mut Findings, at: &At<'_>, ends: Ends) {
    same(found, at, ends);
    let size = ends.input.or(ends.output).or_else(|| at.get("rotation").map(|rows| rows.items().count()));
    let before = found.list.len();
    matrix(found, at, "rotation", size, size);
    let Some(matrix) = at.get("rotation").filter(|_| found.list.len() == before) else { return };
    let rows: Vec<Vec<f64>> =
        matrix.items().map(|row| row.items().filter_map(|each| each.value.as_f64()).collect()).collect();
    let orthonormal = rows.iter().enumerate().all(|(nth, one)| {
        rows.iter().enumerate().all(|(mth, other)| {
            let product: f64 = one.iter().zip(other).map(|(a, b)| a * b).sum();
            (product - f64::from(u8::from(nth == mth))).abs() <= ROUNDING
        })
    });
    if !orthonormal || (determinant(rows) - 1.0).abs() > ROUNDING {
        found.at(ROTATION, &matrix);
    }
}

/// Of a square matrix, by elimination.
fn determinant(mut rows: Vec<Vec<f64>>) -> f64 {
    let mut product = 1.0;
    for column in 0..rows.len() {
        let entry =
            |rows: &[Vec<f64>], row: usize, column: usize| rows.get(row).and_then(|row| row.get(column)).copied();
        let size = |row: &usize| entry(&rows, *row, column).unwrap_or(0.0).abs();
        let Some(pivot) = (column..rows.len()).max_by(|one, other| size(one).total_cmp(&size(other))) else { break };
        if pivot != column {
            rows.swap(pivot, column);
            product = -product;
        }
        let Some(top) = rows.get(column).cloned() else { break };
        let first = top.get(column).copied().unwrap_or(0.0);
        product *= first;
        if first == 0.0 {
            break;
        }
        for row in rows.iter_mut().skip(column + 1) {
            let factor = row.get(column).copied().unwrap_or(0.0) / first;
            row.iter_mut().zip(&top).for_each(|(each, above)| *each -= factor * above);
        }
    }
    product
}

fn sequence(found: &mut Findings, at: &At<'_>, ends: Ends, depth: usize) {
    let Some(list) = found.need(TRANSFORM_VALUES, at, "transformations", is_filled) else { return };
    // Between the parts nobody says how many axes there are, unless no part can change it.
    let keeps = |part: &At<'_>| {
        matches!(part.text("type"), Some("identity" | "scale" | "translation" | "rotation" | "mapAxis"))
    };
    let between = ends.input.or(ends.output).filter(|_| list.items().all(|part| keeps(&part)));
    let last = list.items().count().saturating_sub(1);
    for (nth, part) in list.items().enumerate() {
        let input = if nth == 0 { ends.input } else { between };
        let output = if nth == last { ends.output } else { between };
        nested(found, &part, Ends { input, output }, depth);
    }
}

fn by_dimension(found: &mut Findings, at: &At<'_>, ends: Ends, depth: usize) {
    let Some(list) = found.need(TRANSFORM_VALUES, at, "transformations", is_filled) else { return };
    let mut outputs: Vec<u64> = Vec::new();
    let mut right = true;
    for part in list.items() {
        let mut axes = |key: &str, all: Option<usize>| {
            let list = found.need(TRANSFORM_VALUES, &part, key, Value::is_array)?;
            if is_indices(&list, all) {
                return Some(list.items().filter_map(|each| each.value.as_u64()).collect::<Vec<_>>());
            }
            found.at(TRANSFORM_VALUES, &list);
            None
        };
        let (input, output) = (axes("inputAxes", ends.input), axes("outputAxes", ends.output));
        let count = |axes: &Option<Vec<u64>>| axes.as_ref().map(Vec::len);
        let inner = Ends { input: count(&input), output: count(&output) };
        right &= output.is_some();
        outputs.extend(output.into_iter().flatten());
        if let Some(part) = found.need(TRANSFORM_VALUES, &part, "transformation", Value::is_object) {
            nested(found, &part, inner, depth);
        }
    }
    outputs.sort_unstable();
    let expected = ends.output.map_or(outputs.len(), |axes| axes) as u64;
    if right && !outputs.iter().copied().eq(0..expected) {
        found.told(BY_DIMENSION, &list, format!("outputs {outputs:?} of {expected} axes"));
    }
}
