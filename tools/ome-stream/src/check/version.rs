//! Versions of OME-NGFF.

use std::fmt;

use ome_stream::zarr::ZarrFormat;

/// A version whose rules are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// On Zarr v2, with a version in each object.
    V04,
    /// On Zarr v3, inside of `ome`.
    V05,
    /// With coordinate systems.
    V06,
}

/// What a text says of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// One that is known.
    Final(Version),
    /// A draft of one that is known: `0.6rc0`, `0.6.dev3`.
    Draft(Version),
    /// An earlier one, whose rules are not checked.
    Earlier,
    /// No version.
    Unknown,
}

impl Version {
    /// As metadata tell it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::V04 => "0.4",
            Self::V05 => "0.5",
            Self::V06 => "0.6",
        }
    }

    /// The Zarr format that it is on.
    pub const fn format(self) -> ZarrFormat {
        match self {
            Self::V04 => ZarrFormat::V2,
            Self::V05 | Self::V06 => ZarrFormat::V3,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl Told {
    /// What `text` says.
    pub fn of(text: &str) -> Self {
        for version in [Version::V04, Version::V05, Version::V06] {
            match text.strip_prefix(version.text()) {
                Some("") => return Self::Final(version),
                Some(rest) if ["rc", "dev", ".dev", "-dev", ".rc", "-rc"].iter().any(|mark| rest.starts_with(mark)) => {
                    return Self::Draft(version);
                }
                _ => {}
            }
        }
        if matches!(text, "0.1" | "0.2" | "0.3") { Self::Earlier } else { Self::Unknown }
    }

    /// The version, where it is known.
    pub const fn version(self) -> Option<Version> {
        match self {
            Self::Final(version) | Self::Draft(version) => Some(version),
            Self::Earlier | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_their_drafts_are_told_apart() {
        for (text, told) in [
            ("0.4", Told::Final(Version::V04)),
            ("0.6", Told::Final(Version::V06)),
            ("0.6rc0", Told::Draft(Version::V06)),
            ("0.6.dev3", Told::Draft(Version::V06)),
            ("0.5-dev", Told::Draft(Version::V05)),
            ("0.3", Told::Earlier),
            ("0.51", Told::Unknown),
            ("0.7", Told::Unknown),
            ("latest", Told::Unknown),
            ("", Told::Unknown),
        ] {
            assert_eq!(Told::of(text), told, "{text}");
        }
    }
}
