//! Damaged stores: no panic, and what can be mended is mended at once.
#![no_main]

mod damage;

use libfuzzer_sys::fuzz_target;
use ome_stream::recover::{Options, recover};

fuzz_target!(|input: &[u8]| {
    let folder = damage::store(input);
    let verifier = ome_stream_backends::verifier();
    let run = |apply| recover(folder.path(), &Options { apply, verifier: Some(&verifier) });
    let Ok(seen) = run(false) else { return };
    let mended = run(true).expect("looked at before");
    assert_eq!((seen.verdict, seen.lost_chunks), (mended.verdict, mended.lost_chunks));
    let again = run(false).expect("looked at before");
    assert!(again.findings.iter().all(|finding| finding.remedy.is_none()), "{:#?}", again.findings);
});
