//! Whole replies and streams, read from the first byte to the last. They are written after the public documentation of
//! each API (OpenAI's Responses, images and audio, Anthropic's Messages, Hugging Face's text-generation-inference), not
//! recorded; recordings of real servers are in `tests/replay`.

use super::*;
use crate::endpoint::reading::{Reading, read_reply};
use crate::reply::{Arrival, Reply};

/// A stream of these events, each arriving a nanosecond after the one before.
fn stream(endpoint: &dyn Endpoint, events: &[(&str, Value)]) -> Reading {
    let mut reply = Reply { status: Some(200), content_type: Some("text/event-stream".to_owned()), ..Reply::default() };
    for (at_ns, (name, data)) in (1..).zip(events) {
        let name = if name.is_empty() { String::new() } else { format!("event: {name}\n") };
        reply.body.extend_from_slice(format!("{name}data: {data}\n\n").as_bytes());
        reply.arrivals.push(Arrival { end: reply.body.len(), at_ns });
    }
    read_reply(endpoint, &reply)
}

/// The same with the type of each event in its data, as OpenAI and Anthropic send them.
fn typed(endpoint: &dyn Endpoint, events: &[Value]) -> Reading {
    let named: Vec<(&str, Value)> =
        events.iter().map(|event| (event["type"].as_str().expect("a type"), event.clone())).collect();
    stream(endpoint, &named)
}

fn whole(endpoint: &dyn Endpoint, content_type: &str, body: &str) -> Reading {
    let body = body.as_bytes().to_vec();
    let arrivals = vec![Arrival { end: body.len(), at_ns: 1 }];
    let content_type = Some(content_type.to_owned());
    read_reply(endpoint, &Reply { status: Some(200), content_type, body, arrivals, ..Reply::default() })
}

fn json_body(endpoint: &dyn Endpoint, body: &Value) -> Reading {
    whole(endpoint, "application/json", &body.to_string())
}

fn counts(reading: &Reading) -> [Option<u64>; 3] {
    [reading.usage.prompt_tokens, reading.usage.completion_tokens, reading.usage.total_tokens]
}

#[test]
fn a_stream_of_responses() {
    let usage = json!({"input_tokens": 9, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 2}});
    let reading = typed(
        &*made::<ResponsesEndpoint>(),
        &[
            json!({"type": "response.created", "response": {"id": "r", "status": "in_progress", "error": null, "output": []}}),
            json!({"type": "response.output_item.added", "item": {"type": "reasoning", "summary": []}}),
            json!({"type": "response.reasoning_summary_text.delta", "delta": "hm"}),
            json!({"type": "response.output_item.added", "item": {"type": "message", "content": []}}),
            json!({"type": "response.output_text.delta", "delta": "It "}),
            json!({"type": "response.output_text.delta", "delta": "is"}),
            json!({"type": "response.output_text.done", "text": "It is"}),
            json!({"type": "response.output_item.added", "item": {"type": "function_call", "name": "sum", "arguments": ""}}),
            json!({"type": "response.function_call_arguments.delta", "delta": "{\"a\":1}"}),
            json!({"type": "response.function_call_arguments.done", "arguments": "{\"a\":1}"}),
            json!({"type": "response.completed", "response": {"status": "completed", "error": null, "usage": usage,
                "output": [{"type": "message", "content": [{"type": "output_text", "text": "It is"}]}]}}),
        ],
    );
    assert_eq!((reading.text.as_str(), reading.reasoning.as_str()), ("It issum{\"a\":1}", "hm"));
    assert_eq!((reading.content_ns, reading.first_output_ns), (vec![3, 5, 6, 8, 9], Some(5)));
    assert_eq!((reading.usage.completion_tokens, reading.usage.reasoning_tokens), (Some(4), Some(2)));
    assert_eq!((reading.finish_reason.as_deref(), reading.error), (Some("completed"), None));
}

