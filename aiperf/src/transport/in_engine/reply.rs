//! The bytes of an answer: generated text in OpenAI's chat and completions, streamed or whole (`others` has the further
//! shapes), and bodies that are there at once. Knows no time.

use std::io::Write;

use serde_json::{Value, json};

use super::{others, words};

/// What a request is answered.
#[derive(Debug)]
pub(super) enum Reply {
    /// Generated text.
    Text(Text),
    /// A body that is there at once, with the count of the prompt put where `usage` says.
    Body {
        /// The JSON.
        body: Value,
        /// Which key of it gets `prompt_tokens` and `total_tokens`.
        usage: Option<&'static str>,
        /// Whether it is sent as the only event of a stream.
        is_event: bool,
    },
}

/// In which dialect text is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Chat,
    Completions,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
    /// Hugging Face's text-generation-inference.
    Generate,
    /// An object with a `text`.
    Plain,
}

impl Shape {
    /// Whether a stream ends with the token counts unasked.
    pub(super) fn always_tells_usage(self) -> bool {
        !matches!(self, Self::Chat | Self::Completions)
    }
}

/// How generated text is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Stream { include_usage: bool },
}

/// Generated text.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) shape: Shape,
    pub(super) delivery: Delivery,
    pub(super) tokens: u32,
    /// Whether it ends because the request allowed no more tokens.
    pub(super) is_cut_off: bool,
    /// `"id":…,"object":…,"created":…,"model":…`, or what identifies a reply of another shape.
    pub(super) header: String,
}

/// What identifies a reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label<'a> {
    pub(super) id: u64,
    pub(super) created_s: u64,
    pub(super) model: &'a str,
}

impl Text {
    pub(super) fn new(shape: Shape, delivery: Delivery, label: Label<'_>, tokens: u32) -> Self {
        let (prefix, object) = match (shape, delivery) {
            (Shape::Chat, Delivery::Whole) => ("chatcmpl", "chat.completion"),
            (Shape::Chat, Delivery::Stream { .. }) => ("chatcmpl", "chat.completion.chunk"),
            (Shape::Completions, _) => ("cmpl", "text_completion"),
            (Shape::Responses, _) => ("resp", "response"),
            (Shape::Messages, _) => ("msg", "message"),
            (Shape::Generate | Shape::Plain, _) => ("gen", "text"),
        };
        let header = format!(
            r#""id":"{prefix}-{}","object":"{object}","created":{},"model":{}"#,
            label.id,
            label.created_s,
            Value::from(label.model)
        );
        Self { shape, delivery, tokens, is_cut_off: false, header }
    }

    /// The same, cut off because the request allowed no more tokens.
    pub(super) fn cut_off(mut self) -> Self {
        self.is_cut_off = true;
        self
    }

    fn write_token(&self, index: u32, out: &mut Vec<u8>) {
        let word = words::word(index);
        let said = match (self.shape, index) {
            (Shape::Chat, 0) => format!(r#""delta":{{"role":"assistant","content":"{word}"}}"#),
            (Shape::Chat, _) => format!(r#""delta":{{"content":"{word}"}}"#),
            (Shape::Completions, _) => format!(r#""text":"{word}""#),
            _ => return others::write_token(self, index, out),
        };
        self.write_event(&said, "null", out);
    }

    fn write_event(&self, said: &str, finish_reason: &str, out: &mut Vec<u8>) {
        let usage = match self.delivery {
            Delivery::Stream { include_usage: true } => r#","usage":null"#,
            _ => "",
        };
        let header = &self.header;
        append(
            out,
            format_args!(
                "data: {{{header},\"choices\":[{{\"index\":0,{said},\"logprobs\":null,\"finish_reason\":{finish_reason}}}]\
                 {usage}}}\n\n"
            ),
        );
    }

    fn write_end(&self, prompt_tokens: u64, out: &mut Vec<u8>) {
        if !matches!(self.shape, Shape::Chat | Shape::Completions) {
            return others::write_end(self, prompt_tokens, out);
        }
        let (header, reason) = (&self.header, if self.is_cut_off { r#""length""# } else { r#""stop""# });
        let usage = json!({
            "prompt_tokens": prompt_tokens,
            "completion_tokens": self.tokens,
            "total_tokens": prompt_tokens + u64::from(self.tokens),
        });
        match self.delivery {
            Delivery::Stream { include_usage } => {
                let nothing = if self.shape == Shape::Chat { r#""delta":{}"# } else { r#""text":"""# };
                self.write_event(nothing, reason, out);
                if include_usage {
                    append(out, format_args!("data: {{{header},\"choices\":[],\"usage\":{usage}}}\n\n"));
                }
                append(out, format_args!("data: [DONE]\n\n"));
            }
            Delivery::Whole => {
                let text = words::text(self.tokens);
                let said = if self.shape == Shape::Chat {
                    format!(r#""message":{{"role":"assistant","content":"{text}","refusal":null}}"#)
                } else {
                    format!(r#""text":"{text}""#)
                };
                append(
                    out,
                    format_args!(
                        "{{{header},\"choices\":[{{\"index\":0,{said},\"logprobs\":null,\"finish_reason\":{reason}}}],\
                         \"usage\":{usage}}}"
                    ),
                );
            }
        }
    }
}

impl Reply {
    /// How many tokens are generated, at least one.
    pub(super) fn tokens(&self) -> u32 {
        match self {
            Self::Text(text) => text.tokens,
            Self::Body { .. } => 1,
        }
    }

    /// Whether the tokens are handed over one by one.
    pub(super) fn is_stream(&self) -> bool {
        matches!(self, Self::Text(Text { delivery: Delivery::Stream { .. }, .. }))
    }

    /// Whether the tokens of the prompt have to be known.
    pub(super) fn tells_usage(&self) -> bool {
        match self {
            Self::Text(text) => text.delivery != Delivery::Stream { include_usage: false },
            Self::Body { usage, .. } => usage.is_some(),
        }
    }

    pub(super) fn content_type(&self) -> &'static str {
        let is_event = matches!(self, Self::Body { is_event: true, .. });
        if is_event || self.is_stream() { "text/event-stream; charset=utf-8" } else { "application/json" }
    }

    /// What is handed over when the `index`-th token is due: nothing, unless it is a stream.
    pub(super) fn write_token(&self, index: u32, out: &mut Vec<u8>) {
        if let (true, Self::Text(text)) = (self.is_stream(), self) {
            text.write_token(index, out);
        }
    }

    /// What comes after the last token: the end of a stream, all of a whole reply.
    pub(super) fn write_end(&self, prompt_tokens: u64, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => text.write_end(prompt_tokens, out),
            Self::Body { body, usage, is_event } => {
                let mut body = body.clone();
                if let Some(key) = usage {
                    body[*key] = json!({ "prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens });
                }
                match is_event {
                    true => append(out, format_args!("data: {body}\n\n")),
                    false => append(out, format_args!("{body}")),
                }
            }
        }
    }
}

pub(super) fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to memory does not fail");
}
