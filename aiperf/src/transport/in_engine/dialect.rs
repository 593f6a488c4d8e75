//! From a path and a body to what is answered and what was asked: the dialects the engine speaks. Knows no time, and
//! counts no tokens before it is asked to.

use serde_json::{Map, Value, json};

use super::reply::{Delivery, Label, Reply, Shape, Text};
use super::words;
use crate::tokenizer::{Embedded, Tokenizer};

/// What the engine makes of a request.
#[derive(Debug)]
pub(super) struct Understood {
    /// What it is answered.
    pub(super) reply: Reply,
    /// What it brought along.
    pub(super) prompt: Prompt,
}

/// A request the engine does not answer, and the status it says so with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    message: String,
}

impl Refusal {
    /// A request refused on purpose.
    pub(super) fn wanted(status: u16) -> Self {
        Self { status, message: "refused because the URL asks for it with `fail`".to_owned() }
    }

    fn bad(message: impl Into<String>) -> Self {
        Self { status: 400, message: message.into() }
    }

    /// The error in OpenAI's shape.
    pub(super) fn body(&self) -> Vec<u8> {
        let kind = if self.status < 500 { "invalid_request_error" } else { "server_error" };
        let error = json!({ "error": { "message": self.message, "type": kind, "param": null, "code": self.status } });
        error.to_string().into_bytes()
    }
}

/// What a request brought along: texts, and tokens that were counted already.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Prompt {
    texts: Vec<String>,
    tokens: u64,
}

impl Prompt {
    /// Its tokens, as o200k_base counts them; texts are counted one by one, without the words of a chat template.
    pub(super) fn count(&self) -> u64 {
        if self.texts.is_empty() {
            return self.tokens;
        }
        let tokenizer = Tokenizer::embedded(Embedded::O200kBase);
        self.tokens + self.texts.iter().map(|text| tokenizer.count(text) as u64).sum::<u64>()
    }

    /// Takes the text out of the content of each message.
    fn add_messages(&mut self, messages: Value, name: &str) -> Result<(), Refusal> {
        let Value::Array(messages) = messages else { return Err(Refusal::bad(format!("`{name}` is no list"))) };
        for mut message in messages {
            self.add(message.get_mut("content").map(Value::take).unwrap_or_default());
        }
        Ok(())
    }

    /// Takes the text out of a string, a list of strings or of parts with a `text`, or token numbers.
    fn add(&mut self, value: Value) {
        match value {
            Value::String(text) => self.texts.push(text),
            Value::Array(items) => items.into_iter().for_each(|item| self.add(item)),
            Value::Object(mut part) => part.remove("text").into_iter().for_each(|text| self.add(text)),
            Value::Number(_) => self.tokens += 1,
            Value::Null | Value::Bool(_) => {}
        }
    }
}

/// What a dialect needs besides the body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) id: u64,
    pub(super) created_s: u64,
    /// Tokens of a reply where the request does not say.
    pub(super) osl: u32,
}

type Body = Map<String, Value>;

/// Who answers: one that reads JSON, or one that reads whatever comes.
#[derive(Clone, Copy)]
enum Speak {
    Json(fn(Body, Frame) -> Result<Understood, Refusal>),
    Bytes(fn(&[u8], Frame) -> Result<Understood, Refusal>),
}

/// Paths and who answers there.
const DIALECTS: &[(&str, Speak)] = &[
    ("/v1/chat/completions", Speak::Json(chat)),
    ("/v1/completions", Speak::Json(completions)),
    ("/v1/responses", Speak::Json(responses)),
    ("/v1/messages", Speak::Json(messages)),
    ("/generate", Speak::Json(generate)),
    ("/generate_stream", Speak::Json(generate_stream)),
    ("/v1/embeddings", Speak::Json(embeddings)),
    ("/v1/ranking", Speak::Json(nim_ranking)),
    ("/v2/rerank", Speak::Json(cohere_rerank)),
    ("/rerank", Speak::Json(tei_rerank)),
    ("/v1/images/generations", Speak::Json(images)),
    ("/v1/audio/transcriptions", Speak::Bytes(transcription)),
    ("/", Speak::Bytes(anything)),
];

/// Reads a request.
///
/// # Errors
/// A refusal where nothing answers at `path` or the body is not what is expected there.
pub(super) fn understand(path: &str, body: &[u8], frame: Frame) -> Result<Understood, Refusal> {
    let wanted = if path.is_empty() { "/" } else { path };
    let Some((_, speak)) = DIALECTS.iter().find(|(known, _)| *known == wanted) else {
        let known: Vec<&str> = DIALECTS.iter().map(|(path, _)| *path).collect();
        return Err(Refusal {
            status: 404,
            message: format!("nothing answers at `{path}`; known are {}", known.join(", ")),
        });
    };
    match speak {
        Speak::Bytes(speak) => speak(body, frame),
        Speak::Json(speak) => {
            let object = serde_json::from_slice(body);
            speak(object.map_err(|e| Refusal::bad(format!("the body is no JSON object: {e}")))?, frame)
        }
    }
}

