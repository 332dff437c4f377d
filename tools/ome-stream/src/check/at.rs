//! A place in metadata, and what is found there.

use ome_stream::shown;
use serde_json::Value;

use super::rule::{Finding, Rule, Severity};
use super::version::Version;

/// Most errors of one store that are kept, and most warnings; all are counted.
pub const MAX_FINDINGS: usize = 10_000;

/// How many findings are kept, so that no number of warnings hides an error.
#[derive(Debug, Default)]
pub struct Kept {
    errors: usize,
    warnings: usize,
    /// Findings beyond those that are kept.
    pub more: u64,
}

impl Kept {
    /// Whether one more of this severity is kept.
    pub fn takes(&mut self, severity: Severity) -> bool {
        let kept = match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        };
        let takes = *kept < MAX_FINDINGS;
        *kept += usize::from(takes);
        self.more += u64::from(!takes);
        takes
    }
}

/// Most members of a list that are looked at: a plate of 1,536 wells has as many, a label image may have more colors.
const MAX_ITEMS: usize = 100_000;

/// A value and where it stands: `multiscales[0].axes[1].name`.
#[derive(Debug, Clone)]
pub struct At<'a> {
    /// What is there.
    pub value: &'a Value,
    path: String,
}

impl<'a> At<'a> {
    /// The top of what is looked at.
    pub fn top(value: &'a Value) -> Self {
        Self { value, path: String::new() }
    }

    /// A member of an object.
    pub fn get(&self, key: &str) -> Option<Self> {
        self.value.get(key).map(|value| Self { value, path: self.below(key) })
    }

    /// Where a member would stand.
    fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The members of a list, in order; none of what is no list.
    pub fn items(&self) -> impl Iterator<Item = Self> + use<'a> {
        let path = self.path.clone();
        let list = self.value.as_array().map_or(&[][..], Vec::as_slice);
        let items = list.iter().take(MAX_ITEMS).enumerate();
        items.map(move |(nth, value)| Self { value, path: format!("{path}[{nth}]") })
    }

    /// As [`At::items`] of a member.
    pub fn list(&self, key: &str) -> impl Iterator<Item = Self> + use<'a> {
        self.get(key).into_iter().flat_map(|list| list.items())
    }

    /// A text in an object.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        self.value.get(key)?.as_str()
    }
}

/// What is found in the metadata of one node.
#[derive(Debug)]
pub struct Findings {
    /// The version whose rules hold.
    pub version: Version,
    /// Path of the node that is looked at.
    pub node: String,
    /// What was found, in all nodes so far.
    pub list: Vec<Finding>,
    /// How many those are.
    pub kept: Kept,
}

impl Findings {
    /// None yet.
    pub fn new(version: Version) -> Self {
        Self { version, node: String::new(), list: Vec::new(), kept: Kept::default() }
    }

    /// Something is against `rule`.
    pub fn add(&mut self, rule: &'static Rule, place: impl Into<String>, value: impl Into<String>) {
        if self.kept.takes(rule.severity) {
            self.list.push(Finding { rule, node: self.node.clone(), place: place.into(), value: value.into() });
        }
    }

    /// The value at a place is against `rule`.
    pub fn at(&mut self, rule: &'static Rule, at: &At<'_>) {
        self.add(rule, at.path.clone(), short(at.value));
    }

    /// As [`Findings::at`], with more to say than the value.
    pub fn told(&mut self, rule: &'static Rule, at: &At<'_>, why: impl Into<String>) {
        self.add(rule, at.path.clone(), why);
    }

    /// A member is missing.
    pub fn missing(&mut self, rule: &'static Rule, at: &At<'_>, key: &str) {
        self.add(rule, at.below(key), "missing");
    }

    /// The member `key`, which must be there and be `right`.
    pub fn need<'a>(
        &mut self,
        rule: &'static Rule,
        at: &At<'a>,
        key: &str,
        right: fn(&Value) -> bool,
    ) -> Option<At<'a>> {
        let found = self.may(rule, at, key, right);
        if at.value.get(key).is_none() {
            self.missing(rule, at, key);
        }
        found
    }

    /// The member `key`, which must be `right` where it is there.
    pub fn may<'a>(
        &mut self,
        rule: &'static Rule,
        at: &At<'a>,
        key: &str,
        right: fn(&Value) -> bool,
    ) -> Option<At<'a>> {
        let found = at.get(key)?;
        if right(found.value) {
            return Some(found);
        }
        self.at(rule, &found);
        None
    }

    /// The member `key`, which should be there by one rule, and be `right` where it is by another.
    pub fn should<'a>(
        &mut self,
        there: &'static Rule,
        rule: &'static Rule,
        at: &At<'a>,
        key: &str,
        right: fn(&Value) -> bool,
    ) -> Option<At<'a>> {
        if at.value.get(key).is_none() {
            self.missing(there, at, key);
        }
        self.may(rule, at, key, right)
    }

    /// Each of `items` whose `key` another before it has too is against `rule`.
    pub fn unique<'a>(&mut self, rule: &'static Rule, items: impl Iterator<Item = At<'a>>, key: &str) {
        let mut seen = std::collections::HashSet::new();
        for item in items {
            let Some(value) = item.get(key) else { continue };
            if !seen.insert(value.value.to_string()) {
                self.at(rule, &value);
            }
        }
    }
}

/// A value in a few characters.
pub fn short(value: &Value) -> String {
    match value {
        Value::String(text) => shown::quoted(text),
        Value::Array(list) if list.len() > 32 => format!("a list of {}", list.len()),
        Value::Object(object) if object.len() > 8 => format!("an object of {} members", object.len()),
        other => shown::value(&other.to_string()),
    }
}

/// A text that is not empty.
pub fn is_name(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

/// A list that is not empty.
pub fn is_filled(value: &Value) -> bool {
    value.as_array().is_some_and(|list| !list.is_empty())
}

/// A whole number that is not negative.
pub fn is_count(value: &Value) -> bool {
    value.as_u64().is_some() || value.as_f64().is_some_and(|number| number >= 0.0 && number.fract() == 0.0)
}

/// A whole number above 0.
pub fn is_positive(value: &Value) -> bool {
    is_count(value) && value.as_f64().is_some_and(|number| number > 0.0)
}

/// A whole number; JSON makes no difference between 1 and 1.0.
pub fn is_integer(value: &Value) -> bool {
    value.as_i64().is_some() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

/// A list of numbers.
pub fn is_numbers(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_number))
}
