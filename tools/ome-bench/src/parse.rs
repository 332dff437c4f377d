//! Values that need more than clap knows.

use std::str::FromStr;

use ome_stream::Error;
use ome_stream::settings::parse_bytes;

/// A value of the settings, in their own grammar.
pub fn setting<T: FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(short)
}

/// A size, as settings take it on command lines: `16GiB`, `1.5GB`, `512M`, or bytes.
pub fn bytes(text: &str) -> Result<u64, String> {
    parse_bytes("size", text).map_err(short)
}

/// Frames per second, 0 for no limit.
pub fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=1e6).contains(&rate) => Ok(rate),
        _ => Err("not a frame rate; use frames per second from 0 (as fast as it goes) to 1000000".into()),
    }
}

/// What clap does not say already: it names option and value itself.
fn short(error: Error) -> String {
    match error {
        Error::InvalidSettings { problem, remedy, .. } => format!("{problem}; {remedy}"),
        other => other.to_string(),
    }
}
