//! The checks of an endpoint: requests of every shape, recorded and damaged replies, many threads.

use std::sync::Arc;

use aiperf_abi::data::conversation::Conversation;
use aiperf_abi::testing::{Request, mock_request};
use aiperf_abi::{Endpoint, ParsedResponse, Value};

use super::replies::{self, RECORDED, Recorded};
use super::{Check, Checked, Fault, Lived, Make, Tried, from_threads, tolerated, wrong};

/// How often each thread does everything.
const ROUNDS: usize = 20;

impl Tried for dyn Endpoint {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let endpoint = make.value()?;
        let request = mock_request();
        tolerated(endpoint.headers(request.info()))?;
        endpoint.format_payload(request.info())?.into_bytes(request.info())?;
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

/// (what it is, the request)
fn requests() -> Vec<(&'static str, Request)> {
    let with = |change: &dyn Fn(&mut Conversation)| {
        let mut request = mock_request();
        let mut conversation = (*request.conversation).clone();
        change(&mut conversation);
        request.turn_index = conversation.turns.len() as u32 - 1;
        request.conversation = Arc::new(conversation);
        request
    };
    let text = |text: String| {
        move |conversation: &mut Conversation| {
            conversation.turns[0].texts[0].contents = vec![text.clone()];
        }
    };
    vec![
        ("one turn", mock_request()),
        ("a text of a megabyte", with(&text("word ".repeat(200_000)))),
        ("a text of all scripts", with(&text("ä 漢 🦀 \u{0} \u{202e} \"quoted\" \\ \n".repeat(8)))),
        ("an empty text", with(&text(String::new()))),
        ("no text", with(&|conversation| conversation.turns[0].texts.clear())),
        ("ten turns", with(&|conversation| conversation.turns = vec![conversation.turns[0].clone(); 10])),
        ("no limit of tokens", with(&|conversation| conversation.turns[0].max_tokens = None)),
    ]
}

fn formats(endpoint: &dyn Endpoint) -> Checked {
    let mut refused = Vec::new();
    for (name, request) in requests() {
        tolerated(endpoint.headers(request.info()))?;
        let body = endpoint.format_payload(request.info()).and_then(|payload| payload.into_bytes(request.info()));
        let error = body.as_ref().err().map(ToString::to_string);
        match tolerated(body)? {
            Some(body) if body.first() == Some(&b'{') => {
                serde_json::from_slice::<Value>(&body)
                    .map_err(|error| format!("{name}: the body begins like JSON and is none: {error}"))?;
            }
            Some(_) => {}
            None if name == "one turn" => {
                return wrong(format!(
                    "{name}: it has no body for the simplest request: {}",
                    error.unwrap_or_default()
                ));
            }
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
