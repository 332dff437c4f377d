//! Settings from anybody: refused or valid, never a panic; what is valid has a plan, and comes back from its own JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ome_stream::buffer::Unit;
use ome_stream::{Plan, Settings};

fuzz_target!(|text: &str| {
    let Ok(settings) = Settings::from_json(text) else { return };
    let Ok(plan) = Plan::new(&settings) else { return };
    for unit in [Unit::Frame, Unit::Chunk, Unit::Shard] {
        let _ = plan.memory(unit);
    }
    let text = serde_json::to_string(plan.settings()).expect("settings are JSON");
    let again = Settings::from_json(&text).expect("our own JSON");
    assert_eq!(Plan::new(&again).expect("valid as before").settings(), plan.settings());
});
