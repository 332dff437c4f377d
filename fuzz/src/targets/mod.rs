//! One check a target: it takes any bytes, and panics where something does not hold.

pub mod c_calls;
pub mod c_settings;
pub mod info;
pub mod input;
pub mod plans;
pub mod recover;
pub mod settings;
pub mod shard_index;

/// A check.
pub type Check = fn(&[u8]);

/// All targets by name.
pub const ALL: [(&str, Check); 8] = [
    ("c_calls", c_calls::check),
    ("c_settings", c_settings::check),
    ("info", info::check),
    ("input", input::check),
    ("plans", plans::check),
    ("recover", recover::check),
    ("settings", settings::check),
    ("shard_index", shard_index::check),
];
