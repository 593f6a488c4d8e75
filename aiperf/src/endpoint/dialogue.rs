//! A conversation so far, for dialects that send the system message apart from the turns. Knows no dialect's fields.

use std::borrow::Cow;

use aiperf_abi::{RequestInfo, Result, Turn};

/// What was said so far.
pub(super) struct Dialogue<'a> {
    /// The run's system message, and after it the one the data begins with.
    pub(super) system: Option<Cow<'a, str>>,
    /// Context unique to the conversation, to be said by the user before the first turn.
    pub(super) context: Option<&'a str>,
    /// Everything said since, replies among it.
    pub(super) turns: Vec<Turn<'a>>,
}

impl<'a> Dialogue<'a> {
    pub(super) fn of(request: RequestInfo<'a>) -> Result<Self> {
        request.last_turn()?;
        let mut turns = request.turns().peekable();
        let opening = turns.next_if(|turn| turn.role() == "system");
        let own = request.system_message().into_iter().chain(opening.into_iter().flat_map(Turn::texts));
        let own: Vec<&str> = own.filter(|text| !text.is_empty()).collect();
        let system = match own[..] {
            [] => None,
            [text] => Some(Cow::Borrowed(text)),
            _ => Some(Cow::Owned(own.join("\n\n"))),
        };
        let context = request.user_context_message().filter(|text| !text.is_empty());
        Ok(Self { system, context, turns: turns.collect() })
    }
}

/// All texts of a turn as one, joined by `separator`; copied only where there are several.
pub(super) fn joined<'a>(turn: Turn<'a>, separator: &str) -> Cow<'a, str> {
    let texts: Vec<&str> = turn.texts().collect();
    match texts[..] {
        [] => Cow::Borrowed(""),
        [text] => Cow::Borrowed(text),
        _ => Cow::Owned(texts.join(separator)),
    }
}
