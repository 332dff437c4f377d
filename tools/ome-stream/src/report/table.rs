//! Tables.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// Columns side by side, two spaces apart; those listed in `right` flush right. Without blanks at line ends.
pub fn table(rows: &[Vec<String>], right: &[usize]) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled).add_rows(rows);
    for (nth, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if right.contains(&nth) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 2]| cells.map(String::from).to_vec();
        let lines = table(&[row(["axis", "size"]), row(["z", "31"]), row(["long name", ""])], &[1]);
        assert_eq!(lines, ["axis       size", "z            31", "long name"]);
    }
}
