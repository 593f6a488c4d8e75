//! The same stream in every framing a server may choose reads the same.

use std::time::Duration;

use crate::harness::ask;
use crate::support::{Answer, Server, sse};

fn deltas() -> Vec<String> {
    let texts = ["Grüß", " dich", " 🦀", "!"];
    sse(texts
        .map(|text| format!(r#"{{"object":"chat.completion.chunk","choices":[{{"delta":{{"content":"{text}"}}}}]}}"#)))
}

#[tokio::test]
async fn a_stream_reads_the_same_in_every_framing() {
    let whole = deltas().concat();
    let crlf = whole.replace('\n', "\r\n");
    let length = format!("Content-Length: {}\r\n\r\n{whole}", whole.len());
    let with_length = format!("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n{length}");
    for answer in [
        Answer::chunked(deltas()),
        Answer::chunked([&whole]),
        Answer::chunked(whole.as_bytes().chunks(1)),
        Answer::chunked(whole.as_bytes().chunks(7)).in_writes_of(5),
        Answer::chunked([crlf]),
        Answer::until_close(whole.as_bytes().chunks(3)),
        Answer::raw(with_length).in_writes_of(11),
    ] {
        let server = Server::always(answer.clone());
        let (reply, reading) = ask(&server.url(), "chat").await;
        assert_eq!(reading.error, None, "{answer:?}");
        assert_eq!(reading.text, "Grüß dich 🦀!");
        assert_eq!(reading.content_ns.len(), 4);
        assert!(reading.content_ns.is_sorted());
        assert!(reply.head_ns.unwrap() <= reading.content_ns[0] && reading.content_ns[3] <= reply.end_ns);
    }
}

#[tokio::test]
async fn each_event_is_stamped_when_it_arrives() {
    let pause = Duration::from_millis(15);
    let server = Server::always(Answer::chunked(deltas()).paced(pause));
    let (_, reading) = ask(&server.url(), "chat").await;
    let gaps = reading.content_ns.windows(2).map(|pair| Duration::from_nanos(pair[1] - pair[0]));
    // Scheduling may swallow a little of a pause, never most of it.
    for gap in gaps {
        assert!(gap > pause / 3, "{gap:?}");
    }
}

#[tokio::test]
async fn a_stream_without_its_content_type_is_still_a_stream() {
    let body = deltas().concat();
    let server = Server::always(Answer::whole("200 OK", "text/plain", body));
    assert_eq!(ask(&server.url(), "chat").await.1.content_ns.len(), 4);
}
