//! A value of a benchmark file as the words of a flag. Each is given to the flag's own parser where it stands, so that what
//! is wrong with it is told with its place.

use std::fmt;

use clap::{Arg, ArgAction};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::section::Flags;

/// Reads the value of a flag.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) arg: &'a Arg,
    pub(super) flags: &'a Flags,
}

impl<'a> Value<'a> {
    /// The words of one value that the flag takes.
    fn words<E: Error>(self, text: &str) -> Result<Vec<String>, E> {
        let text = match self.unit() {
            Some(unit) => in_unit(text, unit),
            None => text.to_owned(),
        };
        self.checked(vec![format!("--{}={text}", self.long())])
    }

    fn checked<E: Error>(self, words: Vec<String>) -> Result<Vec<String>, E> {
        self.flags.check(&words).map_err(E::custom)?;
        Ok(words)
    }

    fn long(self) -> &'a str {
        self.arg.get_long().expect("the sections have flags with a long name only")
    }

    /// Seconds of the unit in which the flag takes a time.
    fn unit(self) -> Option<f64> {
        let name = self.arg.get_value_names()?.first()?;
        [("SECONDS", 1.0), ("MS", 1e-3)].into_iter().find(|(known, _)| name.as_str() == *known).map(|(_, unit)| unit)
    }

    fn takes_a_value(self) -> bool {
        !matches!(self.arg.get_action(), ArgAction::SetTrue)
    }
}

/// `30s`, `5m`, `1h` or `200ms` as a number of units; what is no such time as it is.
fn in_unit(text: &str, unit: f64) -> String {
    let scales = [("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let number = scales.iter().find_map(|(suffix, scale)| {
        let number: f64 = text.strip_suffix(suffix)?.trim().parse().ok()?;
        Some(number * scale / unit)
    });
    number.map_or_else(|| text.to_owned(), |number| number.to_string())
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.takes_a_value(), self.arg.get_action()) {
            (false, _) => f.write_str("true or false"),
            (true, ArgAction::Append) => f.write_str("a value, or a list of them"),
            (true, _) => f.write_str("one value"),
        }
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Vec<String>, E> {
        match (self.takes_a_value(), value) {
            (true, _) => self.words(&value.to_string()),
            (false, true) => Ok(vec![format!("--{}", self.long())]),
            (false, false) => Ok(Vec::new()),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Vec<String>, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Vec<String>, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Vec<String>, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Vec<String>, E> {
        match self.takes_a_value() {
            true => self.words(value),
            false => Err(E::custom(format_args!("`{value}` is neither true nor false"))),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        if !matches!(self.arg.get_action(), ArgAction::Append) {
            return Err(A::Error::custom("one value is expected here, not a list"));
        }
        let mut words = Vec::new();
        while let Some(more) = list.next_element_seed(self)? {
            words.extend(more);
        }
        Ok(words)
    }

    /// Headers and extra fields by name, objectives by metric.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
        let mut fields = Map::new();
        while let Some((key, value)) = map.next_entry::<String, Json>()? {
            fields.insert(key, value);
        }
        let plain = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let long = self.long();
        let words = match long {
            "header" => fields.iter().map(|(name, value)| format!("--{long}={name}: {}", plain(value))).collect(),
            "extra-inputs" => vec![format!("--{long}={}", Json::Object(fields))],
            "goodput" => {
                let slos: Vec<_> = fields.iter().map(|(metric, bound)| format!("{metric}:{}", plain(bound))).collect();
                vec![format!("--{long}={}", slos.join(" "))]
            }
            _ => return Err(A::Error::custom("a value is expected here, not a mapping")),
        };
        self.checked(words)
    }
}

/// Reads a scalar as text and gives it away.
pub(super) struct Text<F>(pub(super) F);

impl<'de, F: FnMut(&str) -> Result<(), String>> DeserializeSeed<'de> for Text<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<F: FnMut(&str) -> Result<(), String>> Visitor<'_> for Text<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a word")
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        self.0(text).map_err(E::custom)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        // 2.0 is a version, and loses its point as a number.
        self.visit_str(&format!("{value:?}"))
    }
}
