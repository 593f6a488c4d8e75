//! What is sent: conversations and their turns. Plain data; who made them and when they are sent is not known here.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An immutable template of one dialogue with the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conversation {
    /// Unique within the dataset, e.g. `session_000000`.
    pub session_id: String,
    /// Exchanges, in order.
    pub turns: Vec<Turn>,
    /// Sent first, as a system message, where the endpoint has such a thing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_message: Option<String>,
    /// Context unique to this conversation, sent before its first turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_context_message: Option<String>,
}

/// One exchange: what the user says, and what is asked of the server for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Turn {
    /// Who speaks; `user` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The model asked, when the row names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The largest number of tokens the server may produce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Milliseconds after the start of the phase at which this turn is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<f64>,
    /// Milliseconds to wait after the reply to the turn before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<f64>,
    /// Texts, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub texts: Vec<Media>,
    /// Images: URLs or data URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Media>,
    /// Audio clips: `format,base64` or URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audios: Vec<Media>,
    /// Videos: URLs or data URLs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub videos: Vec<Media>,
    /// Body fields of this turn alone; they win over those of the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra: Option<Map<String, Value>>,
    /// Nothing said before this turn is sent with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reset_context: bool,
    /// The whole request body, JSON as written in the dataset: it is sent as it stands, and no endpoint formats it.
    /// The texts are then what it says, for whoever counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_payload: Option<String>,
}

impl Turn {
    /// A user turn of one text.
    pub fn text(content: impl Into<String>) -> Self {
        Self { texts: vec![Media::new("text", content)], ..Self::default() }
    }
}

/// Contents of one modality under one name (`query` and `passages` of a ranking are two).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Media {
    /// What the contents are to the endpoint; often empty or `text`.
    pub name: String,
    /// The contents, in order.
    pub contents: Vec<String>,
}

impl Media {
    /// One content under a name.
    pub fn new(name: impl Into<String>, content: impl Into<String>) -> Self {
        Self { name: name.into(), contents: vec![content.into()] }
    }
}
