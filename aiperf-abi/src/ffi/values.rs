//! The values methods return, as they cross: errors, payloads, parsed replies. Frozen for the major version; what a minor
//! version adds goes as JSON into `more`.

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RResult, RString, RVec, Tuple2};

use crate::author::endpoint::Payload;
use crate::author::error::{Error, ErrorKind, Result};
use crate::author::request::RequestInfo;
use crate::data::response::{ParsedResponse, ResponseData, Usage};

pub(crate) type FfiResult<T> = RResult<T, FfiError>;

/// Two texts: a header's name and value.
pub(crate) type FfiPair = Tuple2<RString, RString>;

#[repr(C)]
#[derive(StableAbi)]
pub struct FfiError {
    kind: u32,
    message: RString,
    causes: RVec<RString>,
    more: RVec<u8>,
}

/// Kinds of errors by their number on the wire, which never changes.
const KINDS: [ErrorKind; 9] = [
    ErrorKind::Other,
    ErrorKind::Panic,
    ErrorKind::InvalidConfig,
    ErrorKind::InvalidInput,
    ErrorKind::Unsupported,
    ErrorKind::Io,
    ErrorKind::Cancelled,
    ErrorKind::Timeout,
    ErrorKind::Disabled,
];

impl From<Error> for FfiError {
    fn from(error: Error) -> Self {
        Self {
            kind: KINDS.iter().position(|kind| *kind == error.kind()).unwrap_or(0) as u32,
            message: error.message().into(),
            causes: error.causes().iter().map(|cause| RString::from(cause.as_str())).collect(),
            more: RVec::new(),
        }
    }
}

impl From<FfiError> for Error {
    fn from(error: FfiError) -> Self {
        let kind = KINDS.get(error.kind as usize).copied().unwrap_or(ErrorKind::Other);
        Self::new(kind, error.message).with_causes(error.causes.into_iter().map(RString::into_string).collect())
    }
}

#[repr(C)]
#[derive(StableAbi)]
pub struct FfiPayload {
    body: RVec<u8>,
    content_type: ROption<RString>,
    more: RVec<u8>,
}

impl FfiPayload {
    pub(crate) fn pack(payload: Payload, request: RequestInfo<'_>) -> Result<Self> {
        let content_type = payload.own_content_type().map(RString::from).into();
        Ok(Self { body: payload.into_bytes(request)?.into(), content_type, more: RVec::new() })
    }

    pub(crate) fn unpack(self) -> Payload {
        Payload::finished(self.body.into_vec(), self.content_type.into_option().map(RString::into_string))
    }
}

/// What `data` of a parsed reply is. `text` holds the words of `TEXT` and `TOOL_CALL`.
mod data {
    pub(super) const NONE: u32 = 0;
    pub(super) const TEXT: u32 = 1;
    pub(super) const REASONING: u32 = 2;
    pub(super) const TOOL_CALL: u32 = 3;
    pub(super) const EMBEDDINGS: u32 = 4;
    pub(super) const RANKINGS: u32 = 5;
    pub(super) const OTHER: u32 = 6;
}

/// Empty strings and vectors own no memory, so a piece of text costs one allocation.
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiParsed {
    kind: u32,
    text: RString,
    content: RString,
    reasoning: RString,
    vectors: RVec<RVec<f32>>,
    /// JSON of rankings and of whatever has no field.
    json: RVec<u8>,
    /// Counts of the server by their keys.
    usage: ROption<RVec<Tuple2<u32, u64>>>,
    finish_reason: ROption<RString>,
    more: RVec<u8>,
}

/// `more` of a parsed reply, empty where all of it is the default.
#[derive(Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
struct MoreParsed {
    recap: bool,
}

impl FfiParsed {
    pub(crate) fn pack(parsed: ParsedResponse) -> Result<Self> {
        let usage = parsed.usage.map(|usage| usage.numbers().map(|(key, count)| Tuple2(key, count)).collect());
        let mut wire = Self {
            kind: data::NONE,
            text: RString::new(),
            content: RString::new(),
            reasoning: RString::new(),
            vectors: RVec::new(),
            json: RVec::new(),
            usage: usage.into(),
            finish_reason: parsed.finish_reason.map(RString::from).into(),
            more: RVec::new(),
        };
        if parsed.recap {
            wire.more = serde_json::to_vec(&MoreParsed { recap: true })?.into();
        }
        match parsed.data {
            None => {}
            Some(ResponseData::Text(text)) => {
                wire.kind = data::TEXT;
                wire.text = text.into();
            }
            Some(ResponseData::Reasoning { content, reasoning }) => {
                wire.kind = data::REASONING;
                wire.content = content.into();
                wire.reasoning = reasoning.into();
            }
            Some(ResponseData::ToolCall { text, content, reasoning }) => {
                wire.kind = data::TOOL_CALL;
                wire.text = text.into();
                wire.content = content.into();
                wire.reasoning = reasoning.into();
            }
            Some(ResponseData::Embeddings(vectors)) => {
                wire.kind = data::EMBEDDINGS;
                wire.vectors = vectors.into_iter().map(RVec::from).collect();
            }
            Some(ResponseData::Rankings(items)) => {
                wire.kind = data::RANKINGS;
                wire.json = serde_json::to_vec(&items)?.into();
            }
            Some(ResponseData::Other(value)) => {
                wire.kind = data::OTHER;
                wire.json = serde_json::to_vec(&value)?.into();
            }
        }
        Ok(wire)
    }

