//! What an endpoint sees of the request it has to format. Borrowed from the host, valid for the call.

use std::fmt;

use serde_json::{Map, Value};

use super::error::{Error, Result};
use crate::ffi::view::{View, field};

/// One request to be formatted: the turn to send, those before it, and what the run asks for.
#[derive(Clone, Copy)]
pub struct RequestInfo<'a> {
    view: View<'a>,
}

impl<'a> RequestInfo<'a> {
    pub(crate) fn new(view: View<'a>) -> Self {
        Self { view }
    }

    pub(crate) fn view(self) -> View<'a> {
        self.view
    }

    /// The model to ask: the turn's own, else the one the run selected.
    pub fn model(self) -> &'a str {
        self.view.text(field::MODEL, 0, 0).unwrap_or_default()
    }

    /// Whether a stream of events is wanted.
    pub fn streaming(self) -> bool {
        self.view.flag(field::STREAMING)
    }

    /// The largest number of tokens the server may produce, where one was asked for.
    pub fn max_tokens(self) -> Option<u32> {
        self.last_turn().ok()?.max_tokens()
    }

    /// Index of the turn being sent, from 0.
    pub fn turn_index(self) -> u32 {
        self.view.number(field::TURN_INDEX, 0, 0).unwrap_or(0) as u32
    }

    /// Whether the conversation ends with this turn.
    pub fn is_final_turn(self) -> bool {
        self.view.flag(field::IS_FINAL_TURN)
    }

    /// All turns up to and with the one being sent; replies stand between them as turns of the assistant.
    pub fn turns(self) -> impl DoubleEndedIterator<Item = Turn<'a>> + ExactSizeIterator {
        let count = self.view.number(field::TURN_COUNT, 0, 0).unwrap_or(0) as u32;
        (0..count).map(move |index| Turn { view: self.view, index })
    }

    /// The turn being sent.
    ///
    /// # Errors
    /// When the request has no turn.
    pub fn last_turn(self) -> Result<Turn<'a>> {
        self.turns().next_back().ok_or_else(|| Error::invalid_input("the request has no turn to format"))
    }

    /// The system message of the conversation.
    pub fn system_message(self) -> Option<&'a str> {
        self.view.text(field::SYSTEM_MESSAGE, 0, 0)
    }

    /// Context unique to the conversation, to be sent before its first turn.
    pub fn user_context_message(self) -> Option<&'a str> {
        self.view.text(field::USER_CONTEXT_MESSAGE, 0, 0)
    }

    /// Which conversation of the dataset this is.
    pub fn conversation_id(self) -> &'a str {
        self.view.text(field::CONVERSATION_ID, 0, 0).unwrap_or_default()
    }

    /// The `X-Request-ID` header.
    pub fn x_request_id(self) -> &'a str {
        self.view.text(field::X_REQUEST_ID, 0, 0).unwrap_or_default()
    }

    /// The `X-Correlation-ID` header: the same for all turns of a session.
    pub fn x_correlation_id(self) -> &'a str {
        self.view.text(field::X_CORRELATION_ID, 0, 0).unwrap_or_default()
    }

    /// Body fields the user asked for: those of the run, overlaid by those of the turn.
    ///
    /// # Errors
    /// When the host handed over something that is not a JSON object.
    pub fn extra(self) -> Result<Map<String, Value>> {
        match self.view.text(field::EXTRA, 0, 0) {
            Some(json) => Ok(serde_json::from_str(json)?),
            None => Ok(Map::new()),
        }
    }
}

impl fmt::Debug for RequestInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestInfo")
            .field("x_request_id", &self.x_request_id())
            .field("turns", &self.turns().len())
            .finish_non_exhaustive()
    }
}

/// One turn of a request.
#[derive(Clone, Copy)]
pub struct Turn<'a> {
    view: View<'a>,
    index: u32,
}

/// One content of a turn and the name it was given in the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content<'a> {
    /// Name, e.g. `query`; often empty or `text`.
    pub name: &'a str,
    /// The text, URL or encoded data.
    pub content: &'a str,
}

impl<'a> Turn<'a> {
    /// Who speaks; `user` unless the dataset says otherwise.
    pub fn role(self) -> &'a str {
        self.view.text(field::TURN_ROLE, self.index, 0).unwrap_or("user")
    }

    /// The model this turn names itself.
    pub fn model(self) -> Option<&'a str> {
        self.view.text(field::TURN_MODEL, self.index, 0)
    }

    /// The largest number of tokens the server may produce for it.
    pub fn max_tokens(self) -> Option<u32> {
        self.view.number(field::TURN_MAX_TOKENS, self.index, 0).map(|n| n as u32)
    }

    /// Its texts, in order.
    pub fn texts(self) -> impl ExactSizeIterator<Item = &'a str> {
        self.named_texts().map(|text| text.content)
    }

    /// Its texts with their names, in order.
    pub fn named_texts(self) -> impl ExactSizeIterator<Item = Content<'a>> {
        self.contents(field::TEXTS)
    }

    /// Its images, as URLs or data URLs.
    pub fn images(self) -> impl ExactSizeIterator<Item = Content<'a>> {
        self.contents(field::IMAGES)
    }

    /// Its audio clips, as `format,base64` or URLs.
    pub fn audios(self) -> impl ExactSizeIterator<Item = Content<'a>> {
        self.contents(field::AUDIOS)
    }

    /// Its videos, as URLs or data URLs.
    pub fn videos(self) -> impl ExactSizeIterator<Item = Content<'a>> {
        self.contents(field::VIDEOS)
    }

    fn contents(self, modality: field::Modality) -> impl ExactSizeIterator<Item = Content<'a>> {
        let count = self.view.number(modality.count, self.index, 0).unwrap_or(0) as u32;
        (0..count).map(move |item| Content {
            name: self.view.text(modality.name, self.index, item).unwrap_or_default(),
            content: self.view.text(modality.content, self.index, item).unwrap_or_default(),
        })
    }
}
