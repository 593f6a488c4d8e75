//! What servers put into their streams and bodies besides what the books say, each read off a connection.

use aiperf::endpoint::reading::{Reading, read_reply};

use crate::harness::{ask, endpoint, exchange, http, post};
use crate::support::{Answer, Server};

/// A stream of these bytes, read as a chat.
async fn streamed(body: impl AsRef<[u8]>) -> Reading {
    let server = Server::always(Answer::chunked([body]));
    ask(&server.url(), "chat").await.1
}

fn deltas(deltas: &[&str]) -> String {
    let event = |delta: &&str| format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{delta}}}]}}\n\n");
    deltas.iter().map(event).collect()
}

#[tokio::test]
async fn only_text_is_content() {
    let reading = streamed(
        deltas(&[r#"{"role":"assistant"}"#, r#"{"role":"assistant","content":""}"#, r#"{"content":null}"#])
            + &deltas(&[r#"{"content":"a"}"#, "{}", "null", r#"{"content":" b c"}"#])
            + "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
            + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3}}\n\n"
            + "data: {\"choices\":null}\n\ndata: {\"object\":\"something.else\",\"text\":\"x\"}\n\n"
            + "data: [DONE]\n\n",
    )
    .await;
    assert_eq!((reading.text.as_str(), reading.error), ("a b c", None));
    assert_eq!(reading.content_ns.len(), 2, "several tokens in a chunk are one piece");
    assert_eq!((reading.usage.prompt_tokens, reading.usage.completion_tokens), (Some(9), Some(3)));
    assert_eq!(reading.finish_reason.as_deref(), Some("stop"));
}

#[tokio::test]
async fn the_framing_of_events_does_not_matter() {
    let one = r#"{"choices":[{"delta":{"content":"é"}}]}"#;
    for body in [
        format!("data: {one}\n\ndata: {one}\n\ndata: [DONE]\n\n"),
        format!("data: {one}\n\ndata: {one}\n\n"),
        format!("data: {one}\n\ndata: {one}"),
        format!("data: {one}\n\ndata: {one}\n\ndata: [DONE]\n\ndata: {one}\n\n"),
        format!("data:{one}\n\ndata:{one}\n\ndata:[DONE]\n\n"),
        format!("data: {one}\r\n\r\ndata: {one}\r\n\r\ndata: [DONE]\r\n\r\n"),
        format!("data: {one}\r\rdata: {one}\r\rdata: [DONE]\r\r"),
        format!(":\n\n: ping - 2026-11-21\r\n\r\ndata: {one}\n\n: again\ndata: {one}\n\ndata: [DONE]\n\n"),
        format!("event: message\nid: 1\nretry: 5\ndata: {one}\n\nid: 2\ndata: {one}\n\nevent: done\ndata: [DONE]\n\n"),
        format!("\u{feff}data: {one}\n\ndata: {one}\n\n\n\n\n \n"),
        format!("\n\ndata: {one}  \n\ndata:   {one}\n\n"),
        format!(
            "data: {{\"choices\":\ndata: [{{\"delta\":{{\"content\":\"é\"}}}}]}}\n\ndata: {one}\n\ndata: [DONE]\n\n"
        ),
        format!(
            "data: not json\n\ndata: {one}\n\ndata: 42\n\ndata: []\n\ndata: null\n\ndata: \"x\"\n\ndata: {one}\n\n"
        ),
    ] {
        let reading = streamed(&body).await;
        assert_eq!((reading.text.as_str(), &reading.error, reading.content_ns.len()), ("éé", &None, 2), "{body:?}");
    }
}

#[tokio::test]
async fn reasoning_text_and_tool_calls_are_told_apart_in_whatever_company() {
    let reading = streamed(deltas(&[
        r#"{"reasoning_content":"th"}"#,
        r#"{"reasoning":"in","reasoning_content":"in"}"#,
        r#"{"reasoning":"k","content":"an"}"#,
        r#"{"content":"swer"}"#,
        r#"{"content":"!","tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]}"#,
        r#"{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}"#,
    ]))
    .await;
    assert_eq!(reading.error, None);
    assert_eq!((reading.reasoning.as_str(), reading.text.as_str()), ("think", r#"answer!f{"a":1}"#));
    assert_eq!(reading.content_ns.len(), 7);
    assert_eq!(reading.first_output_ns, Some(reading.content_ns[2]));
}

#[tokio::test]
async fn a_broken_byte_costs_no_more_than_its_character() {
    let reading = streamed(b"data: {\"choices\":[{\"delta\":{\"content\":\"a\xf0\x9fb\"}}]}\n\n").await;
    assert_eq!((reading.text.as_str(), reading.error), ("a\u{fffd}b", None));
}

#[tokio::test]
async fn completions_may_leave_the_text_out_and_raise_the_index() {
    // LiteLLM's last chunks have no `text`; the mock of guidellm counts choices up with each token.
    let body = r#"data: {"object":"text_completion","choices":[{"text":"a","index":0}]}

data: {"object":"text_completion","choices":[{"text":" b","index":1}]}

data: {"object":"text_completion","choices":[{"index":0,"finish_reason":"length"}]}

data: {"object":"text_completion","choices":[{"index":0}],"usage":{"prompt_tokens":1,"completion_tokens":2}}

data: [DONE]

"#;
    let server = Server::always(Answer::chunked([body]));
    let reading = ask(&server.url(), "completions").await.1;
    assert_eq!((reading.text.as_str(), reading.content_ns.len(), reading.error), ("a b", 2, None));
    assert_eq!((reading.finish_reason.as_deref(), reading.usage.total_tokens), (Some("length"), Some(3)));
}

#[tokio::test]
async fn usage_on_every_chunk_ends_with_the_last_and_the_finish_may_come_with_text() {
    let chunk = |text: &str, tokens: u32, finish: &str| {
        format!(
            "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}},\"logprobs\":null,\"finish_reason\":{finish},\
             \"stop_reason\":null}}],\"usage\":{{\"prompt_tokens\":5,\"completion_tokens\":{tokens}}}}}\n\n"
        )
    };
    let reading =
        streamed([chunk("a", 1, "null"), chunk("b c d", 4, "\"stop\""), "data: {\"usage\":null}\n\n".into()].concat())
            .await;
    assert_eq!((reading.text.as_str(), reading.content_ns.len()), ("ab c d", 2));
    assert_eq!((reading.usage.completion_tokens, reading.finish_reason.as_deref()), (Some(4), Some("stop")));
}

#[tokio::test]
async fn a_failure_told_in_the_stream_keeps_what_came_before_it() {
    let before = deltas(&[r#"{"content":"hel"}"#]);
    let after = deltas(&[r#"{"content":"lo"}"#]);
    for (event, kind, part) in [
        ("event: error\ndata: {\"error\":{\"message\":\"oom\"}}\n\n", "SSEResponseError", "oom"),
        ("event: error\ndata: plain words\n\n", "SSEResponseError", "plain words"),
        ("event: error\n\n", "SSEResponseError", "without a word"),
        ("error: {\"code\":500,\"message\":\"slot\",\"type\":\"server_error\"}\n\n", "SSEResponseError", "slot"),
        ("data: {\"error\":{\"message\":\"oom\",\"code\":500}}\n\n", "ResponseError", "oom (500)"),
        ("data: {\"error\":\"oom\"}\n\n", "ResponseError", "oom"),
        ("data: {\"object\":\"error\",\"message\":\"oom\"}\n\n", "ResponseError", "oom"),
    ] {
        let reading = streamed([before.as_str(), event, &after].concat()).await;
        let error = reading.error.expect("a failure");
        assert_eq!((error.code, error.kind.as_str()), (Some(502), kind), "{event}");
        assert!(error.message.contains(part), "{}", error.message);
        assert_eq!((reading.text.as_str(), reading.content_ns.len()), ("hel", 1), "{event}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_result_say_what_they_are() {
    const JSON: &str = "application/json";
    for (kind, body, part) in [
        (JSON, "", "its body is empty"),
        (JSON, " \n", "its body is empty"),
        (JSON, "42", "42"),
        (JSON, "null", "null"),
        (JSON, "[]", "[]"),
        (JSON, "\"text\"", "text"),
        (JSON, "{}", "{}"),
        (JSON, "{\"object\":\"list\",\"data\":[]}", "list"),
        (JSON, "{\"choices\":[{\"message\":{\"content\":\"cut o", "cut o"),
        (JSON, "{\"choices\":[{\"message\":{\"content\":\"\"}}]}", "content"),
        ("text/html", "<!DOCTYPE html><title>502</title>", "<title>502"),
        ("text/plain", "internal error", "internal error"),
        ("text/event-stream", "", "its body is empty"),
        ("text/event-stream", ": ping\n\n", "ping"),
        ("text/event-stream", "data: [DONE]\n\n", "DONE"),
        ("text/event-stream", "<html>", "<html>"),
    ] {
        let server = Server::always(Answer::whole("200 OK", kind, body));
        let error = ask(&server.url(), "chat").await.1.error.expect("no result");
        assert_eq!((error.code, error.kind.as_str()), (None, "InvalidInferenceResultError"), "{body:?}");
        assert!(error.message.contains(part) && error.message.contains(kind), "{body:?}: {}", error.message);
    }
    let server = Server::always(Answer::raw("HTTP/1.1 204 No Content\r\n\r\n"));
    assert_eq!(ask(&server.url(), "chat").await.1.error.expect("nothing").kind, "InvalidInferenceResultError");
}

#[tokio::test]
async fn a_reply_is_read_by_what_it_is_not_by_what_was_asked_or_said() {
    let body = r#"{"object":"chat.completion","choices":[{"message":{"content":"hi"}}]}"#;
    let marked = format!("\u{feff}{body}\n\n  ");
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: [DONE]\n\n";
    for (kind, body) in [
        ("application/json", body),
        ("application/json; charset=utf-8", &marked),
        ("text/event-stream", body),
        ("text/plain", body),
        ("text/event-stream;charset=UTF-8", stream),
        ("text/plain", stream),
        ("application/octet-stream", stream),
    ] {
        for accept in ["text/event-stream", "application/json"] {
            let server = Server::always(Answer::whole("200 OK", kind, body));
            let mut request = post(&server.url());
            request.headers.push(("Accept".to_owned(), accept.to_owned()));
            let reading = read_reply(&*endpoint("chat"), &exchange(&http(), request).await);
            assert_eq!((reading.text.as_str(), &reading.error, reading.content_ns.len()), ("hi", &None, 1), "{kind}");
        }
    }
}
