//! Damaged stores: no panic, and what can be mended is mended at once.

use ome_stream::recover::{Options, recover};

use crate::damage;

/// Looks at a store with the damage that `input` says, mends it, and looks again.
pub fn check(input: &[u8]) {
    let folder = damage::store(input);
    let verifier = ome_stream_backends::verifier();
    let run = |apply| recover(folder.path(), &Options { apply, verifier: Some(&verifier) });
    let Ok(seen) = run(false) else { return };
    let mended = run(true).expect("looked at before");
    assert_eq!((seen.verdict, seen.lost_chunks), (mended.verdict, mended.lost_chunks));
    let again = run(false).expect("looked at before");
    assert!(again.findings.iter().all(|finding| finding.remedy.is_none()), "{:#?}", again.findings);
}
