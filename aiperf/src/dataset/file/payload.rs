//! Rows that hold whole request bodies: `raw_payload`, and `inputs_json`, the file that every run leaves. They are sent as
//! they were written, byte by byte.

use aiperf_abi::data::conversation::{Conversation, Media, Turn};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fault::Fault;
use super::object::{Object, json, shown};
use super::single_turn::of_one;

/// A row of `raw_payload`: one body.
pub(super) fn parse(row: &[u8]) -> Result<Conversation, Fault> {
    let text = std::str::from_utf8(row).map_err(|_| Fault::row("is not UTF-8"))?;
    Ok(of_one(String::new(), turn(text, "")?))
}

#[derive(Deserialize)]
struct Session<'a> {
    #[serde(borrow, default)]
    payloads: Option<Vec<&'a RawValue>>,
}

/// A row of `inputs_json`: a session and the bodies of its turns.
pub(super) fn parse_session(row: &[u8]) -> Result<Conversation, Fault> {
    let mut object = Object::parse(row)?.only(&["session_id", "payloads"])?;
    let session_id = object.id("session_id")?.unwrap_or_default();
    let list = object.list("payloads")?;
    if object.required("payloads", list, "a list of request bodies")?.is_empty() {
        return Err(Fault::field("payloads", "is empty; expected at least one request body"));
    }
    let bodies: Session<'_> =
        serde_json::from_slice(row).map_err(|error| Fault::row(format!("is not JSON: {error}")))?;
    let bodies = bodies.payloads.unwrap_or_default();
    let turns = bodies.iter().enumerate().map(|(at, body)| turn(body.get(), &format!("payloads[{at}]")));
    Ok(Conversation { session_id, turns: turns.collect::<Result<_, Fault>>()?, ..Conversation::default() })
}

/// The turn that sends `body`, with the texts that are in it.
pub(super) fn turn(body: &str, within: &str) -> Result<Turn, Fault> {
    let value = json(body.as_bytes())?;
    let Value::Object(fields) = &value else {
        return Err(Fault::field(within, format!("is {}; expected a request body, a JSON object", shown(&value))));
    };
    let limit =
        ["max_completion_tokens", "max_tokens", "max_output_tokens"].iter().find_map(|key| fields.get(*key)?.as_u64());
    let texts = texts(&value);
    Ok(Turn {
        max_tokens: limit.and_then(|limit| u32::try_from(limit).ok()),
        texts: if texts.is_empty() { Vec::new() } else { vec![Media { name: "text".to_owned(), contents: texts }] },
        reset_context: true,
        raw_payload: Some(body.to_owned()),
        ..Turn::default()
    })
}

/// What a body says to the model: messages, prompts, inputs, queries and passages, in the order of the common dialects.
pub(super) fn texts(body: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for key in
        ["system", "instructions", "messages", "prompt", "input", "inputs", "query", "passages", "documents", "texts"]
    {
        if let Some(value) = body.get(key) {
            collect(value, &mut found);
        }
    }
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(fields) => {
            // A message's content, a part's text.
            ["content", "text"].iter().filter_map(|key| fields.get(*key)).for_each(|value| collect(value, found));
        }
        _ => {}
    }
}
