//! Codec chains in a few words.

use serde_json::Value;

use crate::report::text::clean;

/// Most codecs of one chain that are shown.
const SHOWN: usize = 8;

/// What the codecs of an array do to a chunk.
#[derive(Debug, PartialEq)]
pub struct Chain {
    /// In words: `blosc-zstd level 3, byte shuffle`; `none` where bytes are stored as they are.
    pub text: String,
    /// Extents of a chunk inside a shard, where there are shards.
    pub inner_chunk: Option<Value>,
}

/// Reads the `codecs` of an array.
pub fn chain(codecs: &Value) -> Result<Chain, String> {
    let list = codecs.as_array().ok_or("codecs is not a list")?;
    let mut inner_chunk = None;
    let mut inner = None;
    let mut outer = Vec::new();
    for codec in list {
        let name = name(codec).ok_or("a codec has no name")?;
        if name == "sharding_indexed" && inner_chunk.is_none() {
            let configuration = codec.get("configuration").ok_or("sharding_indexed has no configuration")?;
            inner_chunk = Some(configuration.get("chunk_shape").ok_or("sharding_indexed has no chunk_shape")?.clone());
            inner = configuration.get("codecs").and_then(Value::as_array).cloned();
        } else {
            outer.push(codec);
        }
    }
    let words: Vec<String> = inner.iter().flatten().chain(outer).filter_map(describe).collect();
    let mut text = words.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(" + ");
    if words.is_empty() {
        text.push_str("none");
    }
    if words.len() > SHOWN {
        text.push_str(" + ...");
    }
    Ok(Chain { text, inner_chunk })
}

/// Zarr v3 allows a bare name for a codec without configuration.
fn name(codec: &Value) -> Option<&str> {
    codec.as_str().or_else(|| codec.get("name")?.as_str())
}

fn describe(codec: &Value) -> Option<String> {
    let name = name(codec)?;
    let configuration = |key: &str| codec.get("configuration").and_then(|object| object.get(key));
    let level = |key: &str| configuration(key).filter(|level| level.is_number()).map(|level| format!(" level {level}"));
    match name {
        // Little-endian is what everybody expects.
        "bytes" => (configuration("endian")?.as_str()? == "big").then(|| "big-endian".to_owned()),
        "blosc" => {
            let inside = configuration("cname").and_then(Value::as_str).unwrap_or("?");
            let shuffle = match configuration("shuffle").and_then(Value::as_str) {
                Some("shuffle") => ", byte shuffle",
                Some("bitshuffle") => ", bit shuffle",
                _ => "",
            };
            Some(format!("blosc-{}{}{shuffle}", clean(inside), level("clevel").unwrap_or_default()))
        }
        "zstd" | "gzip" => Some(format!("{name}{}", level("level").unwrap_or_default())),
        other => Some(clean(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn chains_are_told_in_a_few_words() {
        let bytes = json!({"name": "bytes", "configuration": {"endian": "little"}});
        let blosc = json!({"name": "blosc", "configuration": {"cname": "zstd", "clevel": 3, "shuffle": "shuffle"}});
        let text = |codecs: Value| chain(&codecs).expect("valid").text;
        assert_eq!(text(json!([bytes])), "none");
        assert_eq!(text(json!([bytes, blosc])), "blosc-zstd level 3, byte shuffle");
        assert_eq!(
            text(json!([{"name": "bytes", "configuration": {"endian": "big"}}, "crc32c"])),
            "big-endian + crc32c"
        );
        assert_eq!(
            text(json!(["transpose", "bytes", {"name": "gzip", "configuration": {"level": 5}}])),
            "transpose + gzip level 5"
        );
    }

    #[test]
    fn shards_give_the_chunk_inside_and_its_codecs() {
        let codecs = json!([{"name": "sharding_indexed", "configuration": {
            "chunk_shape": [1, 4], "codecs": ["bytes", {"name": "zstd", "configuration": {"level": -7}}],
            "index_codecs": ["bytes", "crc32c"], "index_location": "end"}}]);
        let expected = Chain { text: "zstd level -7".into(), inner_chunk: Some(json!([1, 4])) };
        assert_eq!(chain(&codecs), Ok(expected));
    }

    #[test]
    fn what_is_no_chain_is_told() {
        for codecs in [json!(3), json!([3]), json!([{}]), json!(["sharding_indexed"])] {
            assert!(chain(&codecs).is_err(), "{codecs}");
        }
    }
}
