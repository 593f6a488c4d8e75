//! Reading JSON that is nearly what a dialect says: absent or null lists, text as a string or in parts. Allocates
//! nothing but the text itself.

use std::fmt;
use std::marker::PhantomData;

use aiperf_abi::Value;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Text: a string, a list of parts (`["a", {"text": "b"}]`), or null for none.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    deserializer.deserialize_any(TextVisitor)
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, parts of text, or null")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E>(self, text: String) -> Result<String, E> {
        Ok(text)
    }

    fn visit_unit<E>(self) -> Result<String, E> {
        Ok(String::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<String, A::Error> {
        let mut joined = String::new();
        while let Some(part) = parts.next_element::<Value>()? {
            joined.push_str(part.as_str().or_else(|| part.get("text")?.as_str()).unwrap_or_default());
        }
        Ok(joined)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<String, A::Error> {
        let part = Value::deserialize(MapAccessDeserializer::new(map))?;
        Ok(part.get("text").and_then(Value::as_str).unwrap_or_default().to_owned())
    }
}

/// A list folded into one value as it is read, null for none. Anything else is passed over.
pub(super) fn fold<'de, D, T, I>(deserializer: D, add: fn(&mut T, I)) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default,
    I: Deserialize<'de>,
{
    Fold { add, marker: PhantomData }.deserialize(deserializer)
}

struct Fold<T, I> {
    add: fn(&mut T, I),
    marker: PhantomData<I>,
}

impl<'de, T: Default, I: Deserialize<'de>> DeserializeSeed<'de> for Fold<T, I> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Default, I: Deserialize<'de>> Visitor<'de> for Fold<T, I> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or null")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        let mut all = T::default();
        while let Some(item) = items.next_element()? {
            (self.add)(&mut all, item);
        }
        Ok(all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }
}

/// Appends `text`; the first one is moved, not copied.
pub(super) fn append(joined: &mut String, text: String) {
    if joined.is_empty() {
        *joined = text;
    } else {
        joined.push_str(&text);
    }
}
