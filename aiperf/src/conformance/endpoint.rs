//! The checks of an endpoint: requests of every shape, recorded and damaged replies, many threads.

use std::sync::Arc;

use aiperf_abi::data::conversation::{Conversation, Media};
use aiperf_abi::testing::{Request, mock_request};
use aiperf_abi::{Endpoint, ParsedResponse, Value};

use super::replies::{self, RECORDED, Recorded};
use super::{Check, Checked, Fault, Lived, Make, Tried, from_threads, tolerated, wrong};

/// How often each thread does everything.
const ROUNDS: usize = 20;

impl Tried for dyn Endpoint {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let endpoint = make.value()?;
        // A dialect of rankings has no body for a question, and one of sounds none for a ranking.
        let mut first = None;
        for (_, request) in everyday() {
            tolerated(endpoint.headers(request.info()))?;
            let body = endpoint.format_payload(request.info()).and_then(|payload| payload.into_bytes(request.info()));
            let error = body.as_ref().err().map(ToString::to_string);
            if tolerated(body)?.is_some() {
                first = None;
                break;
            }
            first = first.or(error);
        }
        if let Some(error) = first {
            return wrong(format!("it has no body for the simplest request: {error}"));
        }
        for recorded in RECORDED {
            read(&*endpoint, recorded)?;
        }
        Ok(Lived::well("a request, and replies of two servers"))
    }

    const CHECKS: &'static [Check<Self>] = &[
        ("requests", |make| formats(&*make.value()?)),
        ("recorded replies", |make| recorded(&*make.value()?)),
        ("damaged replies", |make| damaged(&*make.value()?)),
    ];

    fn threads(make: &Make<'_, Self>) -> Checked {
        threads(&*make.value()?)
    }
}

/// A request that is changed.
fn with(change: impl Fn(&mut Conversation)) -> Request {
    let mut request = mock_request();
    let mut conversation = (*request.conversation).clone();
    change(&mut conversation);
    request.turn_index = conversation.turns.len() as u32 - 1;
    request.conversation = Arc::new(conversation);
    request
}

/// A request of one text.
fn text(text: &str) -> Request {
    with(|conversation| conversation.turns[0].texts[0].contents = vec![text.to_owned()])
}

/// What each of the dialects is made for: (what it is, the request)
fn everyday() -> Vec<(&'static str, Request)> {
    const PIXEL: &str = "data:image/png;base64,iVBORw0KGgo=";
    vec![
        ("one turn", mock_request()),
        (
            "a ranking",
            with(|conversation| {
                let passages =
                    Media { name: "passages".to_owned(), contents: vec!["one".to_owned(), "two".to_owned()] };
                conversation.turns[0].texts = vec![Media::new("query", "which?"), passages];
            }),
        ),
        ("an image", with(|conversation| conversation.turns[0].images = vec![Media::new("image", PIXEL)])),
        ("a sound", with(|conversation| conversation.turns[0].audios = vec![Media::new("audio", "wav,UklGRgAAAAA=")])),
        ("a text that is JSON", text("{\"prompt\":\"Hello\"}")),
    ]
}

/// The same, and what is worse.
fn requests() -> Vec<(&'static str, Request)> {
    let mut all = everyday();
    all.extend([
        ("a text of a megabyte", text(&"word ".repeat(200_000))),
        ("a text of all scripts", text(&"ä 漢 🦀 \u{0} \u{202e} \"quoted\" \\ \n".repeat(8))),
        ("an empty text", text("")),
        ("no text", with(|conversation| conversation.turns[0].texts.clear())),
        ("ten turns", with(|conversation| conversation.turns = vec![conversation.turns[0].clone(); 10])),
        ("no limit of tokens", with(|conversation| conversation.turns[0].max_tokens = None)),
    ]);
    all
}

fn formats(endpoint: &dyn Endpoint) -> Checked {
    let mut refused = Vec::new();
    for (name, request) in requests() {
        tolerated(endpoint.headers(request.info()))?;
        let body = endpoint.format_payload(request.info()).and_then(|payload| payload.into_bytes(request.info()));
        match tolerated(body)? {
            Some(body) if body.first() == Some(&b'{') => {
                serde_json::from_slice::<Value>(&body)
                    .map_err(|error| format!("{name}: the body begins like JSON and is none: {error}"))?;
            }
            Some(_) => {}
            None => refused.push(name),
        }
    }
    Ok(match refused.is_empty() {
        true => format!("{} shapes", requests().len()),
        false => format!("{} shapes; refused with an error: {}", requests().len(), refused.join(", ")),
    })
}

/// What it finds in a recorded reply.
fn read(endpoint: &dyn Endpoint, recorded: &Recorded) -> Result<Vec<Option<ParsedResponse>>, Fault> {
    let mut found = Vec::new();
    recorded.pieces(|piece| {
        found.push(tolerated(endpoint.parse_response(piece.response()))?.flatten());
        Ok::<_, Fault>(())
    })?;
    Ok(found)
}

fn recorded(endpoint: &dyn Endpoint) -> Checked {
    let mut understood = 0;
    for recorded in RECORDED {
        let found = read(endpoint, recorded)?;
        understood += usize::from(found.iter().flatten().any(|parsed| parsed.data.is_some()));
    }
    Ok(format!("{} replies of two servers; found content in {understood}", RECORDED.len()))
}

fn damaged(endpoint: &dyn Endpoint) -> Checked {
    let count = replies::damaged(|piece| tolerated(endpoint.parse_response(piece.response())).map(drop))?;
    Ok(format!("{count} pieces that end early, have a wrong byte or make no sense"))
}

fn threads(endpoint: &dyn Endpoint) -> Checked {
    let expected = RECORDED.iter().map(|recorded| read(endpoint, recorded)).collect::<Result<Vec<_>, _>>()?;
    from_threads(|_| {
        let request = mock_request();
        for _ in 0..ROUNDS {
            tolerated(endpoint.format_payload(request.info()))?;
            for (recorded, expected) in RECORDED.iter().zip(&expected) {
                if read(endpoint, recorded)? != *expected {
                    return wrong(format!(
                        "{}: read differently while other threads read too: a value is called by many at once, so what it \
                         keeps has to be behind a lock, or not kept",
                        recorded.name
                    ));
                }
            }
        }
        Ok(())
    })?;
    Ok(format!("{} threads, {ROUNDS} rounds each: the same as alone", super::THREADS))
}
