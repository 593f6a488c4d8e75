//! `endpoint`: an API dialect. Turns requests into bodies and replies into text, counts and errors; moves no bytes.

use serde_json::{Map, Value};

use super::error::Result;
use super::request::RequestInfo;
use super::response::Response;
use crate::data::response::ParsedResponse;

/// An API dialect. Called from many threads at once.
///
#[cfg_attr(doc, doc = include_str!("../../reference/endpoint.md"))]
pub trait Endpoint: Send + Sync + 'static {
    /// The body to send for a request.
    ///
    /// # Errors
    /// When the request cannot be said in this dialect; it is then recorded as failed.
    fn format_payload(&self, request: RequestInfo<'_>) -> Result<Payload>;

    /// What one piece of a reply holds; `None` where it holds nothing of interest.
    ///
    /// # Errors
    /// When the piece says that the request failed; it is then recorded as failed.
    fn parse_response(&self, response: Response<'_>) -> Result<Option<ParsedResponse>>;

    /// Headers of this dialect, in addition to the host's; a name given here wins over the host's.
    ///
    /// Where a value holds [`API_KEY`], the host puts the user's key in its place and sends no `Authorization` header of
    /// its own; without a key such a header is left out. The key itself never reaches the endpoint.
    ///
    /// # Errors
    /// When they cannot be made; the request is then recorded as failed.
    fn headers(&self, request: RequestInfo<'_>) -> Result<Vec<(String, String)>> {
        let _ = request;
        Ok(Vec::new())
    }
}

/// Stands for the user's API key in the value of a header of [`Endpoint::headers`].
pub const API_KEY: &str = "{api-key}";

/// A request body.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    body: Body,
    content_type: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Body {
    Open(Map<String, Value>),
    Sealed(Value),
    Bytes(Vec<u8>),
}

impl Payload {
    /// A JSON object. The user's extra inputs are laid over it, so that `--extra-inputs temperature:0` works with
    /// every endpoint.
    pub fn object(fields: Map<String, Value>) -> Self {
        Self { body: Body::Open(fields), content_type: None }
    }

    /// JSON that is sent as it stands: the endpoint used the extra inputs itself, or they have no place in it.
    pub fn exact(body: impl Into<Value>) -> Self {
        Self { body: Body::Sealed(body.into()), content_type: None }
    }

    /// Bytes of any kind, with their content type.
    pub fn bytes(body: Vec<u8>, content_type: impl Into<String>) -> Self {
        Self { body: Body::Bytes(body), content_type: Some(content_type.into()) }
    }

    /// A body that is ready to be sent, as it comes back from the other side.
    pub(crate) fn finished(body: Vec<u8>, content_type: Option<String>) -> Self {
        Self { body: Body::Bytes(body), content_type }
    }

    /// The content type its maker gave.
    pub(crate) fn own_content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The content type, `application/json` unless given.
    pub fn content_type(&self) -> &str {
        self.content_type.as_deref().unwrap_or("application/json")
    }

    /// The bytes to send, the request's extra inputs laid over an open object.
    ///
    /// # Errors
    /// When the extra inputs are not a JSON object.
    pub fn into_bytes(self, request: RequestInfo<'_>) -> Result<Vec<u8>> {
        Ok(match self.body {
            Body::Open(mut fields) => {
                fields.extend(request.extra()?);
                serde_json::to_vec(&fields)?
            }
            Body::Sealed(value) => serde_json::to_vec(&value)?,
            Body::Bytes(bytes) => bytes,
        })
    }
}

impl From<Value> for Payload {
    /// An object is open to the user's extra inputs, anything else is sent as it stands.
    fn from(value: Value) -> Self {
        match value {
            Value::Object(fields) => Self::object(fields),
            other => Self::exact(other),
        }
    }
}