fn chat(mut body: Body, frame: Frame) -> Result<Understood, Refusal> {
    let mut prompt = Prompt::default();
    prompt.add_messages(required(&mut body, "messages")?, "messages")?;
    Ok(Understood { reply: text(Shape::Chat, &body, frame)?, prompt })
}

fn responses(mut body: Body, frame: Frame) -> Result<Understood, Refusal> {
    let mut prompt = Prompt::default();
    prompt.add(body.remove("instructions").unwrap_or_default());
    match required(&mut body, "input")? {
        Value::String(input) => prompt.add(input.into()),
        items => prompt.add_messages(items, "input")?,
    }
    Ok(Understood { reply: text(Shape::Responses, &body, frame)?, prompt })
}

fn messages(mut body: Body, frame: Frame) -> Result<Understood, Refusal> {
    let mut prompt = Prompt::default();
    prompt.add(body.remove("system").unwrap_or_default());
    prompt.add_messages(required(&mut body, "messages")?, "messages")?;
    if !body.contains_key("max_tokens") {
        return Err(Refusal::bad("`max_tokens` is missing in the body"));
    }
    Ok(Understood { reply: text(Shape::Messages, &body, frame)?, prompt })
}

fn generate(body: Body, frame: Frame) -> Result<Understood, Refusal> {
    generated(body, frame, false)
}

fn generate_stream(body: Body, frame: Frame) -> Result<Understood, Refusal> {
    generated(body, frame, true)
}

fn generated(mut body: Body, frame: Frame, streams: bool) -> Result<Understood, Refusal> {
    let mut prompt = Prompt::default();
    prompt.add(required(&mut body, "inputs")?);
    let mut parameters = match body.remove("parameters") {
        Some(Value::Object(parameters)) => parameters,
        None | Some(Value::Null) => Body::new(),
        Some(_) => return Err(Refusal::bad("`parameters` is no object")),
    };
    parameters.insert("stream".to_owned(), streams.into());
    Ok(Understood { reply: text(Shape::Generate, &parameters, frame)?, prompt })
}

/// What is asked for without a path: any body, answered in the plainest way.
fn anything(body: &[u8], frame: Frame) -> Result<Understood, Refusal> {
    let mut prompt = Prompt::default();
    let body = match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => body,
        Ok(other) => {
            prompt.add(other);
            Body::new()
        }
        Err(_) => {
            prompt.add(String::from_utf8_lossy(body).into());
            Body::new()
        }
    };
    ["text", "prompt", "input", "inputs", "query"]
        .iter()
        .for_each(|name| prompt.add(body.get(*name).cloned().unwrap_or_default()));
    Ok(Understood { reply: text(Shape::Plain, &body, frame)?, prompt })
}

fn images(mut body: Body, frame: Frame) -> Result<Understood, Refusal> {
    let mut prompt = Prompt::default();
    prompt.add(required(&mut body, "prompt")?);
    let count = number(&body, "n")?.unwrap_or(1);
    let image = |_| json!({ "b64_json": PIXEL });
    let body = match body.get("stream") {
        Some(Value::Bool(true)) => json!({ "type": "image_generation.completed", "b64_json": PIXEL, "usage": null }),
        _ => json!({ "created": frame.created_s, "data": (0..count).map(image).collect::<Vec<_>>(), "usage": null }),
    };
    let is_event = body.get("type").is_some();
    Ok(Understood { reply: Reply::Body { body, usage: Some("usage"), is_event }, prompt })
}

/// The smallest PNG there is, one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A form with a file in it; what is said in the file does not matter.
fn transcription(body: &[u8], frame: Frame) -> Result<Understood, Refusal> {
    if memchr::memmem::find(body, b"name=\"file\"; filename=").is_none() {
        return Err(Refusal::bad("the body is no form with a `file`"));
    }
    let body = json!({ "text": words::text(frame.osl) });
    Ok(Understood { reply: Reply::Body { body, usage: None, is_event: false }, prompt: Prompt::default() })
}

fn completions(mut body: Body, frame: Frame) -> Result<Understood, Refusal> {
    let mut prompt = Prompt::default();
    prompt.add(required(&mut body, "prompt")?);
    Ok(Understood { reply: text(Shape::Completions, &body, frame)?, prompt })
}

