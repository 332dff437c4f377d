//! Whether stored bytes are a whole chunk, by zarrs' codecs.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ome_stream::backend::{ChunkChecker, Verifier};
use ome_stream::zarr::{ArrayFormat, Chain, Codec, MAX_CHUNK_BYTES, Zstd};
use zarrs::array::codec::CodecChain;
use zarrs::array::codec::api::ArrayToBytesCodecTraits;
use zarrs::array::{CodecOptions, DataType, FillValue};
use zarrs::metadata::v3::MetadataV3;

use crate::array;
use crate::options::options;
use crate::spares::ask;

/// Decodes chunks with zarrs' codecs, to tell whether they are whole.
#[derive(Debug, Clone, Copy, Default)]
pub struct ZarrsVerifier;

impl Verifier for ZarrsVerifier {
    fn checker(&self, format: &ArrayFormat) -> Result<Box<dyn ChunkChecker>, String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let codecs = array::metadata(&complete(&format.codecs)).map_err(|error| said(&error))?;
        let data_type = MetadataV3::new(format.data_type.name.as_str());
        let data_type = DataType::from_metadata(&data_type).map_err(|error| said(&error))?;
        let item = data_type.fixed_size().ok_or("pixels without a fixed size")?;
        let pixels = format.chunk.iter().try_fold(item as u64, |all, each| all.checked_mul(*each));
        if pixels.is_none_or(|bytes| bytes > MAX_CHUNK_BYTES) {
            return Err(format!("chunks of {:?} pixels have more than {MAX_CHUNK_BYTES} bytes", format.chunk));
        }
        Ok(Box::new(Decoder {
            chain: CodecChain::from_metadata(&codecs).map_err(|error| said(&error))?,
            shape: format.chunk.iter().copied().map(NonZeroU64::new).collect::<Option<_>>().ok_or("an empty chunk")?,
            // What is not stored does not matter for what is.
            fill_value: FillValue::new(vec![0; item]),
            data_type,
            bytes: pixels.unwrap_or(MAX_CHUNK_BYTES) as usize,
            options: options().map_err(|error| said(&error))?,
        }))
    }
}

/// Codecs with what zarrs asks for and documents may leave out: Zarr v2 tells of no checksum of zstd.
fn complete(codecs: &Chain) -> Chain {
    let each = |codec: &Codec| match codec {
        Codec::Zstd(zstd) => Codec::Zstd(Zstd { checksum: Some(zstd.checksum.unwrap_or(false)), ..*zstd }),
        other => other.clone(),
    };
    Chain(codecs.0.iter().map(each).collect())
}

/// The codec chain of an array.
struct Decoder {
    /// Bytes of a decoded chunk.
    bytes: usize,
    chain: CodecChain,
    shape: Vec<NonZeroU64>,
    data_type: DataType,
    fill_value: FillValue,
    options: CodecOptions,
}

impl ChunkChecker for Decoder {
    fn check(&self, stored: &[u8]) -> Result<(), String> {
        ask(self.bytes, "decoding a chunk").map_err(|error| error.to_string())?;
        // Decoders see what nobody wrote; one that panics says no.
        let decode = || {
            let stored = Cow::Borrowed(stored);
            self.chain.decode(stored, &self.shape, &self.data_type, &self.fill_value, &self.options).map(|_| ())
        };
        match catch_unwind(AssertUnwindSafe(decode)) {
            Ok(decoded) => decoded.map_err(|error| error.to_string()),
            Err(_) => Err("the decoder panicked".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ome_stream::zarr::{ArrayDocument, ZarrFormat};
    use serde_json::json;

    use super::*;

    #[test]
    fn zstd_of_zarr_v2_is_decoded() {
        let document = json!({"zarr_format": 2, "shape": [4], "chunks": [4], "dtype": "|u1", "fill_value": 0,
            "compressor": {"id": "zstd", "level": 3}, "order": "C", "filters": null});
        let document = ArrayDocument::of_v2(document.as_object().expect("an object")).expect("an array");
        let format = ArrayFormat::of_anyone(ZarrFormat::V2, document).expect("chunks");
        let checker = ZarrsVerifier.checker(&format).expect("known codecs");
        // A frame of one raw block of four bytes (RFC 8878).
        let frame = [0x28, 0xB5, 0x2F, 0xFD, 0x20, 4, 0x21, 0, 0, 1, 2, 3, 4];
        assert_eq!(checker.check(&frame), Ok(()));
        assert!(checker.check(&frame[..12]).is_err() && checker.check(&[]).is_err());
    }
}
