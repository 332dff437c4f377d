//! Codec chains in a few words.

use ome_stream::zarr::{Blosc, Chain, Codec, Endian, Gzip, Shuffle, Zstd};

use crate::report::text::clean;

/// Most codecs of one chain that are shown.
const SHOWN: usize = 8;

/// What the codecs of an array do to a chunk: `blosc-zstd level 3, byte shuffle`; `none` where bytes are stored as they
/// are.
pub fn in_words(codecs: &Chain) -> String {
    let first = codecs.0.iter().position(|codec| matches!(codec, Codec::Sharding(_)));
    let (mut inner, mut outer) = (None, Vec::new());
    for (nth, codec) in codecs.0.iter().enumerate() {
        match codec {
            Codec::Sharding(sharding) if first == Some(nth) => inner = Some(&sharding.codecs),
            _ => outer.push(codec),
        }
    }
    let words: Vec<String> = inner.iter().flat_map(|chain| &chain.0).chain(outer).filter_map(describe).collect();
    let mut text = words.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(" + ");
    if words.is_empty() {
        text.push_str("none");
    }
    if words.len() > SHOWN {
        text.push_str(" + ...");
    }
    text
}

fn describe(codec: &Codec) -> Option<String> {
    match codec {
        // Little-endian is what everybody expects.
        Codec::Bytes { endian } => (*endian == Some(Endian::Big)).then(|| "big-endian".to_owned()),
        Codec::Blosc(Blosc { cname, clevel, shuffle, .. }) => {
            let shuffle = match shuffle {
                Shuffle::NoShuffle => "",
                Shuffle::Shuffle => ", byte shuffle",
                Shuffle::BitShuffle => ", bit shuffle",
            };
            Some(format!("blosc-{} level {clevel}{shuffle}", clean(cname)))
        }
        Codec::Zstd(Zstd { level, .. }) | Codec::Gzip(Gzip { level }) => {
            Some(format!("{} level {level}", codec.name()))
        }
        other => Some(clean(other.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn text(codecs: &Value) -> String {
        in_words(&Chain::of(codecs).expect("valid"))
    }

    #[test]
    fn chains_are_told_in_a_few_words() {
        let bytes = json!({"name": "bytes", "configuration": {"endian": "little"}});
        let blosc = json!({"name": "blosc", "configuration": {"cname": "zstd", "clevel": 3, "shuffle": "shuffle"}});
        assert_eq!(text(&json!([bytes])), "none");
        assert_eq!(text(&json!([bytes, blosc])), "blosc-zstd level 3, byte shuffle");
        assert_eq!(
            text(&json!([{"name": "bytes", "configuration": {"endian": "big"}}, "crc32c"])),
            "big-endian + crc32c"
        );
        assert_eq!(
            text(&json!(["transpose", "bytes", {"name": "gzip", "configuration": {"level": 5}}])),
            "transpose + gzip level 5"
        );
    }

    #[test]
    fn of_shards_the_codecs_inside_are_told() {
        let codecs = json!([{"name": "sharding_indexed", "configuration": {
            "chunk_shape": [1, 4], "codecs": ["bytes", {"name": "zstd", "configuration": {"level": -7}}],
            "index_codecs": ["bytes", "crc32c"], "index_location": "end"}}]);
        assert_eq!(text(&codecs), "zstd level -7");
    }
}
