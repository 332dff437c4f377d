//! Numbers and tables as people read them.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// A table that Markdown takes too. The first column is a name, the others are numbers.
pub fn table(header: &[impl AsRef<str>], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(AsRef::as_ref)).add_rows(rows);
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table.to_string()
}

/// `bytes` in the unit that suits it.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(value.fract() >= 0.05 && value < 100.0);
    format!("{value:.decimals$} {}", UNITS.get(unit).copied().unwrap_or("B"))
}

/// `bytes` as whole MiB, without the unit.
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / f64::from(1 << 20))
}

/// Three digits that count, as far as a table needs them.
pub fn short(value: f64) -> String {
    let decimals = match value.abs() {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// `2 x 3 x 4`.
pub fn product(factors: &[u64]) -> String {
    factors.iter().map(u64::to_string).collect::<Vec<_>>().join(" x ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_suits_them() {
        for (bytes, text) in
            [(0, "0 B"), (1023, "1023 B"), (131_072, "128 KiB"), (1_610_612_736, "1.5 GiB"), (u64::MAX, "16777216 TiB")]
        {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn numbers_keep_the_digits_that_count() {
        assert_eq!([0.0123, 1.234, 12.34, 1234.5].map(short), ["0.012", "1.23", "12.3", "1234"]);
    }

    #[test]
    fn tables_are_markdown_with_numbers_on_the_right() {
        let text = table(&["engine", "GB/s"], &[vec!["a".into(), "10.5".into()], vec!["bb".into(), "1".into()]]);
        assert_eq!(text, "| engine | GB/s |\n|--------|------|\n| a      | 10.5 |\n| bb     |    1 |");
    }
}
