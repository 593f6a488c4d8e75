//! What a JSON reply holds when nobody says what dialect it is in: content by its usual names, and errors reported in a
//! reply with a good status. For endpoints of servers without a dialect of their own.

use serde_json::Value;

use super::error::Error;
use crate::data::response::ResponseData;

const TEXT_NAMES: [&str; 5] = ["text", "content", "response", "output", "result"];

/// The content of a reply, judged by its shape; `None` where no shape fits or nothing is in it.
///
/// In this order: embeddings (`data[].embedding` of objects that say so, `embeddings`, `embedding`), rankings (a list
/// under `rankings` or `results`), text (`text`, `content`, `response`, `output`, `result`; then `choices[0].text`,
/// `.message.content`, `.delta.content`). A list is judged by its items.
pub fn auto_detect(reply: &Value) -> Option<ResponseData> {
    let found = match reply {
        Value::Object(_) => {
            embeddings(reply).or_else(|| rankings(reply)).or_else(|| text(reply).map(ResponseData::Text))
        }
        Value::Array(items) => list(items),
        _ => None,
    };
    found.filter(|data| !data.is_empty())
}

/// The error a reply reports in its body (`{"error": …}` as text or as an object with a message, or an object that
/// calls itself an error), for servers that answer 200 to a request that failed.
pub fn reported_error(reply: &Value) -> Option<Error> {
    let error = match reply.get("error") {
        Some(error) if !matches!(error, Value::Null | Value::Bool(false)) => error,
        _ if reply.get("object").and_then(Value::as_str) == Some("error") => reply,
        _ => return None,
    };
    let part = |name: &str| match error.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let message = match error {
        Value::String(text) => text.clone(),
        _ => part("message").or_else(|| part("detail")).unwrap_or_else(|| error.to_string()),
    };
    let what: Vec<String> = [part("type"), part("code")].into_iter().flatten().collect();
    Some(Error::msg(match what.is_empty() {
        true => format!("the server reports: {message}"),
        false => format!("the server reports: {message} ({})", what.join(", ")),
    }))
}

fn embeddings(reply: &Value) -> Option<ResponseData> {
    let items = reply.get("data").and_then(Value::as_array);
    if let Some(items) = items.filter(|items| is_embedding(items.first())) {
        return vectors_of(items.iter().filter_map(|item| item.get("embedding")));
    }
    // Cohere keeps one list per number format.
    let many = reply.get("embeddings").map(|value| value.get("float").unwrap_or(value));
    let many = many.or_else(|| reply.get("embedding"))?;
    vectors_of(std::iter::once(many))
}

fn is_embedding(item: Option<&Value>) -> bool {
    item.and_then(|item| item.get("object")).and_then(Value::as_str) == Some("embedding")
}

fn vectors_of<'a>(values: impl Iterator<Item = &'a Value>) -> Option<ResponseData> {
    let vectors: Vec<Vec<f32>> = values.flat_map(vectors).collect();
    (!vectors.is_empty()).then_some(ResponseData::Embeddings(vectors))
}

/// The vectors in a value: one, or a list of them at any depth (some servers give one per token). Empty where there is
/// anything but numbers.
pub fn vectors(value: &Value) -> Vec<Vec<f32>> {
    let Value::Array(items) = value else { return Vec::new() };
    if items.first().is_some_and(Value::is_number) {
        let numbers: Option<Vec<f32>> = items.iter().map(number).collect();
        return numbers.into_iter().collect();
    }
    items.iter().flat_map(vectors).collect()
}

fn number(value: &Value) -> Option<f32> {
    value.as_f64().map(|number| number as f32)
}

fn rankings(reply: &Value) -> Option<ResponseData> {
    let list = |name: &str| reply.get(name)?.as_array().filter(|items| !items.is_empty());
    let items = list("rankings").or_else(|| list("results").filter(|items| items.iter().all(Value::is_object)))?;
    Some(ResponseData::Rankings(items.clone()))
}

fn text(reply: &Value) -> Option<String> {
    const IN_CHOICE: [&str; 3] = ["/choices/0/text", "/choices/0/message/content", "/choices/0/delta/content"];
    let by_name = TEXT_NAMES.iter().filter_map(|name| reply.get(name));
    by_name.chain(IN_CHOICE.iter().filter_map(|place| reply.pointer(place))).find_map(joined)
}