#[test]
fn a_stream_of_responses_without_deltas_is_read_from_what_closes_it() {
    let done = json!({"type": "response.output_text.done", "text": "all"});
    let output = json!([{"type": "message", "content": [{"type": "output_text", "text": "all"}]}]);
    let cut = json!({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": output});
    let end = json!({"type": "response.incomplete", "response": cut});
    for events in [vec![done.clone(), end.clone()], vec![end.clone()]] {
        let reading = typed(&*made::<ResponsesEndpoint>(), &events);
        assert_eq!((reading.text.as_str(), reading.content_ns.len(), reading.error), ("all", 1, None));
        assert_eq!(reading.finish_reason.as_deref(), Some("max_output_tokens"));
    }
}

#[test]
fn a_whole_response() {
    let reply = json!({"object": "response", "status": "completed", "error": null, "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}]},
        {"type": "function_call", "name": "f", "arguments": "{}"},
    ], "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}});
    let reading = json_body(&*made::<ResponsesEndpoint>(), &reply);
    assert_eq!((reading.text.as_str(), reading.reasoning.as_str(), reading.error.clone()), ("abf{}", "hm", None));
    assert_eq!(counts(&reading), [Some(3), Some(2), Some(5)]);
    let reading = json_body(&*made::<ResponsesEndpoint>(), &json!({"output_text": "short"}));
    assert_eq!(reading.text, "short");
}

#[test]
fn a_stream_of_messages() {
    let begun =
        json!({"input_tokens": 5, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 0, "output_tokens": 1});
    let reading = typed(
        &*made::<MessagesEndpoint>(),
        &[
            json!({"type": "message_start", "message": {"id": "m", "role": "assistant", "content": [], "usage": begun}}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
            json!({"type": "ping"}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "Eq=="}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "So \u{1f980}"}}),
            json!({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "t", "name": "sum", "input": {}}}),
            json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": ""}}),
            json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{\"a\": 1}"}}),
            json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 15}}),
            json!({"type": "message_stop"}),
        ],
    );
    assert_eq!((reading.text.as_str(), reading.reasoning.as_str()), ("So \u{1f980}sum{\"a\": 1}", "hm"));
    assert_eq!((&reading.content_ns, reading.first_output_ns), (&vec![4, 8, 9, 11], Some(8)));
    assert_eq!(counts(&reading), [Some(15), Some(15), Some(30)], "the input of the start, the output of the end");
    assert_eq!(reading.usage.prompt_cache_read_tokens, Some(10));
    assert_eq!((reading.finish_reason.as_deref(), reading.error), (Some("tool_use"), None));
}

#[test]
fn counts_that_no_server_can_mean_stay_the_largest_number() {
    let reading = typed(
        &*made::<MessagesEndpoint>(),
        &[
            json!({"type": "message_start", "message": {"content": [], "usage": {"input_tokens": u64::MAX}}}),
            json!({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 15}}),
        ],
    );
    assert_eq!(counts(&reading), [Some(u64::MAX), Some(15), Some(u64::MAX)]);
    let details = json!({"input_length": u64::MAX, "generated_tokens": 2});
    let reading =
        json_body(&*made::<HuggingFaceGenerateEndpoint>(), &json!({"generated_text": "hi", "details": details}));
    assert_eq!(counts(&reading), [Some(u64::MAX), Some(2), Some(u64::MAX)]);
}

#[test]
fn a_whole_message() {
    let reply = json!({"type": "message", "role": "assistant", "stop_reason": "end_turn", "content": [
        {"type": "thinking", "thinking": "hm", "signature": "x"}, {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "So"}, {"type": "tool_use", "id": "t", "name": "sum", "input": {"a": 1}},
    ], "usage": {"input_tokens": 3, "output_tokens": 2}});
    let reading = json_body(&*made::<MessagesEndpoint>(), &reply);
    assert_eq!((reading.text.as_str(), reading.reasoning.as_str()), ("Sosum{\"a\":1}", "hm"));
    assert_eq!(counts(&reading), [Some(3), Some(2), Some(5)]);
    assert_eq!((reading.finish_reason.as_deref(), reading.error), (Some("end_turn"), None));
}

#[test]
fn a_stream_of_text_generation_inference() {
    let token = |text: &str, special: bool| json!({"id": 1, "text": text, "logprob": -0.5, "special": special});
    let details = json!({"finish_reason": "eos_token", "generated_tokens": 3, "input_length": 4, "seed": null});
    let reading = stream(
        &*made::<HuggingFaceGenerateEndpoint>(),
        &[
            ("", json!({"index": 1, "token": token("So", false), "generated_text": null, "details": null})),
            ("", json!({"index": 2, "token": token(" it", false), "generated_text": null, "details": null})),
            ("", json!({"index": 3, "token": token("</s>", true), "generated_text": "So it", "details": details})),
        ],
    );
    assert_eq!((reading.text.as_str(), &reading.content_ns), ("So it", &vec![1, 2]));
    assert_eq!(counts(&reading), [Some(4), Some(3), Some(7)]);
    assert_eq!((reading.finish_reason.as_deref(), reading.error), (Some("eos_token"), None));
}

#[test]
fn a_whole_reply_of_text_generation_inference() {
    let details =
        json!({"finish_reason": "length", "generated_tokens": 2, "prefill": [{"id": 1, "text": "a"}], "tokens": []});
    let endpoint = made::<HuggingFaceGenerateEndpoint>();
    let one = json!({"generated_text": "hi", "details": details});
    for reply in [one.clone(), json!([one])] {
        let reading = json_body(&*endpoint, &reply);
        assert_eq!((reading.text.as_str(), counts(&reading)), ("hi", [Some(1), Some(2), Some(3)]));
        assert_eq!(reading.finish_reason.as_deref(), Some("length"));
    }
    assert_eq!(json_body(&*endpoint, &json!({"generated_text": "hi"})).text, "hi");
}

