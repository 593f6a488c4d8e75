//! A JSON object of a row, read field by field. Refuses fields that are not known and values of the wrong sort, and says
//! what it expected; knows no sort of row.

use serde_json::{Map, Value};

use super::fault::Fault;
use crate::plugin::name::suggestion;

/// The longest piece of a wrong value that is repeated to the user.
const SHOWN: usize = 40;

/// An object whose fields are taken out one by one.
#[derive(Debug)]
pub(super) struct Object {
    fields: Map<String, Value>,
    within: String,
}

impl Object {
    /// The object that a row consists of.
    pub(super) fn parse(row: &[u8]) -> Result<Self, Fault> {
        Self::of(json(row)?, "")
    }

    /// An object at a place in a row: `turns[0]`.
    pub(super) fn of(value: Value, within: &str) -> Result<Self, Fault> {
        match value {
            Value::Object(fields) => Ok(Self { fields, within: within.to_owned() }),
            other => Err(Fault::field(within, format!("is {}; expected a JSON object", shown(&other)))),
        }
    }

    /// Refuses fields that are none of `known`.
    pub(super) fn only(self, known: &[&str]) -> Result<Self, Fault> {
        match self.fields.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(self),
            Some(key) => {
                let hint = suggestion(key, known.iter().copied());
                Err(Fault::field(
                    self.path(key),
                    format!("is not a field of such a row{hint}; expected one of: {}", known.join(", ")),
                ))
            }
        }
    }

    /// The path of a field, for a fault.
    pub(super) fn path(&self, key: &str) -> String {
        match self.within.as_str() {
            "" => key.to_owned(),
            within => format!("{within}.{key}"),
        }
    }

    /// Whether there is such a field.
    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.get(key).is_some_and(|value| !value.is_null())
    }

    /// Any value. `null` is as good as nothing.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.fields.remove(key).filter(|value| !value.is_null())
    }

    /// A value that `read` understands.
    fn read<T>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl FnOnce(Value) -> Result<T, Value>,
    ) -> Result<Option<T>, Fault> {
        let Some(value) = self.take(key) else { return Ok(None) };
        read(value)
            .map(Some)
            .map_err(|value| Fault::field(self.path(key), format!("is {}; expected {expected}", shown(&value))))
    }

    /// A text.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, Fault> {
        self.read(key, "a text", |value| match value {
            Value::String(text) => Ok(text),
            other => Err(other),
        })
    }

    /// A text, or a number written as one.
    pub(super) fn id(&mut self, key: &str) -> Result<Option<String>, Fault> {
        self.read(key, "a text or a whole number", |value| match value {
            Value::String(text) if !text.is_empty() => Ok(text),
            Value::Number(number) if number.is_i64() || number.is_u64() => Ok(number.to_string()),
            other => Err(other),
        })
    }

    /// A whole number of at least 1 that fits 32 bits.
    pub(super) fn count(&mut self, key: &str) -> Result<Option<u32>, Fault> {
        self.read(key, "a whole number above 0", |value| {
            whole(&value).filter(|number| *number > 0).and_then(|number| u32::try_from(number).ok()).ok_or(value)
        })
    }

    /// A number of at least 0.
    pub(super) fn number(&mut self, key: &str, unit: &str) -> Result<Option<f64>, Fault> {
        self.read(key, &format!("{unit}, 0 or above"), |value| {
            value.as_f64().filter(|number| *number >= 0.0).ok_or(value)
        })
    }

    /// A list.
    pub(super) fn list(&mut self, key: &str) -> Result<Option<Vec<Value>>, Fault> {
        self.read(key, "a list", |value| match value {
            Value::Array(items) => Ok(items),
            other => Err(other),
        })
    }

    /// A list of whole numbers.
    pub(super) fn ids(&mut self, key: &str) -> Result<Option<Vec<i64>>, Fault> {
        let Some(items) = self.list(key)? else { return Ok(None) };
        let read = |(at, item): (usize, &Value)| {
            item.as_i64().ok_or_else(|| {
                Fault::field(
                    format!("{}[{at}]", self.path(key)),
                    format!("is {}; expected a whole number", shown(item)),
                )
            })
        };
        items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
    }

    /// An object of any fields.
    pub(super) fn object(&mut self, key: &str) -> Result<Option<Map<String, Value>>, Fault> {
        self.read(key, "a JSON object", |value| match value {
            Value::Object(fields) => Ok(fields),
            other => Err(other),
        })
    }

    /// A field that must be there.
    pub(super) fn required<T>(&self, key: &str, value: Option<T>, expected: &str) -> Result<T, Fault> {
        value.ok_or_else(|| Fault::missing(self.path(key), expected))
    }
}

/// The JSON of a row.
pub(super) fn json(row: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(row).map_err(|error| Fault::row(format!("is not JSON: {error}")))
}

/// A whole number, also where it is written as `5.0`.
fn whole(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        value
            .as_f64()
            .filter(|number| number.fract() == 0.0 && (0.0..9e15).contains(number))
            .map(|number| number as u64)
    })
}

/// A value as it is repeated to the user.
pub(super) fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