    pub(crate) fn unpack(self) -> Result<ParsedResponse> {
        let content = match self.kind {
            data::NONE => None,
            data::TEXT => Some(ResponseData::Text(self.text.into_string())),
            data::REASONING => Some(ResponseData::Reasoning {
                content: self.content.into_string(),
                reasoning: self.reasoning.into_string(),
            }),
            data::TOOL_CALL => Some(ResponseData::ToolCall {
                text: self.text.into_string(),
                content: self.content.into_string(),
                reasoning: self.reasoning.into_string(),
            }),
            data::EMBEDDINGS => Some(ResponseData::Embeddings(self.vectors.into_iter().map(RVec::into_vec).collect())),
            data::RANKINGS => Some(ResponseData::Rankings(serde_json::from_slice(&self.json)?)),
            data::OTHER => Some(ResponseData::Other(serde_json::from_slice(&self.json)?)),
            kind => return Err(Error::new(ErrorKind::Unsupported, format!("content of the unknown kind {kind}"))),
        };
        let usage = self.usage.into_option().map(|counts| {
            let mut usage = Usage::default();
            counts.iter().for_each(|Tuple2(key, count)| usage.set_number(*key, *count));
            usage
        });
        let more: MoreParsed =
            if self.more.is_empty() { MoreParsed::default() } else { serde_json::from_slice(&self.more)? };
        let finish_reason = self.finish_reason.into_option().map(RString::into);
        Ok(ParsedResponse { data: content, usage, finish_reason, recap: more.recap })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_content_survives_the_crossing() {
        let text = || "grüße".to_owned();
        let mut usage = Usage::default();
        (0..12).for_each(|key| usage.set_number(key, u64::from(key) * 1000 + 1));
        let contents = [
            None,
            Some(ResponseData::Text(text())),
            Some(ResponseData::Text(String::new())),
            Some(ResponseData::Reasoning { content: text(), reasoning: "hm".to_owned() }),
            Some(ResponseData::ToolCall { text: "f(x)".to_owned(), content: text(), reasoning: "so".to_owned() }),
            Some(ResponseData::Embeddings(vec![vec![0.5, -1.0], vec![], vec![f32::MAX]])),
            Some(ResponseData::Rankings(vec![json!({"index": 1, "score": 0.5}), json!(3)])),
            Some(ResponseData::Other(json!({"image": null}))),
        ];
        for data in contents {
            for (usage, finish_reason, recap) in [
                (None, None, true),
                (Some(usage), Some("stop".to_owned()), false),
                (Some(Usage::default()), None, false),
            ] {
                let parsed = ParsedResponse { data: data.clone(), usage, finish_reason, recap };
                assert_eq!(FfiParsed::pack(parsed.clone()).unwrap().unpack().unwrap(), parsed);
            }
        }
    }

    #[test]
    fn content_of_an_unknown_kind_and_broken_json_are_errors() {
        let mut wire = FfiParsed::pack(ParsedResponse::text("x")).unwrap();
        wire.kind = 99;
        assert_eq!(wire.unpack().unwrap_err().kind(), ErrorKind::Unsupported);
        let mut wire = FfiParsed::pack(ParsedResponse::new(ResponseData::Rankings(vec![]))).unwrap();
        wire.json = b"[".to_vec().into();
        assert!(wire.unpack().is_err());
    }

    #[test]
    fn an_error_keeps_kind_message_and_causes() {
        for kind in KINDS {
            let error = Error::new(kind, "inner").context("middle").context("outer");
            let back = Error::from(FfiError::from(error));
            assert_eq!((back.kind(), &*back.to_string()), (kind, "outer: middle: inner"));
        }
        let unknown = FfiError { kind: 77, ..FfiError::from(Error::msg("new")) };
        assert_eq!(Error::from(unknown).kind(), ErrorKind::Other);
    }
}
