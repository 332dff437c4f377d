//! The engines of ome-stream: a plain list, name -> backend, available or why not.

use ome_stream::backend::{Backend, Capabilities};
use ome_stream::{Error, Result};
use ome_stream_backend_zarrs::ZarrsBackend;

/// Name of the engine that `"auto"` stands for: always there.
pub const DEFAULT: &str = "zarrs";

/// An engine as a person or a host sees it.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Listing {
    /// Name as given to `-b` and in settings.
    pub name: &'static str,
    /// What it can do; `None` where it is not available.
    pub capabilities: Option<Capabilities>,
    /// Where it was found, or why it is not available and the command that would make it so.
    pub detail: String,
}

impl Listing {
    /// True where the engine can be used on this machine now.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.capabilities.is_some()
    }
}

/// Every engine this build knows.
#[must_use]
pub fn list() -> Vec<Listing> {
    vec![Listing {
        name: "zarrs",
        capabilities: Some(ZarrsBackend::default().capabilities()),
        detail: "built in".into(),
    }]
}

/// The engine called `name`, as in `format.backend` of the settings: `"auto"` and ome-writers' names for zarr engines
/// that live in Python (`zarrs-python`, `zarr-python`) stand for the native one.
///
/// # Errors
/// [`Error::Unavailable`] where it cannot be used here, [`Error::InvalidSettings`] for a name that is no engine's.
pub fn open(name: &str) -> Result<Box<dyn Backend>> {
    match name {
        "auto" | "zarrs" | "zarrs-python" | "zarr-python" => Ok(Box::new(ZarrsBackend::default())),
        other => Err(Error::settings(
            "format.backend",
            other,
            "there is no such engine in this build",
            format!("use one of: auto, {}", list().iter().map(|each| each.name).collect::<Vec<_>>().join(", ")),
        )),
    }
}
