//! Settings from anybody: refused on one line of bounded length or valid, never a panic; what is valid has a plan, and
//! comes back from its own JSON.

use ome_stream::plan::{Capabilities, StorageUnit};
use ome_stream::{Plan, Settings};

/// Characters of a field, a value, a problem and a remedy together.
const LONGEST_MESSAGE: usize = 3000;

/// Judges a text as settings.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let settings = match Settings::from_json(text) {
        Ok(settings) => settings,
        Err(error) => {
            let message = error.to_string();
            assert!(message.chars().count() < LONGEST_MESSAGE && !message.contains(char::is_control), "{message:?}");
            return;
        }
    };
    let [Ok(plan), _, _] = [StorageUnit::Chunk, StorageUnit::Frame, StorageUnit::Shard]
        .map(|unit| Plan::new(&settings, &Capabilities::taking(unit)))
    else {
        return;
    };
    let text = serde_json::to_string(plan.settings()).expect("settings are JSON");
    let again = Settings::from_json(&text).expect("our own JSON");
    assert_eq!(
        Plan::new(&again, &Capabilities::taking(StorageUnit::Chunk)).expect("valid as before").settings(),
        plan.settings()
    );
}