fn text(shape: Shape, body: &Body, frame: Frame) -> Result<Reply, Refusal> {
    const LIMITS: [&str; 4] = ["max_completion_tokens", "max_output_tokens", "max_new_tokens", "max_tokens"];
    let mut allowed = None;
    for name in LIMITS {
        allowed = allowed.or(number(body, name)?);
    }
    let tokens = allowed.unwrap_or(frame.osl.max(number(body, "min_tokens")?.unwrap_or(0)));
    if tokens == 0 {
        return Err(Refusal::bad("a reply has at least one token"));
    }
    let delivery = match body.get("stream") {
        Some(Value::Bool(true)) => {
            let include = body.get("stream_options").and_then(|options| options.get("include_usage"));
            Delivery::Stream { include_usage: shape.always_tells_usage() || include == Some(&Value::Bool(true)) }
        }
        Some(Value::Bool(false) | Value::Null) | None => Delivery::Whole,
        Some(other) => return Err(Refusal::bad(format!("`stream` is true or false, not {other}"))),
    };
    let label = Label { id: frame.id, created_s: frame.created_s, model: model(body) };
    let text = Text::new(shape, delivery, label, tokens);
    Ok(Reply::Text(if allowed.is_some() { text.cut_off() } else { text }))
}

fn embeddings(mut body: Body, _: Frame) -> Result<Understood, Refusal> {
    let mut prompt = Prompt::default();
    let mut several = 1;
    if let Some(messages) = body.remove("messages") {
        prompt.add_messages(messages, "messages")?;
    } else {
        let input = required(&mut body, "input")?;
        if let Value::Array(items) = &input
            && items.iter().any(|item| !item.is_number())
        {
            several = items.len();
        }
        prompt.add(input);
    }
    let dimensions = number(&body, "dimensions")?.unwrap_or(8) as usize;
    let data: Vec<Value> = (0..several)
        .map(|index| json!({ "object": "embedding", "index": index, "embedding": unit_vector(index, dimensions) }))
        .collect();
    let body = json!({ "object": "list", "data": data, "model": model(&body), "usage": null });
    Ok(Understood { reply: Reply::Body { body, usage: Some("usage"), is_event: false }, prompt })
}

/// A vector of length one that points along the axis of its number.
fn unit_vector(index: usize, dimensions: usize) -> Vec<f32> {
    let axis = index % dimensions.max(1);
    (0..dimensions).map(|at| if at == axis { 1.0 } else { 0.0 }).collect()
}

fn nim_ranking(mut body: Body, _: Frame) -> Result<Understood, Refusal> {
    let (prompt, ranked) = ranking(&mut body, "passages")?;
    let rankings: Vec<Value> = ranked.map(|(index, score)| json!({ "index": index, "logit": score })).collect();
    let body = json!({ "rankings": rankings, "usage": null });
    Ok(Understood { reply: Reply::Body { body, usage: Some("usage"), is_event: false }, prompt })
}

fn cohere_rerank(mut body: Body, frame: Frame) -> Result<Understood, Refusal> {
    let (prompt, ranked) = ranking(&mut body, "documents")?;
    let results: Vec<Value> =
        ranked.map(|(index, score)| json!({ "index": index, "relevance_score": score })).collect();
    let body = json!({
        "id": format!("rerank-{}", frame.id),
        "results": results,
        "meta": { "api_version": { "version": "2" }, "billed_units": { "search_units": 1 } },
    });
    Ok(Understood { reply: Reply::Body { body, usage: None, is_event: false }, prompt })
}

fn tei_rerank(mut body: Body, _: Frame) -> Result<Understood, Refusal> {
    let (prompt, ranked) = ranking(&mut body, "texts")?;
    let body = ranked.map(|(index, score)| json!({ "index": index, "score": score })).collect();
    Ok(Understood { reply: Reply::Body { body, usage: None, is_event: false }, prompt })
}

/// The query and the texts to rank, and for each text a score, best first. The order they came in is as good as any.
fn ranking(
    body: &mut Body,
    texts: &'static str,
) -> Result<(Prompt, impl Iterator<Item = (usize, f64)> + use<>), Refusal> {
    let mut prompt = Prompt::default();
    prompt.add(required(body, "query")?);
    let Value::Array(texts) = required(body, texts)? else {
        return Err(Refusal::bad(format!("`{texts}` is no list")));
    };
    let count = texts.len();
    prompt.add(Value::Array(texts));
    Ok((prompt, (0..count).map(|index| (index, 1.0 / (1.0 + index as f64)))))
}

fn required(body: &mut Body, key: &str) -> Result<Value, Refusal> {
    body.remove(key).ok_or_else(|| Refusal::bad(format!("`{key}` is missing in the body")))
}

fn number(body: &Body, key: &str) -> Result<Option<u32>, Refusal> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().and_then(|number| u32::try_from(number).ok()) {
            Some(number) => Ok(Some(number)),
            None => Err(Refusal::bad(format!("`{key}` is a number of tokens, not {value}"))),
        },
    }
}

fn model(body: &Body) -> &str {
    body.get("model").and_then(Value::as_str).unwrap_or_default()
}
