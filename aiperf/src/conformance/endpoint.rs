//! The checks of an endpoint: requests of every shape, recorded and damaged replies, many threads.

use std::sync::Arc;

use aiperf_abi::data::conversation::Conversation;
use aiperf_abi::testing::{Request, mock_request};
use aiperf_abi::{Endpoint, ParsedResponse, Value};

use super::replies::{self, RECORDED, Recorded};
use super::{Make, Suite, from_threads, made, tolerated};

/// How often each thread does everything.
const ROUNDS: usize = 20;

pub(super) fn checks(suite: &mut Suite<'_>, make: &Make<'_, dyn Endpoint>) {
    let Some(endpoint) =
        suite.check("made again", || made(make).map(|endpoint| ("a second value".to_owned(), endpoint)))
    else {
        return;
    };
    let endpoint = &*endpoint;
    suite.check("requests", || formats(endpoint).map(|told| (told, ())));
    suite.check("recorded replies", || recorded(endpoint).map(|told| (told, ())));
    suite.check("damaged replies", || damaged(endpoint).map(|told| (told, ())));
    suite.check("many threads", || threads(endpoint).map(|told| (told, ())));
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

fn formats(endpoint: &dyn Endpoint) -> Result<String, String> {
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
                return Err(format!("{name}: it has no body for the simplest request: {}", error.unwrap_or_default()));
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
fn read(endpoint: &dyn Endpoint, recorded: &Recorded) -> Result<Vec<Option<ParsedResponse>>, String> {
    let mut found = Vec::new();
    recorded.pieces(|piece| {
        let parsed = tolerated(endpoint.parse_response(piece.response()))
            .map_err(|fault| format!("{}: {fault}", recorded.name))?;
        found.push(parsed.flatten());
        Ok::<_, String>(())
    })?;
    Ok(found)
}

fn recorded(endpoint: &dyn Endpoint) -> Result<String, String> {
    let mut understood = 0;
    for recorded in RECORDED {
        let found = read(endpoint, recorded)?;
        understood += usize::from(found.iter().flatten().any(|parsed| parsed.data.is_some()));
    }
    Ok(format!("{} replies of two servers; found content in {understood}", RECORDED.len()))
}

fn damaged(endpoint: &dyn Endpoint) -> Result<String, String> {
    let count = replies::damaged(|piece| tolerated(endpoint.parse_response(piece.response())).map(drop))?;
    Ok(format!("{count} pieces that end early, have a wrong byte or make no sense"))
}

fn threads(endpoint: &dyn Endpoint) -> Result<String, String> {
    let expected = RECORDED.iter().map(|recorded| read(endpoint, recorded)).collect::<Result<Vec<_>, _>>()?;
    from_threads(|_| {
        let request = mock_request();
        for _ in 0..ROUNDS {
            tolerated(endpoint.format_payload(request.info()))?;
            for (recorded, expected) in RECORDED.iter().zip(&expected) {
                if read(endpoint, recorded)? != *expected {
                    return Err(format!("{}: read differently while other threads read too", recorded.name));
                }
            }
        }
        Ok(())
    })?;
    Ok(format!("{} threads, {ROUNDS} rounds each: the same as alone", super::THREADS))
}