/// A string, or a list of strings joined.
fn joined(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if !items.is_empty() => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

fn list(items: &[Value]) -> Option<ResponseData> {
    const SCORES: [&str; 4] = ["score", "relevance_score", "logit", "index"];
    match items.first()? {
        Value::Number(_) => {
            let numbers: Option<Vec<f32>> = items.iter().map(number).collect();
            numbers.map(|vector| ResponseData::Embeddings(vec![vector]))
        }
        Value::Array(_) => vectors_of(items.iter()),
        Value::String(_) => items.iter().map(Value::as_str).collect::<Option<String>>().map(ResponseData::Text),
        first @ Value::Object(_) => {
            if first.get("embedding").is_some() {
                vectors_of(items.iter().filter_map(|item| item.get("embedding")))
            } else if SCORES.iter().any(|name| first.get(name).is_some()) {
                Some(ResponseData::Rankings(items.to_vec()))
            } else {
                let texts: Option<String> =
                    items.iter().map(|item| text(item).or_else(|| joined(item.get("generated_text")?))).collect();
                texts.map(ResponseData::Text)
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found_text(reply: &Value) -> Option<String> {
        match auto_detect(reply) {
            Some(ResponseData::Text(text)) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn embeddings_come_first() {
        let one = Some(ResponseData::Embeddings(vec![vec![1.0, 2.0]]));
        for reply in [
            json!({"data": [{"object": "embedding", "embedding": [1, 2]}], "text": "x"}),
            json!({"embeddings": [[1, 2]], "results": [{"index": 0}]}),
            json!({"embeddings": {"float": [[1, 2]]}}),
            json!({"embedding": [1, 2]}),
            json!([[1, 2]]),
            json!([1, 2]),
            json!([{"embedding": [[1, 2]]}]),
        ] {
            assert_eq!(auto_detect(&reply), one, "{reply}");
        }
    }

    #[test]
    fn rankings_are_kept_as_given() {
        let items = vec![json!({"index": 1, "score": 0.5, "more": true})];
        for reply in [json!({"rankings": items}), json!({"results": items, "text": "x"}), json!(items)] {
            assert_eq!(auto_detect(&reply), Some(ResponseData::Rankings(items.clone())), "{reply}");
        }
    }

    #[test]
    fn text_has_many_names() {
        for name in TEXT_NAMES {
            assert_eq!(found_text(&json!({ name: "hi" })).as_deref(), Some("hi"));
            assert_eq!(found_text(&json!({ name: ["h", "i"] })).as_deref(), Some("hi"));
        }
        assert_eq!(found_text(&json!({"choices": [{"text": "hi"}]})).as_deref(), Some("hi"));
        assert_eq!(found_text(&json!({"choices": [{"message": {"content": "hi"}}]})).as_deref(), Some("hi"));
        assert_eq!(found_text(&json!({"choices": [{"delta": {"content": "hi"}}]})).as_deref(), Some("hi"));
        assert_eq!(found_text(&json!([{"generated_text": "hi"}])).as_deref(), Some("hi"));
        assert_eq!(found_text(&json!({"content": "second", "text": "first"})).as_deref(), Some("first"));
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        for reply in
            [json!({}), json!([]), json!({"text": ""}), json!({"data": []}), json!("x"), json!({"choices": []})]
        {
            assert_eq!(auto_detect(&reply), None, "{reply}");
        }
    }

    #[test]
    fn an_error_is_told_with_its_type_and_code() {
        let told = |reply: Value| reported_error(&reply).map(|error| error.to_string());
        assert_eq!(
            told(json!({"error": {"message": "too long", "type": "BadRequest", "code": 400}})).unwrap(),
            "the server reports: too long (BadRequest, 400)"
        );
        assert_eq!(told(json!({"error": "no"})).unwrap(), "the server reports: no");
        assert_eq!(told(json!({"object": "error", "message": "m"})).unwrap(), "the server reports: m");
        assert_eq!(told(json!({"error": {"x": 1}})).unwrap(), r#"the server reports: {"x":1}"#);
        assert_eq!(told(json!({"error": null, "text": "a"})), None);
        assert_eq!(told(json!({"text": "a"})), None);
    }
}
