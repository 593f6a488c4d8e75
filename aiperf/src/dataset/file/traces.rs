//! Rows of recorded traffic: `mooncake_trace`, `bailian_trace`, `burst_gpt_trace`, `azure_trace`. Lengths and times, mostly
//! without texts; where there are ids of blocks, equal ids stand for equal text.

use aiperf_abi::data::conversation::{Conversation, Media, Recipe, Turn};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::fault::Fault;
use super::object::{Object, shown};
use super::payload;
use super::single_turn::of_one;

const MOONCAKE: &[&str] = &[
    "timestamp",
    "delay",
    "input_length",
    "output_length",
    "hash_ids",
    "text_input",
    "messages",
    "payload",
    "session_id",
    "tools",
    "extra",
    "type",
];

/// What says what is sent; a row has one of them.
const CONTENTS: [&str; 4] = ["input_length", "text_input", "messages", "payload"];

const BAILIAN: &[&str] =
    &["chat_id", "parent_chat_id", "timestamp", "input_length", "output_length", "type", "turn", "hash_ids"];

#[derive(Deserialize)]
struct WithPayload<'a> {
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// A row of `mooncake_trace`.
pub(super) fn mooncake(bytes: &[u8], block: u32) -> Result<Conversation, Fault> {
    let mut row = Object::parse(bytes)?.only(MOONCAKE)?;
    let present: Vec<&str> = CONTENTS.into_iter().filter(|key| row.has(key)).collect();
    let content = match present[..] {
        [content] => content,
        [] => return Err(Fault::missing("input_length", &format!("one of: {}", CONTENTS.join(", ")))),
        [first, second, ..] => {
            return Err(Fault::field(second, format!("stands beside `{first}`; expected one of the two")));
        }
    };
    let session = row.id("session_id")?.unwrap_or_default();
    let ids = row.ids("hash_ids")?;
    if ids.is_some() && content != "input_length" {
        return Err(Fault::field(
            "hash_ids",
            "says which blocks a length consists of; expected `input_length` beside it",
        ));
    }
    let mut turn = Turn::default();
    let mut extra = row.object("extra")?.unwrap_or_default();
    match content {
        "input_length" => turn.recipes = vec![prompt(&mut row, ids, block)?],
        "text_input" => {
            turn.texts = row.text("text_input")?.map(|text| Media::new("text", text)).into_iter().collect();
        }
        "messages" => {
            let messages = Value::Array(row.list("messages")?.unwrap_or_default());
            let texts = payload::texts(&serde_json::json!({"messages": &messages}));
            turn.texts = vec![Media { name: "text".to_owned(), contents: texts }];
            turn.reset_context = true;
            extra.insert("messages".to_owned(), messages);
        }
        _ => {
            let body: WithPayload<'_> =
                serde_json::from_slice(bytes).map_err(|error| Fault::row(format!("is not JSON: {error}")))?;
            turn = payload::turn(body.payload.get(), "payload")?;
        }
    }
    if let Some(tools) = row.list("tools")? {
        extra.insert("tools".to_owned(), Value::Array(tools));
    }
    let timestamp = row.number("timestamp", "milliseconds")?;
    let delay = row.number("delay", "milliseconds")?;
    let limit = row.count("output_length")?;
    turn = Turn {
        timestamp,
        delay,
        max_tokens: limit.or(turn.max_tokens),
        extra: Some(extra).filter(|extra| !extra.is_empty()),
        ..turn
    };
    Ok(of_one(session, turn))
}

/// A row of `bailian_trace`. Its length and its blocks hold all that was said before in the chat, so each row is a
/// conversation of its own.
pub(super) fn bailian(row: &[u8], block: u32) -> Result<Conversation, Fault> {
    let mut row = Object::parse(row)?.only(BAILIAN)?;
    let chat = row.id("chat_id")?;
    let chat = row.required("chat_id", chat, "a whole number")?;
    let ids = row.ids("hash_ids")?;
    let prompt = prompt(&mut row, ids, block)?;
    let seconds = row.number("timestamp", "seconds")?;
    let timestamp = row.required("timestamp", seconds, "seconds, 0 or above")? * 1000.0;
    if timestamp.is_infinite() {
        return Err(Fault::field("timestamp", "is beyond all time; expected seconds, 0 or above"));
    }
    let turn = Turn {
        timestamp: Some(timestamp),
        max_tokens: row.count("output_length")?,
        recipes: vec![prompt],
        ..Turn::default()
    };
    Ok(of_one(chat, turn))
}

/// `input_length`, and the blocks it consists of.
fn prompt(row: &mut Object, ids: Option<Vec<i64>>, block: u32) -> Result<Recipe, Fault> {
    let tokens = row.count("input_length")?;
    let tokens = row.required("input_length", tokens, "a whole number above 0")?;
    let Some(ids) = ids.filter(|ids| !ids.is_empty()) else { return Ok(Recipe::tokens("text", tokens)) };
    let blocks = tokens.div_ceil(block) as usize;
    if blocks != ids.len() {
        return Err(Fault::field(
            "hash_ids",
            format!(
                "has {} ids, but `input_length` {tokens} is {blocks} blocks of {block} tokens; expected as many ids as blocks (--isl-block-size sets the tokens of a block)",
                ids.len()
            ),
        ));
    }
    Ok(Recipe::Text { name: "text".to_owned(), tokens, block, ids })
}

/// Which columns of a table are what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    names: [&'static str; 3],
    places: [usize; 3],
}

/// The columns a `burst_gpt_trace` needs.
pub(super) const BURST_GPT: [&str; 3] = ["Timestamp", "Request tokens", "Response tokens"];

