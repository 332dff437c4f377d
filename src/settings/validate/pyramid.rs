//! Rules of downsampled levels.

use crate::error::{Error, Result};
use crate::settings::declared::Settings;
use crate::settings::kind::DimensionType;
use crate::settings::limits::MAX_LEVELS;

pub(super) fn check(settings: &Settings) -> Result<()> {
    let Some(pyramid) = &settings.pyramid else { return Ok(()) };
    if let Some(levels) = pyramid.levels
        && !(1..=MAX_LEVELS).contains(&levels)
    {
        return Err(Error::settings(
            "pyramid.levels",
            levels,
            "not a usable number of levels",
            format!("use 1 to {MAX_LEVELS}, or leave it out"),
        ));
    }
    for (name, factor) in pyramid.factors.iter().flatten() {
        let field = format!("pyramid.factors.{name}");
        if *factor == 0 {
            return Err(Error::settings(field, 0, "a factor is at least 1", "use 2, or 1 to keep the size"));
        }
        let spatial =
            settings.dimensions.iter().any(|each| each.name == *name && each.kind == Some(DimensionType::Space));
        if !spatial {
            return Err(Error::settings(
                field,
                factor,
                "no dimension of type \"space\" has this name",
                "use names of space dimensions",
            ));
        }
    }
    Ok(())
}
