//! Reading structs from a manifest with every key accounted for: a key twice, or one that does not exist, is an error
//! raised while the key is being read, so that the YAML reader knows the place. Knows no particular struct.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::value::StringDeserializer;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::name;

/// A value read with every key accounted for.
#[derive(Debug, Clone)]
pub(super) struct Strict<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Strict<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(Checked(deserializer)).map(Strict)
    }
}

struct Checked<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Checked<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, Struct { fields, visitor })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

struct Struct<V> {
    fields: &'static [&'static str],
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Struct<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a mapping with the keys {}", self.fields.join(", "))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Keys { map, fields: self.fields, seen: Vec::new() })
    }
}

struct Keys<A> {
    map: A,
    fields: &'static [&'static str],
    seen: Vec<String>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Keys<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(key) = self.map.next_key_seed(Key { fields: self.fields, seen: &self.seen })? else { return Ok(None) };
        self.seen.push(key.clone());
        seed.deserialize(StringDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

struct Key<'a> {
    fields: &'static [&'static str],
    seen: &'a [String],
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "one of the keys {}", self.fields.join(", "))
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<String, E> {
        if self.seen.iter().any(|seen| seen == key) {
            return Err(duplicate(key));
        }
        if !self.fields.contains(&key) {
            return Err(E::custom(unknown("key", key, self.fields.iter().copied())));
        }
        Ok(key.to_owned())
    }
}

/// How the error for a key that stands twice ends; by this it is known again.
const SECOND_TIME: &str = "is here a second time; keep one";

/// The error for a key that stands twice in a mapping.
pub(super) fn duplicate<E: de::Error>(key: &str) -> E {
    E::custom(format_args!("`{key}` {SECOND_TIME}"))
}

/// Whether these are the words of [`duplicate`].
pub(super) fn is_duplicate(words: &str) -> bool {
    words.contains(SECOND_TIME)
}

/// The words for a key that does not exist.
pub(super) fn unknown<'a>(what: &str, key: &str, valid: impl IntoIterator<Item = &'a str> + Clone) -> String {
    let suggestion = name::suggestion(key, valid.clone());
    let list = valid.into_iter().collect::<Vec<_>>().join(", ");
    match list.is_empty() {
        true => format!("unknown {what} `{key}`; there are none here"),
        false => format!("unknown {what} `{key}`{suggestion}; valid: {list}"),
    }
}

/// Reads a scalar by its `FromStr`, the error being raised at the scalar's place.
pub(super) fn parse<'de, D: Deserializer<'de>, T: FromStr<Err: fmt::Display>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_str(Parse(PhantomData))
}

struct Parse<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Parse<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}
