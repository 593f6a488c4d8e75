//! The headers every request carries, and what of them may be written down. Sends nothing.

use aiperf_abi::{API_KEY, RequestInfo};

use crate::secret::{self, REDACTED};

const USER_AGENT: &str = concat!("aiperf/", env!("CARGO_PKG_VERSION"));

/// Headers that stay the same for a whole run.
#[derive(Debug, Clone, Default)]
pub struct RunHeaders {
    /// `--api-key`.
    pub api_key: Option<String>,
    /// `--header`, in the order given.
    pub user: Vec<(String, String)>,
}

/// All headers of one request. `dialect` are those of the endpoint; they win over the standard ones, and the user's
/// win over all. A name occurs once, compared without regard to case; of two values the later stays.
pub fn request_headers(
    run: &RunHeaders,
    request: RequestInfo<'_>,
    content_type: &str,
    dialect: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let accept = if request.streaming() { "text/event-stream" } else { "application/json" };
    let standard = [
        ("User-Agent", USER_AGENT),
        ("X-Request-ID", request.x_request_id()),
        ("X-Correlation-ID", request.x_correlation_id()),
        ("X-Session-Affinity", request.x_correlation_id()),
        ("Content-Type", content_type),
        ("Accept", accept),
    ];
    let standard = standard.into_iter().filter(|(_, value)| !value.is_empty());
    let mut headers: Vec<(String, String)> =
        standard.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let dialect = keyed(dialect, run.api_key.as_deref(), &mut headers);
    for (name, value) in dialect.into_iter().chain(run.user.iter().cloned()) {
        match headers.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            Some(known) => *known = (name, value),
            None => headers.push((name, value)),
        }
    }
    headers
}

/// The headers of a dialect with the user's key in its place. Where the dialect has no place for it, it goes where most
/// servers look.
fn keyed(
    mut dialect: Vec<(String, String)>,
    key: Option<&str>,
    headers: &mut Vec<(String, String)>,
) -> Vec<(String, String)> {
    let wants_key = |(_, value): &(String, String)| value.contains(API_KEY);
    match key {
        Some(key) if dialect.iter().any(wants_key) => {
            dialect.iter_mut().for_each(|(_, value)| *value = value.replace(API_KEY, key));
        }
        Some(key) => headers.push(("Authorization".to_owned(), format!("Bearer {key}"))),
        None => dialect.retain(|header| !wants_key(header)),
    }
    dialect
}

/// The same headers fit to be written into an artifact: secrets and what ties a request to a person or a server replaced
/// by [`REDACTED`].
pub fn redacted(headers: &[(String, String)]) -> Vec<(String, String)> {
    let kept = |(name, value): &(String, String)| {
        (name.clone(), if secret::is_header(name) { REDACTED.to_owned() } else { secret::without_secrets(value) })
    };
    headers.iter().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use aiperf_abi::data::request::Request;

    use super::*;

    fn value<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
        headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn a_request_says_who_it_is_and_what_it_takes() {
        let request =
            Request { streaming: true, x_request_id: "r1".into(), x_correlation_id: "c1".into(), ..Request::default() };
        let run = RunHeaders { api_key: Some("k".into()), user: Vec::new() };
        let headers = request_headers(&run, request.info(), "application/json", Vec::new());
        assert_eq!(value(&headers, "user-agent"), [concat!("aiperf/", env!("CARGO_PKG_VERSION"))]);
        assert_eq!(value(&headers, "x-request-id"), ["r1"]);
        assert_eq!(value(&headers, "x-correlation-id"), ["c1"]);
        assert_eq!(value(&headers, "x-session-affinity"), ["c1"]);
        assert_eq!(value(&headers, "accept"), ["text/event-stream"]);
        assert_eq!(value(&headers, "content-type"), ["application/json"]);
        assert_eq!(value(&headers, "authorization"), ["Bearer k"]);
    }

    #[test]
    fn the_user_wins_over_the_dialect_and_the_dialect_over_the_host() {
        let run = RunHeaders { api_key: Some("k".into()), user: vec![pair("AUTHORIZATION", "mine"), pair("X-A", "1")] };
        let dialect = vec![pair("accept", "text/plain"), pair("authorization", "theirs")];
        let headers = request_headers(&run, Request::default().info(), "application/json", dialect);
        assert_eq!(value(&headers, "authorization"), ["mine"]);
        assert_eq!(value(&headers, "accept"), ["text/plain"]);
        assert_eq!(value(&headers, "x-a"), ["1"]);
        assert_eq!(value(&headers, "x-correlation-id"), [""; 0], "an empty id is not sent");
    }

    #[test]
    fn a_dialect_says_where_the_key_goes_and_never_sees_it() {
        let headers = |key: Option<&str>| {
            let run = RunHeaders { api_key: key.map(str::to_owned), user: Vec::new() };
            let dialect = vec![pair("x-api-key", API_KEY), pair("anthropic-version", "2023-06-01")];
            request_headers(&run, Request::default().info(), "application/json", dialect)
        };
        let with_key = headers(Some("k"));
        assert_eq!(value(&with_key, "x-api-key"), ["k"]);
        assert_eq!(value(&with_key, "authorization"), [""; 0], "the key is sent once");
        assert_eq!(value(&headers(None), "x-api-key"), [""; 0]);
        assert_eq!(value(&headers(None), "anthropic-version"), ["2023-06-01"]);
    }

    #[test]
    fn secrets_do_not_reach_an_artifact() {
        let names = ["Authorization", "x-api-key", "api_key", "X-Auth-Token", "Cookie", "X-Session-Affinity"];
        let secret: Vec<_> = names.iter().map(|name| pair(name, "s3cret")).collect();
        assert!(redacted(&secret).iter().all(|(_, value)| value == REDACTED));
        let plain = vec![pair("Content-Type", "application/json"), pair("X-Request-ID", "r")];
        assert_eq!(redacted(&plain), plain);
    }
}
