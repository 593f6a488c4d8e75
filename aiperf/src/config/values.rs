//! Parsers of single values. Each refuses what it does not understand and says what it expected.

use serde_json::{Map, Value};

use crate::metric::Slos;

/// Body fields of one `--extra-inputs`.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraInput(pub Map<String, Value>);

/// One `--header`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Before the colon.
    pub name: String,
    /// After it.
    pub value: String,
}

/// One `--plugin-option`.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginOption {
    /// Name of the entry.
    pub entry: String,
    /// Key of its setting.
    pub key: String,
    /// Value, typed as it looks.
    pub value: Value,
}

/// `METRIC:BOUND`, several of them separated by spaces.
pub fn goodput(text: &str) -> Result<Slos, String> {
    match Slos::parse(text) {
        Ok(slos) if slos.is_empty() => Err("expected METRIC:BOUND, several of them separated by spaces".to_owned()),
        Ok(slos) => Ok(slos),
        Err(error) => Err(error.to_string()),
    }
}

/// A number above zero.
pub fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a number above 0".to_owned()),
    }
}

/// A number, zero or above.
pub fn non_negative(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number >= 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a number, 0 or above".to_owned()),
    }
}

/// A whole number above zero.
pub fn count(text: &str) -> Result<u64, String> {
    match text.parse::<u64>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a whole number above 0".to_owned()),
    }
}

/// A whole number above zero that fits 32 bits.
pub fn count32(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("expected a whole number above 0".to_owned()),
    }
}

/// Bits of a sample of audio.
pub fn depth(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(bits @ (8 | 16 | 24 | 32)) => Ok(bits),
        _ => Err("expected 8, 16, 24 or 32".to_owned()),
    }
}

/// Seconds, zero or above, or `inf`.
pub fn seconds_or_infinite(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number >= 0.0 => Ok(number),
        _ => Err("expected a number of seconds, 0 or above, or `inf`".to_owned()),
    }
}

/// 0 to 100.
pub fn percent(text: &str) -> Result<f64, String> {
    within(text, 100.0)
}

/// 0 to 1.
pub fn share(text: &str) -> Result<f64, String> {
    within(text, 1.0)
}

fn within(text: &str, most: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=most).contains(&value) => Ok(value),
        _ => Err(format!("expected a number from 0 to {most}")),
    }
}

/// `Name:Value`.
pub fn header(text: &str) -> Result<Header, String> {
    let (name, value) = text.split_once(':').ok_or("expected Name:Value")?;
    let name = name.trim();
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(format!("`{name}` is not a header name"));
    }
    if value.chars().any(|c| c.is_control() && c != '\t') {
        return Err(format!("the value of `{name}` holds a control character"));
    }
    Ok(Header { name: name.to_owned(), value: value.trim().to_owned() })
}

/// `entry.key=value`.
pub fn plugin_option(text: &str) -> Result<PluginOption, String> {
    let expected = || "expected ENTRY.KEY=VALUE".to_owned();
    let (path, value) = text.split_once('=').ok_or_else(expected)?;
    let (entry, key) = path.split_once('.').ok_or_else(expected)?;
    if entry.is_empty() || key.is_empty() {
        return Err(expected());
    }
    Ok(PluginOption { entry: entry.to_owned(), key: key.to_owned(), value: typed(value) })
}

/// `key:value`, several of them separated by commas, or one JSON object. A comma separates only where a new key begins
/// after it, so that a value may hold commas.
pub fn extra_inputs(text: &str) -> Result<ExtraInput, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map(ExtraInput).map_err(|error| format!("not a JSON object: {error}"));
    }
    let mut pieces: Vec<String> = Vec::new();
    for piece in text.split(',') {
        match pieces.last_mut() {
            Some(last) if !begins_with_key(piece) => {
                last.push(',');
                last.push_str(piece);
            }
            _ => pieces.push(piece.to_owned()),
        }
    }
    let mut fields = Map::new();
    for piece in pieces {
        let (key, value) = piece
            .split_once(':')
            .ok_or_else(|| format!("`{piece}` has no `:`; expected key:value or a JSON object"))?;
        if key.trim().is_empty() {
            return Err(format!("`{piece}` has no key before the `:`"));
        }
        fields.insert(key.trim().to_owned(), typed(value));
    }
    Ok(ExtraInput(fields))
}

fn begins_with_key(piece: &str) -> bool {
    piece.split_once(':').is_some_and(|(key, _)| {
        let key = key.trim();
        !key.is_empty()
            && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    })
}

/// JSON where it is JSON (numbers, true, false, null, lists, objects, quoted text), else the text itself.
fn typed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| match text {
        "True" => Value::Bool(true),
        "False" => Value::Bool(false),
        _ => Value::String(text.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn extra(text: &str) -> Value {
        Value::Object(extra_inputs(text).unwrap().0)
    }

    #[test]
    fn extra_inputs_are_typed() {
        assert_eq!(extra("temperature:0.5,ignore_eos:true"), json!({"temperature": 0.5, "ignore_eos": true}));
        assert_eq!(extra("stop:[\"a\"]"), json!({"stop": ["a"]}));
        assert_eq!(extra(r#"{"a": {"b": 1}}"#), json!({"a": {"b": 1}}));
    }

    #[test]
    fn a_comma_inside_a_value_stays_in_it() {
        assert_eq!(extra("echo_prefix:[ECHO], then "), json!({"echo_prefix": "[ECHO], then "}));
        assert_eq!(extra("a:1, 2,b:x"), json!({"a": "1, 2", "b": "x"}));
    }

    #[test]
    fn what_is_not_an_extra_input_is_said() {
        assert!(extra_inputs("temperature").unwrap_err().contains("has no `:`"));
        assert!(extra_inputs("{\"a\"").unwrap_err().contains("not a JSON object"));
        assert!(extra_inputs(":1").unwrap_err().contains("no key"));
    }

    #[test]
    fn headers_keep_colons_of_their_value_and_refuse_bad_names() {
        let parsed = header("X-Link: http://h:1/").unwrap();
        assert_eq!((parsed.name.as_str(), parsed.value.as_str()), ("X-Link", "http://h:1/"));
        assert!(header("no colon here").is_err());
        assert!(header("bad name: x").unwrap_err().contains("not a header name"));
        assert!(header("X: a\r\nY: b").unwrap_err().contains("control character"));
    }

    #[test]
    fn plugin_options_name_entry_and_key() {
        let option = plugin_option("my_exporter.level=9").unwrap();
        assert_eq!((option.entry.as_str(), option.key.as_str(), option.value), ("my_exporter", "level", json!(9)));
        assert!(plugin_option("level=9").is_err());
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert!(
            positive("0").is_err() && positive("-1").is_err() && positive("nan").is_err() && positive("inf").is_err()
        );
        assert!(count("0").is_err() && count("1.5").is_err());
        assert_eq!(seconds_or_infinite("inf"), Ok(f64::INFINITY));
        assert!(seconds_or_infinite("-1").is_err());
    }
}