/// The columns an `azure_trace` needs.
pub(super) const AZURE: [&str; 3] = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"];

impl Columns {
    /// The places of `names` in a line of column names.
    pub(super) fn find(header: &[u8], names: [&'static str; 3]) -> Result<Self, Fault> {
        let header = cells(header)?;
        let place = |name: &'static str| {
            header.iter().position(|cell| cell == name).ok_or_else(|| {
                let near = crate::plugin::name::suggestion(name, header.iter().map(String::as_str));
                Fault::field(name, format!("is not among the columns{near}; expected the columns {}", names.join(", ")))
            })
        };
        Ok(Self { names, places: [place(names[0])?, place(names[1])?, place(names[2])?] })
    }

    fn cells(&self, row: &[u8]) -> Result<[String; 3], Fault> {
        let mut cells = cells(row)?;
        let mut cell = |which: usize| {
            let has = cells.len();
            match cells.get_mut(self.places[which]) {
                Some(cell) => Ok(std::mem::take(cell).trim().to_owned()),
                None => Err(Fault::field(self.names[which], format!("is missing: the row has only {has} columns"))),
            }
        };
        Ok([cell(0)?, cell(1)?, cell(2)?])
    }

    fn tokens(&self, which: usize, cell: &str) -> Result<u32, Fault> {
        cell.parse::<u32>().map_err(|_| {
            let cell = shown(&Value::from(cell));
            Fault::field(self.names[which], format!("is {cell}; expected a whole number of tokens"))
        })
    }

    /// A row of a table. One whose reply has no tokens is a request that failed when it was recorded, and is passed over.
    fn row(&self, timestamp: f64, [_, input, output]: &[String; 3]) -> Result<Conversation, Fault> {
        let (input, output) = (self.tokens(1, input)?, self.tokens(2, output)?);
        if input == 0 || output == 0 {
            return Ok(Conversation::default());
        }
        let turn = Turn { timestamp: Some(timestamp), max_tokens: Some(output), ..Turn::of_tokens(input) };
        Ok(of_one(String::new(), turn))
    }
}

/// A row of `burst_gpt_trace`.
pub(super) fn burst_gpt(row: &[u8], columns: &Columns) -> Result<Conversation, Fault> {
    let cells = columns.cells(row)?;
    let seconds = cells[0].parse::<f64>().ok().filter(|seconds| *seconds >= 0.0 && (seconds * 1000.0).is_finite());
    let seconds = seconds.ok_or_else(|| {
        Fault::field(
            columns.names[0],
            format!("is {}; expected seconds, 0 or above", shown(&Value::from(cells[0].as_str()))),
        )
    })?;
    columns.row(seconds * 1000.0, &cells)
}

/// A row of `azure_trace`. Its times are dates; here they are milliseconds of the Unix epoch.
pub(super) fn azure(row: &[u8], columns: &Columns) -> Result<Conversation, Fault> {
    let cells = columns.cells(row)?;
    let moment = moment(&cells[0]).ok_or_else(|| {
        let cell = shown(&Value::from(cells[0].as_str()));
        Fault::field(columns.names[0], format!("is {cell}; expected a date and time as in 2023-11-16 18:17:03.9799600"))
    })?;
    columns.row(moment, &cells)
}

/// Milliseconds of a date and time, with or without an offset from UTC.
fn moment(cell: &str) -> Option<f64> {
    let exact = match cell.parse::<jiff::Timestamp>() {
        Ok(moment) => moment,
        Err(_) => cell.parse::<jiff::civil::DateTime>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp(),
    };
    Some(exact.as_microsecond() as f64 / 1000.0)
}

fn cells(row: &[u8]) -> Result<Vec<String>, Fault> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(256).from_reader(row);
    let mut record = csv::StringRecord::new();
    match reader.read_record(&mut record) {
        Ok(_) => Ok(record.iter().map(|cell| cell.trim().to_owned()).collect()),
        Err(error) => Err(Fault::row(format!("cannot be read as comma-separated values: {error}"))),
    }
}

/// A row of a ShareGPT file: what people said to a model and what it answered. Each exchange is a turn whose reply may be
/// as long as the recorded one; the replies that are sent on are the server's own. One without any is passed over.
pub(super) fn share_gpt(row: &[u8]) -> Result<Conversation, Fault> {
    let mut row = Object::parse(row)?;
    let session_id = row.id("id")?.unwrap_or_default();
    let said = row.list("conversations")?;
    let mut parsed = Conversation { session_id, ..Conversation::default() };
    let mut asked: Option<String> = None;
    for (at, message) in row.required("conversations", said, "a list of messages")?.into_iter().enumerate() {
        let mut message = Object::of(message, &format!("conversations[{at}]"))?;
        let from = message.text("from")?;
        let from = message.required("from", from, "who speaks: human or gpt")?;
        let text = message.text("value")?.unwrap_or_default();
        match (from.as_str(), asked.take()) {
            ("system", _) => parsed.system_message = Some(text),
            ("human" | "user", _) => asked = Some(text),
            (_, Some(question)) if !question.is_empty() && !text.is_empty() => {
                parsed.turns.push(Turn { recorded_reply: Some(text), ..Turn::text(question) });
            }
            _ => {}
        }
    }
    Ok(parsed)
}

/// Whether the fields are those of a row of a trace and none else.
pub(super) fn is_mooncake(fields: &Map<String, Value>) -> bool {
    fields.keys().all(|key| MOONCAKE.contains(&key.as_str())) && CONTENTS.iter().any(|key| fields.contains_key(*key))
}
