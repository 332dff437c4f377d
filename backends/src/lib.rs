//! The engines of ome-stream: a plain list, name -> backend, available or why not.

use ome_stream::backend::{Backend, Capabilities, Verifier};
use ome_stream::{Error, Result};
use ome_stream_backend_zarrs::{ZarrsBackend, ZarrsVerifier};

/// Name of the engine that `"auto"` stands for: always there.
pub const DEFAULT: &str = "zarrs";

/// An engine as a person or a host sees it, by what can be told without loading it: one that is loaded at run time may
/// still fail to load when a run names it.
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

/// Every engine this build knows. Loads none: a library that is loaded at run time stays in the process.
#[must_use]
pub fn list() -> Vec<Listing> {
    let zarrs = Listing { name: DEFAULT, capabilities: Some(ZarrsBackend.capabilities()), detail: "built in".into() };
    vec![zarrs, acquire::listing(), tensorstore::listing()]
}

/// Decodes chunks of every codec that the engines write: for `ome_stream::recover`.
#[must_use]
pub fn verifier() -> impl Verifier {
    ZarrsVerifier
}

/// The engine called `name`, as in `format.backend` of the settings: `"auto"` and ome-writers' names for zarr engines
/// that live in Python (`zarrs-python`, `zarr-python`) stand for the native one. An engine that is loaded at run time
/// is loaded now.
///
/// # Errors
/// [`Error::Unavailable`] where it cannot be used here, [`Error::InvalidSettings`] for a name that is no engine's.
pub fn open(name: &str) -> Result<Box<dyn Backend>> {
    match name {
        "auto" | "zarrs" | "zarrs-python" | "zarr-python" => Ok(Box::new(ZarrsBackend)),
        acquire::NAME => acquire::open(),
        tensorstore::NAME => tensorstore::open(),
        other => Err(Error::settings(
            "format.backend",
            other,
            "there is no such engine in this build",
            format!("use one of: auto, {}", [DEFAULT, acquire::NAME, tensorstore::NAME].join(", ")),
        )),
    }
}

#[cfg(all(feature = "acquire-zarr", target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod acquire {
    use ome_stream::Result;
    use ome_stream::backend::Backend;
    pub(super) use ome_stream_backend_acquire::NAME;
    use ome_stream_backend_acquire::{AcquireBackend, Found};

    use super::{Listing, unavailable};

    pub(super) fn open() -> Result<Box<dyn Backend>> {
        Ok(Box::new(AcquireBackend::open(None)?))
    }

    /// By its file: a list loads nothing into the process that asks for it.
    pub(super) fn listing() -> Listing {
        match Found::find(None) {
            Ok(found) => Listing { name: NAME, capabilities: Some(found.capabilities()), detail: found.detail() },
            Err(error) => unavailable(NAME, error),
        }
    }
}

#[cfg(not(all(feature = "acquire-zarr", target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
mod acquire {
    use ome_stream::backend::Backend;
    use ome_stream::{Error, Result};

    use super::{Listing, unavailable};

    pub(super) const NAME: &str = "acquire-zarr";

    fn left_out() -> Error {
        use std::env::consts::{ARCH, OS};
        let reason = match cfg!(feature = "acquire-zarr") {
            true => format!("it can only be loaded on x86-64 Linux with the GNU C library; this is {OS} on {ARCH}"),
            false => "it was left out of this build; `cargo build --features acquire-zarr` takes it in".into(),
        };
        Error::Unavailable { backend: NAME.into(), reason }
    }

    pub(super) fn open() -> Result<Box<dyn Backend>> {
        Err(left_out())
    }

    pub(super) fn listing() -> Listing {
        unavailable(NAME, left_out())
    }
}

#[cfg(feature = "tensorstore")]
mod tensorstore {
    use ome_stream::Result;
    use ome_stream::backend::Backend;
    pub(super) use ome_stream_backend_tensorstore::NAME;
    use ome_stream_backend_tensorstore::TensorStoreBackend;

    use super::Listing;

    pub(super) fn open() -> Result<Box<dyn Backend>> {
        Ok(Box::new(TensorStoreBackend))
    }

    pub(super) fn listing() -> Listing {
        Listing { name: NAME, capabilities: Some(TensorStoreBackend.capabilities()), detail: "built in".into() }
    }
}

#[cfg(not(feature = "tensorstore"))]
mod tensorstore {
    use ome_stream::backend::Backend;
    use ome_stream::{Error, Result};

    use super::{Listing, unavailable};

    pub(super) const NAME: &str = "tensorstore";

    fn left_out() -> Error {
        let reason = "it was left out of this build; run `cargo xtask tensorstore`, then `cargo build --features \
                      tensorstore` takes it in";
        Error::Unavailable { backend: NAME.into(), reason: reason.into() }
    }

    pub(super) fn open() -> Result<Box<dyn Backend>> {
        Err(left_out())
    }

    pub(super) fn listing() -> Listing {
        unavailable(NAME, left_out())
    }
}

/// An engine that cannot be used, with the reason alone: the list names the engine itself.
fn unavailable(name: &'static str, error: Error) -> Listing {
    let detail = match error {
        Error::Unavailable { reason, .. } => reason,
        other => other.to_string(),
    };
    Listing { name, capabilities: None, detail }
}
