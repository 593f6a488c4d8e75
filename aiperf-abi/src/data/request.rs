//! A request in the hands of the host (or of a test): owns what a `RequestInfo` borrows.

use std::sync::Arc;

use super::conversation::{Conversation, Media, Turn};
use crate::author::request::RequestInfo;
use crate::ffi::view::{View, ViewSource, field};

/// Everything an endpoint may ask about one request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The model to ask, unless the turn names its own.
    pub model: Arc<str>,
    /// Whether a stream is wanted.
    pub streaming: bool,
    /// The conversation this request belongs to.
    pub conversation: Arc<Conversation>,
    /// The turn to send.
    pub turn_index: u32,
    /// Replies to the turns before it, one each; sent between them as turns of the assistant.
    pub replies: Vec<Turn>,
    /// JSON object: extra body fields of the run, overlaid by those of the turn.
    pub extra: Option<Arc<str>>,
    /// `X-Request-ID`.
    pub x_request_id: String,
    /// `X-Correlation-ID`.
    pub x_correlation_id: String,
}

impl Request {
    /// The borrowed form that endpoints take.
    pub fn info(&self) -> RequestInfo<'_> {
        RequestInfo::new(View::of(self))
    }

    /// The dataset's turn that is being sent.
    pub fn turn(&self) -> Option<&Turn> {
        self.conversation.turns.get(self.turn_index as usize)
    }

    /// The body the dataset has ready for this turn, to be sent instead of one an endpoint would make.
    pub fn raw_payload(&self) -> Option<&str> {
        self.turn()?.raw_payload.as_deref()
    }

    /// The first turn that is sent along: the last one that forgets what was before.
    fn context_start(&self) -> usize {
        let end = self.conversation.turns.len().min(self.turn_index as usize + 1);
        self.conversation.turns[..end].iter().rposition(|turn| turn.reset_context).unwrap_or(0)
    }

    /// Turn `index` of the dialogue as sent: user turns with the replies between them.
    fn spoken(&self, index: u32) -> Option<&Turn> {
        let (start, index) = (self.context_start(), index as usize);
        if self.replies.is_empty() {
            self.conversation.turns.get(start + index)
        } else if index % 2 == 0 {
            self.conversation.turns.get(start + index / 2)
        } else {
            self.replies.get(start + index / 2)
        }
    }

    fn spoken_count(&self) -> usize {
        let start = self.context_start();
        let turns = (self.turn_index as usize + 1).min(self.conversation.turns.len()).saturating_sub(start);
        turns + self.replies.len().saturating_sub(start)
    }
}

fn content(media: &[Media], item: u32) -> Option<(&str, &str)> {
    let mut left = item as usize;
    for one in media {
        match one.contents.get(left) {
            Some(content) => return Some((&one.name, content)),
            None => left -= one.contents.len(),
        }
    }
    None
}

fn modality(turn: &Turn, key: u32) -> Option<&[Media]> {
    Some(match key / 10 * 10 {
        200 => &turn.texts,
        210 => &turn.images,
        220 => &turn.audios,
        230 => &turn.videos,
        _ => return None,
    })
}

impl ViewSource for Request {
    fn text(&self, key: u32, turn: u32, item: u32) -> Option<&str> {
        match key {
            field::MODEL => Some(self.turn().and_then(|turn| turn.model.as_deref()).unwrap_or(&self.model)),
            field::SYSTEM_MESSAGE => self.conversation.system_message.as_deref(),
            field::USER_CONTEXT_MESSAGE => self.conversation.user_context_message.as_deref(),
            field::CONVERSATION_ID => Some(&self.conversation.session_id),
            field::X_REQUEST_ID => Some(&self.x_request_id),
            field::X_CORRELATION_ID => Some(&self.x_correlation_id),
            field::EXTRA => self.extra.as_deref(),
            field::TURN_ROLE => self.spoken(turn)?.role.as_deref(),
            field::TURN_MODEL => self.spoken(turn)?.model.as_deref(),
            200..240 => {
                let (name, content) = content(modality(self.spoken(turn)?, key)?, item)?;
                match key % 10 {
                    1 => Some(name),
                    2 => Some(content),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn number(&self, key: u32, turn: u32, _: u32) -> Option<u64> {
        match key {
            field::TURN_COUNT => Some(self.spoken_count() as u64),
            field::TURN_INDEX => Some(self.turn_index.into()),
            field::IS_FINAL_TURN => Some((self.turn_index as usize + 1 >= self.conversation.turns.len()).into()),
            field::STREAMING => Some(self.streaming.into()),
            field::TURN_MAX_TOKENS => Some(self.spoken(turn)?.max_tokens?.into()),
            200..240 if key % 10 == 0 => {
                Some(modality(self.spoken(turn)?, key)?.iter().map(|media| media.contents.len() as u64).sum())
            }
            _ => None,
        }
    }

    fn bytes(&self, _: u32, _: u32, _: u32) -> Option<&[u8]> {
        None
    }
}
