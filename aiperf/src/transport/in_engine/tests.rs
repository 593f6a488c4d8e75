//! The engine as a run meets it: what comes back at each path, in which order, and never too early.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::reply::Reply;
use crate::transport::collect::{Outcome, collector};
use crate::transport::failure::GivenUp;
use crate::transport::sse::events;

fn transport(query: &str) -> (InEngineTransport, String) {
    let base = format!("sim://?{query}");
    (InEngineTransport::for_urls(std::slice::from_ref(&base)).unwrap(), base)
}

async fn ask(transport: &InEngineTransport, base: &str, path: &str, body: &Value) -> Reply {
    let url = base.replacen("sim://", &format!("sim://{path}"), 1);
    let request = TransportRequest::post(url, Vec::new(), body.to_string().into_bytes());
    let (sink, collected) = collector(Clock::start());
    let result = transport.send(request, sink).await;
    collected.finish(Outcome::Ended(result))
}

fn json_of(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

fn chunks(reply: &Reply) -> Vec<(Value, u64)> {
    events(&reply.body, &reply.arrivals)
        .map(|event| (serde_json::from_slice(&event.data).unwrap(), event.at_ns))
        .collect()
}

fn chat(extra: &Value) -> Value {
    let mut body = json!({ "model": "m\"1", "messages": [{ "role": "user", "content": "Hello, world!" }] });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn a_streamed_chat_comes_token_by_token_and_ends_as_openai_ends_it() {
    let (transport, base) = transport("ttft=20ms&itl=3ms");
    let body =
        chat(&json!({ "stream": true, "max_completion_tokens": 5, "stream_options": { "include_usage": true } }));
    let reply = ask(&transport, &base, CHAT, &body).await;
    assert_eq!((reply.status, reply.error.clone()), (Some(200), None));
    assert!(reply.content_type.as_ref().unwrap().starts_with("text/event-stream"));
    assert!(reply.body.ends_with(b"data: [DONE]\n\n"));

    let chunks = chunks(&reply);
    let said: Vec<&str> =
        chunks.iter().filter_map(|(chunk, _)| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(said, ["The", " answer", " is", " a", " long"]);
    assert_eq!(chunks[0].0["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks[0].0["model"], "m\"1");
    assert_eq!(chunks[5].0["choices"][0]["finish_reason"], "length");
    assert_eq!(chunks[6].0["usage"], json!({ "prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9 }));
    assert_eq!((chunks.len(), chunks[6].0["choices"].as_array().unwrap().len()), (7, 0));

    for (index, (_, at_ns)) in chunks.iter().take(5).enumerate() {
        let due = Duration::from_millis(20 + 3 * index as u64).as_nanos() as u64;
        assert!(at_ns - reply.start_ns >= due, "token {index} is early");
    }
}

#[tokio::test]
async fn usage_is_told_only_where_it_is_asked_for() {
    let (transport, base) = transport("ttft=0&itl=0&osl=3");
    let reply = ask(&transport, &base, CHAT, &chat(&json!({ "stream": true }))).await;
    let chunks = chunks(&reply);
    assert_eq!(chunks.len(), 4);
    assert!(chunks.iter().all(|(chunk, _)| chunk.get("usage").is_none()));
    assert_eq!(chunks[3].0["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_whole_reply_is_there_when_its_last_token_is_due() {
    let (transport, base) = transport("ttft=10ms&itl=2ms");
    let reply = ask(&transport, &base, CHAT, &chat(&json!({ "max_tokens": 4, "ignore_eos": true }))).await;
    let body = json_of(&reply);
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["choices"][0]["message"]["content"], "The answer is a");
    assert_eq!(body["usage"]["completion_tokens"], 4);
    assert!(reply.arrivals[0].at_ns - reply.start_ns >= 16_000_000);

    let completions = json!({ "model": "m", "prompt": ["Hello, world!", [1, 2, 3]], "min_tokens": 20 });
    let body = json_of(&ask(&transport, &base, "/v1/completions", &completions).await);
    assert_eq!(body["object"], "text_completion");
    assert_eq!(body["usage"], json!({ "prompt_tokens": 7, "completion_tokens": 20, "total_tokens": 27 }));
}

#[tokio::test]
async fn completions_stream_their_text() {
    let (transport, base) = transport("ttft=0&itl=0");
    let body = json!({ "model": "m", "prompt": "x", "stream": true, "max_tokens": 3 });
    let text: String = chunks(&ask(&transport, &base, "/v1/completions", &body).await)
        .iter()
        .filter_map(|(chunk, _)| chunk["choices"][0]["text"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(text, "The answer is");
}

#[tokio::test]
async fn embeddings_and_rankings_answer_for_every_text() {
    let (transport, base) = transport("ttft=0");
    let body = json_of(&ask(&transport, &base, "/v1/embeddings", &json!({ "input": ["a", "b c"] })).await);
    assert_eq!(body["data"].as_array().unwrap().len(), 2);
    assert_eq!((&body["data"][1]["object"], &body["data"][1]["index"]), (&json!("embedding"), &json!(1)));
    assert_eq!(body["usage"], json!({ "prompt_tokens": 3, "total_tokens": 3 }));

    let nim = json!({ "query": { "text": "q" }, "passages": [{ "text": "a" }, { "text": "b" }] });
    let body = json_of(&ask(&transport, &base, "/v1/ranking", &nim).await);
    assert_eq!(body["rankings"], json!([{ "index": 0, "logit": 1.0 }, { "index": 1, "logit": 0.5 }]));
    assert_eq!(body["usage"]["prompt_tokens"], 3);

    let cohere = json!({ "query": "q", "documents": ["a", "b"] });
    let body = json_of(&ask(&transport, &base, "/v2/rerank", &cohere).await);
    assert_eq!(body["results"][1], json!({ "index": 1, "relevance_score": 0.5 }));

    let body = json_of(&ask(&transport, &base, "/rerank", &json!({ "query": "q", "texts": ["a"] })).await);
    assert_eq!(body, json!([{ "index": 0, "score": 1.0 }]));
}

#[tokio::test]
async fn each_dialect_of_text_is_answered_in_its_shape() {
    let (transport, base) = transport("ttft=0&itl=0&osl=3");
    let json = async |path: &str, body: Value| json_of(&ask(&transport, &base, path, &body).await);
    let body = json("/v1/responses", json!({ "input": "Hello, world!", "max_output_tokens": 2 })).await;
    assert_eq!(
        (&body["status"], &body["output"][0]["content"][0]["text"]),
        (&json!("incomplete"), &json!("The answer"))
    );
    assert_eq!(body["usage"], json!({ "input_tokens": 4, "output_tokens": 2, "total_tokens": 6 }));
    let messages = json!([{ "role": "user", "content": [{ "type": "text", "text": "Hello, world!" }] }]);
    let body = json("/v1/messages", json!({ "messages": messages, "system": "x", "max_tokens": 2 })).await;
    assert_eq!((&body["stop_reason"], &body["content"][0]["text"]), (&json!("max_tokens"), &json!("The answer")));
    assert_eq!(body["usage"]["input_tokens"], 5);
    let body = json("/generate", json!({ "inputs": "Hello, world!" })).await;
    assert_eq!((&body["generated_text"], &body["details"]["input_length"]), (&json!("The answer is"), &json!(4)));
    let body = json("", json!({ "prompt": "Hello, world!" })).await;
    assert_eq!((&body["text"], &body["usage"]["input_tokens"]), (&json!("The answer is"), &json!(4)));
    let body = json("/v1/images/generations", json!({ "prompt": "a cat", "n": 2 })).await;
    assert_eq!(body["data"].as_array().unwrap().len(), 2);
    let body = json("/v1/embeddings", json!({ "messages": messages })).await;
    assert_eq!((body["data"].as_array().unwrap().len(), &body["usage"]["prompt_tokens"]), (1, &json!(4)));
}

#[tokio::test]
async fn each_dialect_of_text_streams_an_event_for_each_token() {
    let (transport, base) = transport("ttft=0&itl=0&osl=3");
    let words = ["The", " answer", " is"];
    for (path, body, at) in [
        ("/v1/responses", json!({ "input": "x", "stream": true }), "/delta"),
        ("/v1/messages", json!({ "messages": [], "max_tokens": 3, "stream": true }), "/delta/text"),
        ("/generate_stream", json!({ "inputs": "x" }), "/token/text"),
        ("", json!({ "text": "x", "stream": true }), "/text"),
    ] {
        let chunks = chunks(&ask(&transport, &base, path, &body).await);
        let said: Vec<&str> = chunks.iter().filter_map(|(chunk, _)| chunk.pointer(at)?.as_str()).collect();
        assert_eq!(said, words, "{path}");
    }
}

#[tokio::test]
async fn a_form_with_a_file_is_transcribed() {
    let (transport, base) = transport("ttft=0&osl=2");
    let url = base.replacen("sim://", "sim:///v1/audio/transcriptions", 1);
    for (form, status) in [("name=\"file\"; filename=\"a.wav\"", 200), ("name=\"model\"", 400)] {
        let request = TransportRequest::post(url.clone(), Vec::new(), form.as_bytes().to_vec());
        let (sink, collected) = collector(Clock::start());
        let result = transport.send(request, sink).await;
        assert_eq!(collected.finish(Outcome::Ended(result)).status, Some(status));
    }
}

#[tokio::test]
async fn what_it_cannot_answer_is_refused_with_the_reason() {
    let (transport, base) = transport("ttft=0");
    let refused = async |path: &str, body: &Value| {
        let reply = ask(&transport, &base, path, body).await;
        (reply.status.unwrap(), json_of(&reply)["error"]["message"].as_str().unwrap().to_owned())
    };
    let (status, message) = refused("/v1/audio", &json!({})).await;
    assert!(status == 404 && message.contains("`/v1/audio`") && message.contains("/v2/rerank"), "{message}");
    for (body, part) in [
        (json!("x"), "no JSON object"),
        (json!({ "model": "m" }), "`messages` is missing"),
        (chat(&json!({ "max_tokens": 0 })), "at least one token"),
        (chat(&json!({ "max_tokens": -1 })), "`max_tokens`"),
        (chat(&json!({ "stream": "yes" })), "`stream`"),
    ] {
        let (status, message) = refused(CHAT, &body).await;
        assert!(status == 400 && message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn the_share_asked_for_fails_with_the_status_asked_for() {
    let (transport, base) = transport("ttft=0&itl=0&osl=1&fail=0.5&status=429");
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(ask(&transport, &base, CHAT, &chat(&json!({}))).await.status.unwrap());
    }
    assert_eq!(statuses, [200, 429, 200, 429]);
}

#[tokio::test]
async fn with_one_slot_a_request_waits_for_the_one_before() {
    let (transport, base) = transport("ttft=10ms&itl=0&slots=1&osl=2");
    let body = chat(&json!({ "stream": true }));
    let (one, two) = tokio::join!(ask(&transport, &base, CHAT, &body), ask(&transport, &base, CHAT, &body));
    let took = |reply: &Reply| reply.arrivals[0].at_ns - reply.start_ns;
    let (first, second) = (took(&one).min(took(&two)), took(&one).max(took(&two)));
    assert!(first >= 10_000_000 && second >= 19_000_000, "{first} {second}");
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_its_slot_to_the_next() {
    let (transport, base) = transport("ttft=0&itl=3600s&slots=1");
    let url = base.replacen("sim://", &format!("sim://{CHAT}"), 1);
    let request = TransportRequest::post(url, Vec::new(), chat(&json!({ "max_tokens": 9 })).to_string().into_bytes());
    let (sink, collected) = collector(Clock::start());
    let mut given_up = transport.send(request, sink);
    let polled = futures_util::future::poll_immediate(&mut given_up).await;
    assert!(polled.is_none());
    drop(given_up);
    assert!(collected.finish(Outcome::Cancelled(GivenUp::OnPurpose)).arrivals.is_empty());
    let next = ask(&transport, &base, CHAT, &chat(&json!({ "max_tokens": 1 }))).await;
    assert_eq!(next.status, Some(200));
}

#[tokio::test]
async fn another_url_is_another_engine_and_a_bad_one_is_refused_before_anything_is_sent() {
    let urls = ["sim://a?ttft=0", "sim://b?ttft=0"].map(str::to_owned);
    assert_eq!(InEngineTransport::for_urls(&urls).unwrap().engines.lock().unwrap().len(), 2);
    let error = InEngineTransport::for_urls(&["sim://?slotz=3".to_owned()]).err().unwrap().to_string();
    assert!(error.contains("slotz") && error.contains("did you mean `slots`"), "{error}");
}