#[test]
fn images_count_as_content_whole_and_as_they_take_shape() {
    let endpoint = made::<ImageGenerationEndpoint>();
    let usage = json!({"input_tokens": 5, "output_tokens": 100, "total_tokens": 105});
    let reading = json_body(
        &*endpoint,
        &json!({"created": 1, "data": [{"b64_json": "AAAA"}, {"url": "http://h/i"}], "usage": usage}),
    );
    assert_eq!((reading.content_ns.len(), reading.text.as_str(), reading.error.clone()), (1, "", None));
    assert_eq!(counts(&reading), [Some(5), Some(100), Some(105)]);
    let partial =
        |index| json!({"type": "image_generation.partial_image", "b64_json": "AA", "partial_image_index": index});
    let end = json!({"type": "image_generation.completed", "b64_json": "AAAA", "usage": usage});
    let reading = typed(&*endpoint, &[partial(0), partial(1), end]);
    assert_eq!((reading.content_ns.clone(), reading.first_output_ns), (vec![1, 2, 3], Some(1)));
    assert_eq!(counts(&reading), [Some(5), Some(100), Some(105)]);
    let reply = mock_response(r#"{"data": [{"b64_json": "AAAA"}, {"url": "http://h/i"}]}"#).data;
    let piece = endpoint.parse_response(mock_response(std::str::from_utf8(reply).expect("text")).response());
    assert_eq!(
        piece.expect("no failure").and_then(|piece| piece.data),
        Some(ResponseData::Other(json!({"images": [{"b64_json_bytes": 4}, {"url": "http://h/i"}]})))
    );
}

#[test]
fn speech_is_read_in_each_format() {
    let endpoint = made::<AudioTranscriptionEndpoint>();
    for (kind, body) in [
        ("application/json", r#"{"text": "hello there"}"#),
        ("application/json", r#"{"task": "transcribe", "duration": 1.5, "text": "hello there", "segments": []}"#),
        ("text/plain; charset=utf-8", "hello there"),
    ] {
        let reading = whole(&*endpoint, kind, body);
        assert_eq!((reading.text.as_str(), reading.error), ("hello there", None), "{body}");
    }
    let usage = json!({"type": "tokens", "input_tokens": 14, "output_tokens": 2, "total_tokens": 16});
    let reading = typed(
        &*endpoint,
        &[
            json!({"type": "transcript.text.delta", "delta": "hello"}),
            json!({"type": "transcript.text.delta", "delta": " there"}),
            json!({"type": "transcript.text.done", "text": "hello there", "usage": usage}),
        ],
    );
    assert_eq!((reading.text.as_str(), reading.content_ns.len()), ("hello there", 2));
    assert_eq!(counts(&reading), [Some(14), Some(2), Some(16)]);
}

#[test]
fn a_failure_inside_a_good_status_is_a_failure_in_every_dialect() {
    let failed = json!({"type": "response.failed", "response": {"status": "failed",
        "error": {"code": "server_error", "message": "too hot"}}});
    let told = |reading: Reading| {
        let error = reading.error.expect("a failure");
        assert!(error.message.contains("too hot") && error.code == Some(502), "{error:?}");
    };
    told(typed(&*made::<ResponsesEndpoint>(), &[failed]));
    told(stream(
        &*made::<ResponsesEndpoint>(),
        &[("", json!({"type": "error", "code": "server_error", "message": "too hot", "param": null}))],
    ));
    let overloaded = json!({"type": "error", "error": {"type": "overloaded_error", "message": "too hot"}});
    told(typed(&*made::<MessagesEndpoint>(), std::slice::from_ref(&overloaded)));
    told(stream(&*made::<MessagesEndpoint>(), &[("", overloaded.clone())]));
    told(json_body(&*made::<MessagesEndpoint>(), &overloaded));
    let tgi = json!({"error": "too hot", "error_type": "generation"});
    told(stream(&*made::<HuggingFaceGenerateEndpoint>(), &[("", tgi.clone())]));
    told(json_body(&*made::<HuggingFaceGenerateEndpoint>(), &tgi));
    for endpoint in [
        made::<ImageGenerationEndpoint>(),
        made::<AudioTranscriptionEndpoint>(),
        made::<ChatEmbeddingsEndpoint>(),
        made::<NimEmbeddingsEndpoint>(),
        made::<RawEndpoint>(),
        made::<ResponsesEndpoint>(),
    ] {
        told(json_body(&*endpoint, &json!({"error": {"message": "too hot"}})));
    }
}

#[test]
fn a_reply_the_path_misses_is_no_result_and_says_why() {
    let endpoint = construct::<RawEndpoint>(json!({"response_field": "a.b"})).expect("an endpoint");
    let error = json_body(&endpoint, &json!({"text": "hi"})).error.expect("a failure");
    assert_eq!((error.code, error.kind.as_str()), (None, "InvalidInferenceResultError"));
    assert!(error.message.contains("`response_field:a.b` matches nothing"), "{}", error.message);
}
