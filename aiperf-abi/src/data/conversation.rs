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
    /// Texts, images and audio that the host makes and adds to those above, before the turn is formatted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipes: Vec<Recipe>,
    /// What was answered when the turn was recorded: where nothing says how long the reply may be, as long as this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded_reply: Option<String>,
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

    /// A user turn of one text of so many tokens, which the host makes.
    pub fn of_tokens(tokens: u32) -> Self {
        Self { recipes: vec![Recipe::tokens("text", tokens)], ..Self::default() }
    }
}

/// Something the host makes: it has the tokenizer, the corpus and the seed of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Recipe {
    /// A text of exactly so many tokens.
    Text {
        /// The name its [`Media`] has.
        name: String,
        /// Tokens.
        tokens: u32,
        /// Tokens of each block but the last.
        #[serde(default, skip_serializing_if = "is_zero")]
        block: u32,
        /// Ids of the blocks the text consists of: equal ids are equal text, in all conversations. None: a text of its own.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ids: Vec<i64>,
    },
    /// An image of noise, as a data URL.
    Image {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// How it is written.
        format: ImageFormat,
    },
    /// Noise as a WAV file.
    Audio {
        /// Length.
        seconds: f64,
        /// Samples per second.
        sample_rate: u32,
        /// Bits of a sample: 8, 16, 24 or 32.
        depth: u16,
        /// 1 or 2.
        channels: u16,
    },
}

/// How an image is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImageFormat {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
}

impl Recipe {
    /// A text of so many tokens under a name.
    pub fn tokens(name: impl Into<String>, tokens: u32) -> Self {
        Self::Text { name: name.into(), tokens, block: 0, ids: Vec::new() }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
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
