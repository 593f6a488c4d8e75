//! Writes a JSON body straight from what a request borrows, so that a long prompt is copied once. Owns the order of
//! merging (the user's extra inputs win) and the rule that a stream must report its usage; knows no dialect's fields.

use aiperf_abi::{Error, Map, Payload, RequestInfo, Result, Turn, Value, json};
use serde::Serialize;

/// A JSON object being written.
pub(super) struct Body {
    out: Vec<u8>,
    extra: Map<String, Value>,
}

impl Body {
    /// An empty object over which the extra inputs of `request` will be laid.
    pub(super) fn of(request: RequestInfo<'_>) -> Result<Self> {
        Ok(Self { out: vec![b'{'], extra: request.extra()? })
    }

    /// Adds a field, unless the extra inputs have one of that name.
    pub(super) fn field(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        if !self.extra.contains_key(name) {
            self.write(name, value)?;
        }
        Ok(())
    }

    /// Adds `stream`, and where the body then asks for a stream also `stream_options.include_usage`: without it OSL
    /// could not be checked against the server. What the user wrote there stays.
    pub(super) fn stream(&mut self, streaming: bool) -> Result<()> {
        self.field("stream", &streaming)?;
        let streams = self.extra.get("stream").map_or(streaming, |value| value == &Value::Bool(true));
        if streams {
            let options = self.extra.entry("stream_options").or_insert_with(|| json!({}));
            if let Value::Object(options) = options {
                options.entry("include_usage").or_insert(Value::Bool(true));
            }
        }
        Ok(())
    }

    /// The finished body.
    pub(super) fn finish(mut self) -> Result<Payload> {
        for (name, value) in std::mem::take(&mut self.extra) {
            self.write(&name, &value)?;
        }
        self.out.push(b'}');
        Ok(Payload::bytes(self.out, "application/json"))
    }

    fn write(&mut self, name: &str, value: &impl Serialize) -> Result<()> {
        if self.out.len() > 1 {
            self.out.push(b',');
        }
        let written = serde_json::to_writer(&mut self.out, name).and_then(|()| {
            self.out.push(b':');
            serde_json::to_writer(&mut self.out, value)
        });
        written.map_err(|e| Error::invalid_input(e.to_string()))
    }
}

/// The turn to send, for dialects that have no conversations.
pub(super) fn only_turn<'a>(request: RequestInfo<'a>, dialect: &str) -> Result<Turn<'a>> {
    match request.turns().len() {
        0 | 1 => request.last_turn(),
        turns => Err(Error::invalid_input(format!(
            "`{dialect}` sends one turn at a time, conversation `{}` is at its turn {turns}; use `chat` for conversations",
            request.conversation_id()
        ))),
    }
}

/// One text as a bare string, several as a list.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Texts<'a> {
    One(&'a str),
    Many(Vec<&'a str>),
}

impl<'a> Texts<'a> {
    pub(super) fn of(turn: Turn<'a>, dialect: &str) -> Result<Self> {
        let texts: Vec<&str> = turn.texts().collect();
        match texts[..] {
            [] => Err(Error::invalid_input(format!("`{dialect}` needs a text, the turn has none"))),
            [text] => Ok(Self::One(text)),
            _ => Ok(Self::Many(texts)),
        }
    }
}
