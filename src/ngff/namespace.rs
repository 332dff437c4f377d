//! The host's own attributes: which names it may use.

use serde_json::Value;

use super::depth;
use crate::error::{Error, Result};

/// Names that a host may not use: those of this library and of ome-writers, and every key that OME-NGFF up to 0.4
/// keeps at the top of a group's attributes, where the same names would change what the group is.
pub const RESERVED_NAMESPACES: [&str; 11] = [
    "ome",
    "ome_stream",
    "ome_writers",
    "bioformats2raw.layout",
    "image-label",
    "labels",
    "multiscales",
    "omero",
    "plate",
    "series",
    "well",
];

/// Whether an attribute of this name is NGFF's own: `ome`, or one of those that stood in its place up to 0.4.
#[must_use]
pub fn is_ngff(name: &str) -> bool {
    RESERVED_NAMESPACES.contains(&name) && !OURS.contains(&name)
}

/// Those of [`RESERVED_NAMESPACES`] that are not NGFF's.
const OURS: [&str; 2] = ["ome_stream", "ome_writers"];

/// Most bytes of JSON in one namespace: every reader parses the root group's metadata whole before it shows a pixel,
/// and 14 MB of JSON take 0.4 s to open.
pub const MAX_NAMESPACE_BYTES: usize = 16 * 1024 * 1024;

/// Whether `metadata` may be stored in the root group's attributes under `namespace`.
///
/// # Errors
/// [`Error::InvalidMetadata`] where the name is empty or reserved, the value is no JSON object, or it is larger than
/// [`MAX_NAMESPACE_BYTES`] or nested deeper than [`depth::MAX_DEPTH`].
pub fn check_namespace(namespace: &str, metadata: &Value) -> Result<()> {
    let invalid = |problem: String, remedy: &str| Error::InvalidMetadata {
        namespace: namespace.to_owned(),
        problem,
        remedy: remedy.to_owned(),
    };
    if namespace.is_empty() {
        return Err(invalid("the namespace is empty".into(), "give it a name, such as that of your program"));
    }
    if RESERVED_NAMESPACES.contains(&namespace) {
        return Err(invalid(
            "this name has a meaning of its own in an OME-Zarr group".into(),
            "use another one, such as that of your program",
        ));
    }
    if !metadata.is_object() {
        return Err(invalid("the value is not a JSON object".into(), "wrap it: {\"value\": ...}"));
    }
    if let Some(problem) = depth::problem(metadata) {
        return Err(invalid(problem, "store it as text, or in a file of its own"));
    }
    let bytes = metadata.to_string().len();
    if bytes > MAX_NAMESPACE_BYTES {
        return Err(invalid(
            format!("{bytes} bytes of JSON, at most {MAX_NAMESPACE_BYTES} are stored"),
            "store it in a file of its own and put its path here",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::depth::MAX_DEPTH;
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let nested = |levels: usize| (1..levels).fold(json!({}), |inside, _| json!({"a": inside}));
        assert!(check_namespace("deep", &nested(MAX_DEPTH)).is_ok());
        let error = check_namespace("deep", &nested(MAX_DEPTH + 1)).expect_err("too deep").to_string();
        assert!(error.contains(&format!("more than {MAX_DEPTH} deep")), "{error}");
    }

    #[test]
    fn a_program_may_store_an_object_under_its_own_name() {
        assert!(check_namespace("my_program", &json!({"operator": "Ada"})).is_ok());
    }

    #[test]
    fn reserved_and_empty_names_are_refused_by_name() {
        for name in RESERVED_NAMESPACES.into_iter().chain([""]) {
            let error = check_namespace(name, &json!({})).expect_err(name);
            assert_eq!(error.code(), 12, "{error}");
            assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
        }
    }

    #[test]
    fn only_objects_of_bounded_size_are_stored() {
        assert!(check_namespace("a", &json!([1])).is_err());
        let large = json!({"text": "x".repeat(MAX_NAMESPACE_BYTES)});
        assert!(check_namespace("a", &large).is_err());
        let fits = json!({"text": "x".repeat(MAX_NAMESPACE_BYTES - 11)});
        assert!(check_namespace("a", &fits).is_ok());
    }
}
