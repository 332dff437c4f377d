//! Damaged stores as the command-line tool's `info` reads them: shown as far as they go, never a panic.

use crate::{damage, store};

/// Shows a store with the damage that `input` says.
pub fn check(input: &[u8]) {
    let folder = damage::store(input);
    if let Ok(store) = store::read(&*ome_stream::platform::native_source(), folder.path()) {
        let _ = serde_json::to_string(&store).expect("what is shown is JSON");
        store.all_problems().for_each(|problem| assert!(!problem.is_empty()));
    }
}
