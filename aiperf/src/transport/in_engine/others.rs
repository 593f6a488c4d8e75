//! Generated text in the shapes that are not OpenAI's choices: Responses, Messages, text-generation-inference, and the
//! plainest there is. Only what a client reads is in them. Knows no time.

use serde_json::{Value, json};

use super::reply::{Delivery, Shape, Text, append};
use super::words;

/// The event of a token, and before the first one what opens the stream.
pub(super) fn write_token(text: &Text, index: u32, out: &mut Vec<u8>) {
    let word = words::word(index);
    match text.shape {
        Shape::Responses => {
            if index == 0 {
                event(out, "response.created", &json!({ "response": { "status": "in_progress", "output": [] } }));
            }
            append(
                out,
                format_args!(
                    "event: response.output_text.delta\ndata: {{\"type\":\"response.output_text.delta\",\"output_index\":0,\
                     \"content_index\":0,\"delta\":\"{word}\"}}\n\n"
                ),
            );
        }
        Shape::Messages => {
            if index == 0 {
                let usage = json!({ "output_tokens": 0 });
                event(
                    out,
                    "message_start",
                    &json!({ "message": { "role": "assistant", "content": [], "usage": usage } }),
                );
                let block = json!({ "index": 0, "content_block": { "type": "text", "text": "" } });
                event(out, "content_block_start", &block);
            }
            append(
                out,
                format_args!(
                    "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":0,\
                     \"delta\":{{\"type\":\"text_delta\",\"text\":\"{word}\"}}}}\n\n"
                ),
            );
        }
        // The last token comes with the end, as that event carries both.
        Shape::Generate if index + 1 < text.tokens => {
            append(
                out,
                format_args!("data: {{\"index\":{index},\"token\":{},\"generated_text\":null}}\n\n", token(index)),
            );
        }
        Shape::Plain => append(out, format_args!("data: {{\"text\":\"{word}\"}}\n\n")),
        Shape::Generate | Shape::Chat | Shape::Completions => {}
    }
}

/// What comes after the last token of a stream, or all of a whole reply.
pub(super) fn write_end(text: &Text, prompt_tokens: u64, out: &mut Vec<u8>) {
    let (tokens, whole) = (u64::from(text.tokens), text.delivery == Delivery::Whole);
    let usage =
        json!({ "input_tokens": prompt_tokens, "output_tokens": tokens, "total_tokens": prompt_tokens + tokens });
    let generated = if whole { words::text(text.tokens) } else { String::new() };
    match text.shape {
        Shape::Responses => {
            let (status, name) = match text.is_cut_off {
                true => ("incomplete", "response.incomplete"),
                false => ("completed", "response.completed"),
            };
            let mut end = identified(text);
            end["status"] = status.into();
            end["usage"] = usage;
            end["output"] = json!([]);
            if text.is_cut_off {
                end["incomplete_details"] = json!({ "reason": "max_output_tokens" });
            }
            if whole {
                let content = json!([{ "type": "output_text", "text": generated, "annotations": [] }]);
                end["output"] = json!([{ "type": "message", "role": "assistant", "content": content }]);
                append(out, format_args!("{end}"));
            } else {
                event(out, name, &json!({ "response": end }));
            }
        }
        Shape::Messages => {
            let reason = if text.is_cut_off { "max_tokens" } else { "end_turn" };
            if whole {
                let mut message = identified(text);
                message["type"] = "message".into();
                message["role"] = "assistant".into();
                message["content"] = json!([{ "type": "text", "text": generated }]);
                message["stop_reason"] = reason.into();
                message["usage"] = usage;
                append(out, format_args!("{message}"));
            } else {
                event(out, "content_block_stop", &json!({ "index": 0 }));
                event(out, "message_delta", &json!({ "delta": { "stop_reason": reason }, "usage": usage }));
                event(out, "message_stop", &json!({}));
            }
        }
        Shape::Generate => {
            let reason = if text.is_cut_off { "length" } else { "eos_token" };
            let details = json!({ "finish_reason": reason, "generated_tokens": tokens, "input_length": prompt_tokens });
            if whole {
                append(out, format_args!("{}", json!({ "generated_text": generated, "details": details })));
            } else {
                let (last, all) = (text.tokens.saturating_sub(1), words::text(text.tokens));
                append(
                    out,
                    format_args!(
                        "data: {{\"index\":{last},\"token\":{},\"generated_text\":\"{all}\",\"details\":{details}}}\n\n",
                        token(last)
                    ),
                );
            }
        }
        Shape::Plain | Shape::Chat | Shape::Completions => {
            if whole {
                append(out, format_args!("{}", json!({ "text": generated, "usage": usage })));
            } else {
                append(out, format_args!("data: {}\n\ndata: [DONE]\n\n", json!({ "usage": usage })));
            }
        }
    }
}

fn token(index: u32) -> String {
    format!("{{\"id\":{index},\"text\":\"{}\",\"logprob\":-0.1,\"special\":false}}", words::word(index))
}

/// The object a reply is, with its id and model.
fn identified(text: &Text) -> Value {
    serde_json::from_str(&format!("{{{}}}", text.header)).expect("the header was written as JSON fields")
}

/// An event whose data tells its type too.
fn event(out: &mut Vec<u8>, name: &str, data: &Value) {
    let mut data = data.clone();
    data["type"] = name.into();
    append(out, format_args!("event: {name}\ndata: {data}\n\n"));
}
