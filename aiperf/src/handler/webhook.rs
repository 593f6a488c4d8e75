//! The entry `webhook`: sends the results of a run to a URL, as JSON, by POST.

use std::collections::BTreeMap;
use std::time::Duration;

use aiperf_abi::{Context, Error, Plugin, Result, ResultHandler, Results};
use serde::Deserialize;

/// Seconds until an answer is not waited for any more.
const TIMEOUT_SECONDS: f64 = 30.0;

/// The entry `webhook`.
#[derive(Debug)]
pub struct WebhookHandler {
    url: String,
    headers: BTreeMap<String, String>,
    timeout: Duration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// Where to.
    url: Option<String>,
    /// More headers, e.g. an authorization.
    headers: BTreeMap<String, String>,
    /// Seconds to wait for an answer.
    timeout: Option<f64>,
    /// When it is called among others.
    #[serde(rename = "priority")]
    _priority: Option<i64>,
}

impl Plugin for WebhookHandler {
    fn new(cx: &Context<'_>) -> Result<Self> {
        let Settings { url, headers, timeout, .. } = cx.config()?;
        let url = url.ok_or_else(|| Error::disabled("no URL is given: --plugin-option webhook.url=URL"))?;
        let timeout = Duration::try_from_secs_f64(timeout.unwrap_or(TIMEOUT_SECONDS))
            .map_err(|error| Error::invalid_config(format!("`timeout`: {error}")))?;
        Ok(Self { url, headers, timeout })
    }
}

impl ResultHandler for WebhookHandler {
    fn handle(&mut self, results: &Results) -> Result<()> {
        let body = super::document(results).to_string();
        // Another part of the process may have chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = reqwest::Client::builder().timeout(self.timeout).build()?;
            let mut request = client.post(&self.url).header("content-type", "application/json").body(body);
            for (name, value) in &self.headers {
                request = request.header(name, value);
            }
            let answer =
                request.send().await.map_err(|error| Error::from(error).context("cannot reach the webhook"))?;
            match answer.status() {
                status if status.is_success() => Ok(()),
                status => Err(Error::msg(format!("the webhook answered {status}"))),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use aiperf_abi::testing::construct;
    use aiperf_abi::{Report, Value, json};

    use super::*;

    /// A server that answers one request with this status line; gives what it was sent.
    fn server(status: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut said, mut buffer) = (Vec::new(), [0; 4096]);
            while !String::from_utf8_lossy(&said).ends_with("}") {
                let read = stream.read(&mut buffer).unwrap();
                said.extend_from_slice(&buffer[..read]);
            }
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
            String::from_utf8(said).unwrap()
        });
        (url, thread)
    }

    #[test]
    fn results_are_posted_with_the_headers_that_were_asked_for() {
        let (url, server) = server("204 No Content");
        let settings = json!({"url": url, "headers": {"x-team": "speed"}});
        let mut handler: WebhookHandler = construct(settings).unwrap();
        handler.handle(&Results::new("b7", Report::default(), Value::Null)).unwrap();
        let said = server.join().unwrap();
        assert!(said.starts_with("POST /hook HTTP/1.1\r\n") && said.contains("x-team: speed\r\n"), "{said}");
        let body: Value = serde_json::from_str(said.split_once("\r\n\r\n").unwrap().1).unwrap();
        assert_eq!(body["batch_id"], "b7");
    }

    #[test]
    fn a_webhook_that_refuses_or_is_not_there_is_an_error() {
        let (url, server) = server("503 Service Unavailable");
        let refused = construct::<WebhookHandler>(json!({"url": url})).unwrap().handle(&Results::default());
        assert_eq!(refused.unwrap_err().to_string(), "the webhook answered 503 Service Unavailable");
        server.join().unwrap();
        let gone =
            construct::<WebhookHandler>(json!({"url": "http://127.0.0.1:1/"})).unwrap().handle(&Results::default());
        assert!(gone.unwrap_err().to_string().starts_with("cannot reach the webhook"));
    }
}
