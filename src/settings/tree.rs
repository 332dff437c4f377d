//! A JSON document as it stands, and why it cannot become settings, as data: serde tells a deserializer's error type
//! what is wrong, and only its own one can keep it.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};

use crate::error::Error;
use crate::shown::quoted;

/// What is wrong with a field.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    /// It must be given.
    #[error("missing field {0}")]
    Missing(&'static str),
    /// It is given again.
    #[error("field {0} is given twice")]
    Twice(&'static str),
    /// Its value, or that it is there at all.
    #[error("{problem}; {remedy}")]
    Unfit { problem: String, remedy: String },
}

impl Flaw {
    fn unfit(problem: impl Into<String>, remedy: String) -> Self {
        Self::Unfit { problem: problem.into(), remedy }
    }

    /// The error of a field that has this value.
    pub(super) fn told(self, field: String, value: String) -> Error {
        match self {
            Self::Missing(_) => Error::settings(field, "(missing)", "this field is required", "add it"),
            Self::Twice(_) => {
                Error::settings(field, "(given twice)", "a field may be given once", "remove one of them")
            }
            Self::Unfit { problem, remedy } => Error::settings(field, value, problem, remedy),
        }
    }

    /// A word, or a name of a field, that is none of those there are.
    fn unknown(problem: &str, known: &[&str]) -> Self {
        let one_of = if known.len() > 1 { "one of " } else { "" };
        Self::unfit(problem, format!("expected {one_of}{}", known.join(", ")))
    }
}

impl de::Error for Flaw {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::unfit(message.to_string(), "see the documentation of this field".to_owned())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        // What was given is shown as the value.
        let kind = match found {
            Unexpected::Bool(_) => "boolean",
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "number",
            Unexpected::Str(_) | Unexpected::Char(_) => "string",
            Unexpected::Unit | Unexpected::Option => "null",
            Unexpected::Seq => "list",
            Unexpected::Map => "object",
            _ => "other",
        };
        Self::unfit(format!("invalid type: {kind}"), format!("expected {expected}"))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            // What the types of settings say themselves.
            Unexpected::Other(problem) => Self::unfit(problem, format!("use {expected}")),
            _ => Self::unfit("invalid value", format!("expected {expected}")),
        }
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::unfit(format!("invalid length {length}"), format!("expected {expected}"))
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("unknown value", known)
    }

    fn unknown_field(_: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("unknown field", known)
    }

    fn missing_field(name: &'static str) -> Self {
        Self::Missing(name)
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::Twice(name)
    }
}

/// A word on a command line, by its name in JSON.
pub(super) fn word<T: de::DeserializeOwned>(field: &str, text: &str) -> crate::Result<T> {
    let node = Node::Text(text.to_owned());
    T::deserialize(&node).map_err(|flaw| flaw.told(field.to_owned(), quoted(text)))
}

/// A JSON value; objects keep fields that are given twice.
#[derive(Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    fn kind(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Unit,
            Self::Bool(value) => Unexpected::Bool(*value),
            Self::Unsigned(value) => Unexpected::Unsigned(*value),
            Self::Signed(value) => Unexpected::Signed(*value),
            Self::Float(value) => Unexpected::Float(*value),
            Self::Text(value) => Unexpected::Str(value),
            Self::List(_) => Unexpected::Seq,
            Self::Object(_) => Unexpected::Map,
        }
    }

    /// Hands a visitor what it asks for where that is what stands here, and else says what would be.
    fn visit_if<'de, V: Visitor<'de>>(&'de self, fits: bool, visitor: V, expected: &str) -> Result<V::Value, Flaw> {
        if fits { self.deserialize_any(visitor) } else { Err(de::Error::invalid_type(self.kind(), &expected)) }
    }

    /// A whole number that is within a type's bounds.
    fn visit_whole<'de, V: Visitor<'de>>(&'de self, lowest: i128, highest: i128, visitor: V) -> Result<V::Value, Flaw> {
        let expected = if lowest == 0 { "a whole number of at least 0" } else { "a whole number" };
        let whole = match self {
            Self::Unsigned(value) => i128::from(*value),
            Self::Signed(value) => i128::from(*value),
            _ => return Err(de::Error::invalid_type(self.kind(), &expected)),
        };
        match (lowest..=highest).contains(&whole) {
            true => self.deserialize_any(visitor),
            false => Err(Flaw::unfit("invalid value", format!("expected {expected} and at most {highest}"))),
        }
    }
}

macro_rules! take {
    ($($visit:ident($value:ty) $node:ident),*) => {
        $(fn $visit<E>(self, value: $value) -> Result<Node, E> {
            Ok(Node::$node(value.into()))
        })*
    };
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Node;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }

            take! {
                visit_bool(bool) Bool, visit_u64(u64) Unsigned, visit_i64(i64) Signed, visit_f64(f64) Float,
                visit_str(&str) Text
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
                let mut nodes = Vec::new();
                while let Some(node) = list.next_element()? {
                    nodes.push(node);
                }
                Ok(Node::List(nodes))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Node::Object(fields))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

macro_rules! whole {
    ($($deserialize:ident $whole:ty),*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
            self.visit_whole(<$whole>::MIN.into(), <$whole>::MAX.into(), visitor)
        })*
    };
}

macro_rules! only {
    ($($deserialize:ident($fits:pat) $expected:literal),*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
            self.visit_if(matches!(self, $fits), visitor, $expected)
        })*
    };
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Flaw;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        match self {
            Node::Null => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Unsigned(value) => visitor.visit_u64(*value),
            Node::Signed(value) => visitor.visit_i64(*value),
            Node::Float(value) => visitor.visit_f64(*value),
            Node::Text(value) => visitor.visit_borrowed_str(value),
            Node::List(nodes) => visitor.visit_seq(SeqDeserializer::new(nodes.iter())),
            Node::Object(fields) => {
                visitor.visit_map(MapDeserializer::new(fields.iter().map(|(name, node)| (name.as_str(), node))))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Flaw> {
        match self {
            Node::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    whole! {
        deserialize_u64 u64, deserialize_u32 u32, deserialize_i64 i64, deserialize_i32 i32
    }

    only! {
        deserialize_f64(Node::Unsigned(_) | Node::Signed(_) | Node::Float(_)) "a number",
        deserialize_bool(Node::Bool(_)) "true or false",
        deserialize_string(Node::Text(_)) "a string",
        deserialize_seq(Node::List(_)) "a list",
        deserialize_map(Node::Object(_)) "an object"
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        match self {
            Node::Object(_) => self.deserialize_any(visitor),
            // Serde would take the fields one after another, without their names.
            _ => Err(de::Error::invalid_type(self.kind(), &visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Flaw> {
        match self {
            Node::Text(word) => visitor.visit_enum(StrDeserializer::new(word)),
            _ => Err(de::Error::invalid_type(self.kind(), &format!("one of {}", words.join(", ")).as_str())),
        }
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u128 f32 char str bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct
        identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Flaw> for &'de Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
