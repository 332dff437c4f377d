//! The list of engines.

use ome_stream_backends::Listing;

use super::table::table;

/// A line for each engine: name, whether it can be used, version, detail.
pub fn text(engines: &[Listing]) -> String {
    let rows: Vec<Vec<String>> = engines
        .iter()
        .map(|engine| {
            let state = engine.capabilities.as_ref().map_or("not available", |can| can.version.as_str());
            vec![engine.name.to_owned(), state.to_owned(), engine.detail.clone()]
        })
        .collect();
    table(&rows, &[]).into_iter().map(|line| line + "\n").collect()
}
