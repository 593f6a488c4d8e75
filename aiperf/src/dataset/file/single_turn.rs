//! Rows that users write by hand: `single_turn`, `multi_turn`, `random_pool`. One way to read a turn for all three.

use aiperf_abi::data::conversation::{Conversation, Media, Turn};
use serde_json::Value;

use super::fault::Fault;
use super::object::{Object, shown};

/// The fields of a modality: one content, several, and the name they have where none is given.
const MODALITIES: [(&str, &str, &str); 4] = [
    ("text", "texts", "text"),
    ("image", "images", "image"),
    ("audio", "audios", "audio"),
    ("video", "videos", "video"),
];

/// Everything a turn may have.
const TURN: &[&str] = &[
    "text",
    "texts",
    "image",
    "images",
    "audio",
    "audios",
    "video",
    "videos",
    "role",
    "model",
    "timestamp",
    "delay",
    "output_length",
    "extra",
    "session_id",
    "type",
];

const CONVERSATION: &[&str] = &["session_id", "turns", "system_message", "user_context_message", "type"];

const POOL: &[&str] = &["text", "texts", "image", "images", "audio", "audios", "video", "videos", "type"];

/// Whether a row has something to say.
fn has_content(row: &Object) -> bool {
    MODALITIES.iter().any(|(one, many, _)| row.has(one) || row.has(many))
}

/// A row of `single_turn`. Rows of one session are turns that each stand alone.
pub(super) fn parse(row: &[u8]) -> Result<Conversation, Fault> {
    let mut row = Object::parse(row)?.only(TURN)?;
    let session = row.id("session_id")?.unwrap_or_default();
    let mut turn = turn(&mut row)?;
    if turn.timestamp.is_some() && turn.delay.is_some() {
        return Err(Fault::field("delay", "stands beside `timestamp`; expected one of the two"));
    }
    turn.reset_context = !session.is_empty();
    Ok(of_one(session, turn))
}

/// A row of `multi_turn`: a conversation whose replies come from the server.
pub(super) fn parse_conversation(row: &[u8]) -> Result<Conversation, Fault> {
    let mut row = Object::parse(row)?.only(CONVERSATION)?;
    let session_id = row.id("session_id")?.unwrap_or_default();
    let mut system_message = row.text("system_message")?;
    let turns = row.list("turns")?;
    let mut said = Vec::new();
    for (at, value) in row.required("turns", turns, "a list of turns")?.into_iter().enumerate() {
        let within = format!("turns[{at}]");
        // A bare string is a turn of that text.
        let mut object = match value {
            Value::String(text) => {
                said.push(Turn::text(text));
                continue;
            }
            other => Object::of(other, &within)?.only(TURN)?,
        };
        let turn = turn(&mut object)?;
        match turn.role.as_deref() {
            Some("system") if at == 0 => {
                system_message = turn.texts.into_iter().flat_map(|media| media.contents).next().or(system_message);
            }
            Some("assistant") => {
                return Err(Fault::field(
                    object.path("role"),
                    "is \"assistant\"; expected the user's turns only: the server's live replies are put between them",
                ));
            }
            _ => said.push(turn),
        }
    }
    match said.is_empty() {
        true => Err(Fault::field("turns", "has no turn to send; expected at least one")),
        false => Ok(Conversation { session_id, system_message, turns: said, ..Conversation::default() }),
    }
}

/// A row of `random_pool`.
pub(super) fn parse_pool(row: &[u8]) -> Result<Conversation, Fault> {
    let mut row = Object::parse(row)?.only(POOL)?;
    Ok(of_one(String::new(), turn(&mut row)?))
}

/// A conversation of one turn; no session where it has no name.
pub(super) fn of_one(session_id: String, turn: Turn) -> Conversation {
    Conversation { session_id, turns: vec![turn], ..Conversation::default() }
}

fn turn(row: &mut Object) -> Result<Turn, Fault> {
    let [texts, images, audios, videos] = MODALITIES;
    if !has_content(row) {
        return Err(Fault::missing(
            row.path("text"),
            "one of: text, texts, image, images, audio, audios, video, videos",
        ));
    }
    Ok(Turn {
        role: row.text("role")?,
        model: row.text("model")?,
        max_tokens: row.count("output_length")?,
        timestamp: row.number("timestamp", "milliseconds")?,
        delay: row.number("delay", "milliseconds")?,
        texts: media(row, texts)?,
        images: media(row, images)?,
        audios: media(row, audios)?,
        videos: media(row, videos)?,
        extra: row.object("extra")?,
        ..Turn::default()
    })
}

/// The contents of one modality: `text`, or `texts` with strings and `{"name": …, "contents": […]}`.
fn media(row: &mut Object, (one, many, name): (&str, &str, &str)) -> Result<Vec<Media>, Fault> {
    if row.has(one) && row.has(many) {
        return Err(Fault::field(row.path(one), format!("stands beside `{many}`; expected one of the two")));
    }
    if let Some(content) = row.text(one)? {
        return Ok(vec![Media::new(name, content)]);
    }
    let mut all: Vec<Media> = Vec::new();
    for (at, item) in row.list(many)?.unwrap_or_default().into_iter().enumerate() {
        let within = row.path(&format!("{many}[{at}]"));
        match item {
            Value::String(content) => match all.last_mut().filter(|last| last.name == name) {
                Some(last) => last.contents.push(content),
                None => all.push(Media::new(name, content)),
            },
            Value::Object(_) => {
                let mut object = Object::of(item, &within)?.only(&["name", "contents"])?;
                let name = object.text("name")?.unwrap_or_else(|| name.to_owned());
                let contents = object.list("contents")?;
                let contents = object.required("contents", contents, "a list of texts")?;
                let contents = contents.into_iter().map(|content| match content {
                    Value::String(content) => Ok(content),
                    other => Err(Fault::field(
                        format!("{within}.contents"),
                        format!("holds {}; expected texts", shown(&other)),
                    )),
                });
                all.push(Media { name, contents: contents.collect::<Result<_, _>>()? });
            }
            other => {
                return Err(Fault::field(
                    within,
                    format!("is {}; expected a text or {{\"name\": …, \"contents\": […]}}", shown(&other)),
                ));
            }
        }
    }
    Ok(all)
}
