//! What went over the wire for one request, as a line of the raw file: the request as it was sent, the reply as it came,
//! with times. Secrets are replaced before they get here into a line.

use std::sync::Arc;

use aiperf_abi::{Endpoint, ErrorDetails, Map, RecordMetadata, Value};
use serde::Serialize;
use serde_json::json;

use crate::exchange::Exchange;
use crate::reply::Reply;
use crate::secret;
use crate::transport::headers::{RunHeaders, redacted, request_headers};
use crate::transport::sse;

/// Makes lines of the raw file.
pub struct RawEncoder {
    endpoint: Arc<dyn Endpoint>,
    headers: RunHeaders,
}

/// One line. Times are nanoseconds of the run's clock.
#[derive(Serialize)]
struct Line<'a> {
    metadata: &'a RecordMetadata,
    start_perf_ns: u64,
    request_headers: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_perf_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head_perf_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    response_headers: Map<String, Value>,
    /// Events of a stream, or the body as one text.
    responses: Vec<Value>,
    /// For every chunk of the network: bytes, and when they were there.
    chunks: Vec<(usize, u64)>,
    end_perf_ns: u64,
    payload: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a ErrorDetails>,
}

impl RawEncoder {
    /// For requests that an endpoint formats and that carry these headers.
    pub fn new(endpoint: Arc<dyn Endpoint>, headers: RunHeaders) -> Self {
        Self { endpoint, headers }
    }

    /// Appends the line of an exchange. `error` is why it is no result, if it is none.
    pub fn encode(
        &self,
        exchange: &Exchange,
        metadata: &RecordMetadata,
        error: Option<&ErrorDetails>,
        lines: &mut String,
    ) {
        let reply = &exchange.reply;
        let (request_headers, payload) = self.request(exchange);
        let mut from = 0;
        let chunks = reply.arrivals.iter().map(|arrival| {
            let bytes = arrival.end - from;
            from = arrival.end;
            (bytes, arrival.at_ns)
        });
        let line = Line {
            metadata,
            start_perf_ns: reply.start_ns,
            request_headers: object(&request_headers),
            sent_perf_ns: reply.sent_ns,
            head_perf_ns: reply.head_ns,
            status: reply.status,
            response_headers: object(&response_headers(reply)),
            responses: responses(reply),
            chunks: chunks.collect(),
            end_perf_ns: reply.end_ns,
            payload,
            error,
        };
        lines.push_str(&serde_json::to_string(&line).expect("a line has only text keys and finite numbers"));
        lines.push('\n');
    }

    /// Headers and body as they were sent: an endpoint makes the same of the same request. A request that could not be
    /// made has neither.
    fn request(&self, exchange: &Exchange) -> (Vec<(String, String)>, Value) {
        let info = exchange.request.info();
        let made = || -> aiperf_abi::Result<_> {
            let payload = self.endpoint.format_payload(info)?;
            let dialect = self.endpoint.headers(info)?;
            let headers = request_headers(&self.headers, info, payload.content_type(), dialect);
            Ok((headers, payload.into_bytes(info)?))
        };
        match made() {
            Ok((headers, body)) => {
                let mut body = text_or_json(&body);
                if let Some(fields) = body.as_object_mut() {
                    secret::redact_fields(fields);
                }
                (headers, body)
            }
            Err(_) => (Vec::new(), Value::Null),
        }
    }
}

fn response_headers(reply: &Reply) -> Vec<(String, String)> {
    let pairs = reply.headers.lines().filter_map(|line| line.split_once(": "));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Without what must not be written down. Several values of one name are joined, as HTTP allows.
fn object(headers: &[(String, String)]) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, value) in redacted(headers) {
        match object.get_mut(&name) {
            Some(Value::String(known)) => known.extend([", ", &value]),
            _ => drop(object.insert(name, Value::String(value))),
        }
    }
    object
}

fn responses(reply: &Reply) -> Vec<Value> {
    if reply.body.is_empty() {
        return Vec::new();
    }
    let is_stream = reply.content_type.as_deref().is_some_and(|kind| kind.starts_with("text/event-stream"));
    if !is_stream {
        let text = String::from_utf8_lossy(&reply.body);
        let perf_ns = sse::arrival_of(&reply.arrivals, reply.body.len());
        return vec![json!({"perf_ns": perf_ns, "text": text, "content_type": reply.content_type})];
    }
    let packet = |name: &str, value: &str| json!({"name": name, "value": value});
    sse::events(&reply.body, &reply.arrivals)
        .map(|event| {
            let data = packet("data", &String::from_utf8_lossy(&event.data));
            let packets: Vec<Value> = event.name.map(|name| packet("event", name)).into_iter().chain([data]).collect();
            json!({"perf_ns": event.at_ns, "packets": packets})
        })
        .collect()
}

fn text_or_json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_twice_is_joined_and_what_is_secret_is_gone() {
        let reply = Reply {
            headers: "content-type: text/event-stream\nvia: a\nvia: b\nset-cookie: s=1\n".into(),
            ..Reply::default()
        };
        let told = object(&response_headers(&reply));
        assert_eq!((&told["via"], &told["set-cookie"]), (&json!("a, b"), &json!("<redacted>")));
    }

    #[test]
    fn a_stream_is_told_by_its_events_and_another_body_as_it_is() {
        let arrivals = vec![crate::reply::Arrival { end: 40, at_ns: 7 }];
        let stream = Reply {
            body: b"event: delta\ndata: {\"a\":1}\n\n".to_vec(),
            content_type: Some("text/event-stream; charset=utf-8".into()),
            arrivals,
            ..Reply::default()
        };
        let packets = json!([{"name": "event", "value": "delta"}, {"name": "data", "value": "{\"a\":1}"}]);
        assert_eq!(responses(&stream), [json!({"perf_ns": 7, "packets": packets})]);
        let body = Reply { content_type: Some("text/html".into()), ..stream };
        assert_eq!(responses(&body)[0]["text"], json!("event: delta\ndata: {\"a\":1}\n\n"));
        assert_eq!(responses(&Reply::default()), Vec::<Value>::new());
    }
}
