//! What settings mean: a typed acquisition that keeps every rule.

use super::axis::{self, Axis};
use super::declared::Settings;
use super::{json, validate};
use crate::error::Result;

/// Settings in their normal form that keep every rule which does not depend on an engine, and what follows from them.
///
/// Only checked settings become one, and they cannot be changed in it: whoever has one need not check.
#[derive(Debug, Clone)]
pub struct Acquisition {
    settings: Settings,
    axes: Vec<Axis>,
    notes: Vec<String>,
}

impl Acquisition {
    /// Normalizes and checks settings, as [`Settings::validate`] says.
    ///
    /// # Errors
    /// As [`Settings::validate`].
    pub fn of(settings: &Settings) -> Result<Self> {
        let mut settings = settings.clone();
        let notes = validate::normalize(&mut settings)?;
        let axes = axis::of(&settings);
        validate::check(&settings, &axes)?;
        Ok(Self { settings, axes, notes })
    }

    /// The settings in their normal form.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Axes of every array in storage order, two to [`MAX_AXES`](super::MAX_AXES); rows and columns of a frame last.
    #[must_use]
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Whether chunks are put together in shards.
    #[must_use]
    pub fn is_sharded(&self) -> bool {
        self.settings.dimensions.iter().any(|each| each.shard_size_chunks.is_some())
    }

    /// What was changed in a way that a person might not expect.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

impl Settings {
    /// Reads, normalizes and validates settings. What was changed on the way is told by [`Settings::parse_json`]
    /// followed by [`Settings::validate`].
    ///
    /// # Errors
    /// [`Error::InvalidSettings`](crate::Error::InvalidSettings) with the path of the field, its value and what would
    /// work: for text that is not JSON, unknown fields, values of the wrong kind, and every rule of
    /// [`Settings::validate`].
    pub fn from_json(text: &str) -> Result<Self> {
        let mut settings = Self::parse_json(text)?;
        settings.validate()?;
        Ok(settings)
    }

    /// Reads settings as they are written, without normalizing or checking combinations.
    ///
    /// # Errors
    /// [`Error::InvalidSettings`](crate::Error::InvalidSettings) for text that is not JSON, unknown fields and values
    /// of the wrong kind.
    pub fn parse_json(text: &str) -> Result<Self> {
        json::parse(text)
    }

    /// Normalizes in place and checks every rule that does not depend on an engine.
    ///
    /// Normalized are: `kind` (inferred from coordinates, then unit, then name), units (to OME-NGFF names), position
    /// counts and names (to coordinates), `count` (from coordinates), sizes of chunks and shards (clamped to the
    /// dimension) and the suffix. Asking again changes nothing and gives no notes.
    ///
    /// Returns notes for a person: what was changed in a way that they might not expect.
    ///
    /// # Errors
    /// [`Error::InvalidSettings`](crate::Error::InvalidSettings) naming the first field that cannot be used; the
    /// settings are then as they were.
    pub fn validate(&mut self) -> Result<Vec<String>> {
        let checked = Acquisition::of(self)?;
        *self = checked.settings;
        Ok(checked.notes)
    }
}
