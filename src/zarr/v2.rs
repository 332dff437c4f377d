//! Zarr v2: the same arrays in the words of `.zarray`.

use serde_json::{Map, Value, json};

use super::array::{ArrayDocument, extents};
use super::codec::{Chain, Codec, Endian};
use super::data_type::DataType;
use super::keys::{Keys, Separator};

impl ArrayDocument {
    /// The document `.zarray` (Zarr v2 specification, "Metadata").
    ///
    /// # Errors
    /// What format 2 has no place for.
    pub fn v2(&self) -> Result<Value, String> {
        let separator = match self.keys {
            Keys::V2(separator) => separator,
            Keys::Default(_) | Keys::Other(_) => return Err("Zarr v2 has no keys of that kind".into()),
        };
        let (order, chain) = match self.codecs.0.split_first() {
            Some((first, rest)) if *first == reversed(self.shape.len()) => ("F", rest),
            _ => ("C", self.codecs.0.as_slice()),
        };
        let (endian, compressor) = match chain {
            [Codec::Bytes { endian }] => (endian, Value::Null),
            [Codec::Bytes { endian }, compressor] => {
                let told = compressor.v2().ok_or_else(|| format!("Zarr v2 has no codec {}", compressor.name()))?;
                (endian, told)
            }
            _ => {
                let names: Vec<_> = self.codecs.0.iter().map(Codec::name).collect();
                return Err(format!("Zarr v2 has no such chain of codecs: {}", names.join(", ")));
            }
        };
        let dtype = self.data_type.v2(endian.unwrap_or(Endian::Little));
        Ok(json!({
            "zarr_format": 2,
            "shape": self.shape,
            "chunks": self.object,
            "dtype": dtype.ok_or_else(|| format!("Zarr v2 has no type {}", self.data_type.name))?,
            "compressor": compressor,
            "fill_value": self.fill_value,
            "order": order,
            "filters": null,
            "dimension_separator": separator.json(),
        }))
    }

    /// Reads a `.zarray`.
    ///
    /// # Errors
    /// What is missing, impossible, or of a kind that is not known.
    pub fn of_v2(document: &Map<String, Value>) -> Result<Self, String> {
        let needed = |name: &str| document.get(name).ok_or_else(|| format!("the array has no {name}"));
        if needed("zarr_format")?.as_u64() != Some(2) {
            return Err("zarr_format is not 2".into());
        }
        let (data_type, endian) = DataType::of_v2(needed("dtype")?)?;
        let mut codecs = Vec::new();
        match needed("order")?.as_str() {
            Some("C") => {}
            // Format 3 says it so, for the same bytes.
            Some("F") => codecs.push(reversed(extents("shape", needed("shape")?)?.len())),
            _ => return Err("order is neither C nor F".into()),
        }
        for filter in document.get("filters").and_then(Value::as_array).into_iter().flatten() {
            codecs.push(Codec::of_v2(filter, data_type.size())?);
        }
        codecs.push(Codec::Bytes { endian });
        match needed("compressor")? {
            Value::Null => {}
            compressor => codecs.push(Codec::of_v2(compressor, data_type.size())?),
        }
        let separator = document.get("dimension_separator").map_or(Some(Separator::Dot), Separator::of);
        let made = Self {
            shape: extents("shape", needed("shape")?)?,
            data_type,
            object: extents("chunks", needed("chunks")?)?,
            keys: Keys::V2(separator.ok_or("dimension_separator is neither . nor /")?),
            fill_value: document.get("fill_value").cloned().unwrap_or(Value::Null),
            codecs: Chain(codecs),
            dimension_names: None,
        };
        made.fits("chunks", &made.object)?;
        Ok(made)
    }
}

/// The last axis first.
fn reversed(axes: usize) -> Codec {
    let order: Vec<usize> = (0..axes).rev().collect();
    let value = json!({"name": "transpose", "configuration": {"order": order}});
    Codec::Other { name: "transpose".into(), value }
}

#[cfg(test)]
mod tests {
    use super::super::array::tests::sharded;
    use super::super::codec::{Blosc, Shuffle};
    use super::*;

    fn plain(codecs: Vec<Codec>) -> ArrayDocument {
        let keys = Keys::V2(Separator::Slash);
        ArrayDocument { keys, codecs: Chain(codecs), dimension_names: None, ..sharded() }
    }

    fn bytes() -> Codec {
        Codec::Bytes { endian: Some(Endian::Little) }
    }

    fn lz4() -> Codec {
        let (typesize, blocksize) = (Some(2), Some(0));
        Codec::Blosc(Blosc { cname: "lz4".into(), clevel: 5, shuffle: Shuffle::Shuffle, typesize, blocksize })
    }

    #[test]
    fn arrays_come_back() {
        for codecs in [vec![bytes()], vec![bytes(), lz4()]] {
            let document = plain(codecs);
            let v2 = document.v2().expect("format 2 has it");
            assert_eq!(ArrayDocument::of_v2(v2.as_object().expect("an object")), Ok(document));
        }
        let expected = r#"{"zarr_format":2,"shape":[7,100,30],"chunks":[6,64,32],"dtype":"<u2","compressor":{"id":"blosc","cname":"lz4","clevel":5,"shuffle":1,"blocksize":0},"fill_value":0,"order":"C","filters":null,"dimension_separator":"/"}"#;
        assert_eq!(plain(vec![bytes(), lz4()]).v2().expect("format 2 has it").to_string(), expected);
    }

    #[test]
    fn what_format_2_has_not_is_told() {
        let keys = Keys::Default(Separator::Slash);
        for (document, part) in [
            (sharded(), "keys"),
            (ArrayDocument { keys: Keys::V2(Separator::Dot), ..sharded() }, "chain"),
            (ArrayDocument { keys, ..plain(vec![bytes()]) }, "keys"),
            (plain(vec![bytes(), Codec::Crc32c]), "crc32c"),
            (plain(vec![bytes(), lz4(), Codec::Crc32c]), "crc32c"),
            (plain(vec![bytes(), lz4(), lz4()]), "chain"),
            (ArrayDocument { data_type: DataType::named("string"), ..plain(vec![bytes()]) }, "type string"),
        ] {
            let why = document.v2().expect_err(part);
            assert!(why.contains(part), "{why}");
        }
    }

    #[test]
    fn arrays_of_others_are_read_or_refused() {
        let read = |name: &str, value: Value| {
            let mut v2 = plain(vec![bytes()]).v2().expect("format 2 has it");
            v2[name] = value;
            ArrayDocument::of_v2(v2.as_object().expect("an object"))
        };
        let fortran = read("order", json!("F")).expect("an array");
        assert_eq!(fortran.codecs.json()[0], json!({"name": "transpose", "configuration": {"order": [2, 1, 0]}}));
        assert_eq!(fortran.v2().expect("format 2 has it")["order"], "F");
        let filtered = read("filters", json!([{"id": "delta", "dtype": "<u2"}])).expect("an array");
        assert_eq!(filtered.codecs.0[0].name(), "delta");
        assert!(filtered.v2().is_err());
        for (name, value) in [
            ("zarr_format", json!(3)),
            ("dtype", json!("<M8[ns]")),
            ("order", json!("K")),
            ("compressor", json!({})),
            ("chunks", json!([0, 1, 1])),
            ("chunks", json!([1, 1])),
            ("dimension_separator", json!("-")),
            ("shape", json!(null)),
        ] {
            assert!(read(name, value.clone()).is_err(), "{name} {value}");
        }
    }
}
