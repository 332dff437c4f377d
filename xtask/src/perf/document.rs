//! The place in the document that is measured and not written by hand.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Where it begins and ends.
const BEGIN: &str = "<!-- written by cargo xtask perf: begin -->";
const END: &str = "<!-- written by cargo xtask perf: end -->";

/// Replaces what lies between the two lines.
pub(super) fn write_into(document: &Path, tables: &str) -> Result<()> {
    let text = fs::read_to_string(document).with_context(|| document.display().to_string())?;
    let (before, rest) = text.split_once(BEGIN).context("the document has no place for the tables")?;
    let (_, after) = rest.split_once(END).context("the document has no end of the tables")?;
    let text = format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", tables.trim());
    fs::write(document, text).context("the document cannot be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tables_are_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.md");
        fs::write(&path, format!("before\n{BEGIN}\nold\n{END}\nafter\n")).expect("written");
        write_into(&path, "new\n").expect("written");
        let text = fs::read_to_string(&path).expect("read");
        assert_eq!(text, format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
    }
}
