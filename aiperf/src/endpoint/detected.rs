//! Content of a reply in no dialect of ours: where the user's JMESPath points, else where such content usually stands.

use aiperf_abi::{Error, Map, ParsedResponse, Response, ResponseData, Result, Usage, Value, extract};
use jmespath::Expression;

use super::envelope::piece;

/// The extra input that says where the content of a reply is.
pub(super) const RESPONSE_FIELD: &str = "response_field";

/// Where content is looked for.
pub(super) struct Detector {
    field: Option<Expression<'static>>,
}

impl Detector {
    /// As `response_field` among the settings says. `text` means the usual places, as without it.
    pub(super) fn of(settings: &Map<String, Value>) -> Result<Self> {
        let field = match settings.get(RESPONSE_FIELD) {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) if path == "text" => None,
            Some(Value::String(path)) => Some(jmespath::compile(path).map_err(|error| {
                Error::invalid_config(format!(
                    "`{RESPONSE_FIELD}:{path}` is no JMESPath: {} at character {}",
                    error.reason,
                    error.column + 1
                ))
            })?),
            Some(other) => {
                return Err(Error::invalid_config(format!(
                    "`{RESPONSE_FIELD}` wants a JMESPath such as `choices[0].text`, not {other}"
                )));
            }
        };
        Ok(Self { field })
    }

    /// What a piece of a reply holds.
    ///
    /// # Errors
    /// The failure it tells of; or that the JMESPath matches nothing in a whole reply. An event of a stream may well
    /// hold nothing.
    pub(super) fn read(&self, response: Response<'_>) -> Result<Option<ParsedResponse>> {
        let Some(reply) = response.json() else { return Ok(self.plain(response)) };
        if let Some(error) = extract::reported_error(&reply) {
            return Err(error);
        }
        let data = match &self.field {
            None => extract::auto_detect(&reply),
            Some(field) => match found(field, &reply)? {
                None if !response.is_event() => {
                    return Err(Error::invalid_input(format!(
                        "`{RESPONSE_FIELD}:{field}` matches nothing in the reply, which begins {}",
                        beginning(&reply)
                    )));
                }
                found => found,
            },
        };
        let reason = reply.pointer("/choices/0/finish_reason").and_then(Value::as_str).map(str::to_owned);
        Ok(piece(data, Usage::find(&reply), reason))
    }

    /// Words that are no JSON are content where the server calls them text and no JMESPath looks into them.
    fn plain(&self, response: Response<'_>) -> Option<ParsedResponse> {
        let kind = response.content_type()?.split(';').next().unwrap_or_default().trim();
        let is_text = self.field.is_none() && matches!(kind, "text/plain" | "text/event-stream");
        response.text().filter(|_| is_text).map(ParsedResponse::text)
    }
}

fn found(field: &Expression<'_>, reply: &Value) -> Result<Option<ResponseData>> {
    let found = field
        .search(reply)
        .map_err(|error| Error::invalid_input(format!("`{RESPONSE_FIELD}:{field}`: {}", error.reason)))?;
    let found = match serde_json::to_value(&*found)? {
        Value::Null => None,
        Value::String(text) => Some(ResponseData::Text(text)),
        number @ (Value::Number(_) | Value::Bool(_)) => Some(ResponseData::Text(number.to_string())),
        Value::Array(items) if items.is_empty() => None,
        other => Some(extract::auto_detect(&other).unwrap_or(ResponseData::Other(other))),
    };
    Ok(found.filter(|data| !data.is_empty()))
}

/// The start of a reply, for a message.
fn beginning(reply: &Value) -> String {
    let text = reply.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
