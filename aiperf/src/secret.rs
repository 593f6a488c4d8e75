//! What must not be written down: which names belong to secrets, and how a text looks without them. Artifacts, logs and
//! errors go through here. Knows no flag and no file.

use serde_json::{Map, Value};

/// What stands where a secret was.
pub const REDACTED: &str = "<redacted>";

/// Parts of a name that give a secret away, wherever it is used.
const PARTS: [&str; 11] = [
    "authorization",
    "api-key",
    "apikey",
    "access-key",
    "private-key",
    "secret",
    "password",
    "passwd",
    "credential",
    "cookie",
    "signature",
];
/// Parts of a header's name that do, as well: tokens, and what ties a request to a person or a server.
const HEADER_PARTS: [&str; 2] = ["token", "affinity"];
/// Names of body fields and settings that do. A part does not: `max_tokens` and `stop_token` are no secrets.
const TOKENS: [&str; 7] =
    ["token", "access-token", "auth-token", "bearer-token", "hf-token", "refresh-token", "session-token"];
/// Parameters of an address that do.
const PARAMETERS: [&str; 3] = ["key", "sig", "subscription-key"];

/// Whether the value of a header is a secret, or sounds like one.
pub fn is_header(name: &str) -> bool {
    let name = plain(name);
    PARTS.iter().chain(&HEADER_PARTS).any(|part| name.contains(part))
}

/// Whether a body field or a setting of a plugin is a secret, or sounds like one.
pub fn is_field(name: &str) -> bool {
    let name = plain(name);
    TOKENS.contains(&name.as_str()) || PARTS.iter().any(|part| name.contains(part))
}

fn plain(name: &str) -> String {
    name.trim().to_ascii_lowercase().replace('_', "-")
}

/// An address without user, password and secret parameters. Any other text stays as it is.
pub fn without_secrets(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    let authority_end = place.find(['/', '#']).unwrap_or(place.len());
    let (authority, path) = place.split_at(authority_end);
    let mut kept = match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{REDACTED}@{host}{path}"),
        None => format!("{scheme}://{place}"),
    };
    let is_secret = |name: &str| is_field(name) || PARAMETERS.contains(&plain(name).as_str());
    for (number, parameter) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        kept.push(if number == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, _)) if is_secret(name) => kept.extend([name, "=", REDACTED]),
            _ => kept.push_str(parameter),
        }
    }
    kept
}

/// Takes the secrets out of the fields of a body. What is in fields of fields is data, not a setting.
pub fn redact_fields(fields: &mut Map<String, Value>) {
    for (name, value) in fields {
        if value.is_string() && is_field(name) {
            *value = REDACTED.into();
        }
    }
}

/// Takes the secrets out of settings, also those in addresses.
pub fn redact_settings(settings: &mut Map<String, Value>) {
    redact_fields(settings);
    for value in settings.values_mut() {
        if let Value::String(text) = value {
            *text = without_secrets(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_that_sound_secret_are_told_from_those_that_count_tokens() {
        for name in ["Authorization", "x-api-key", "api_key", "X-Auth-Token", "Cookie", "X-Session-Affinity"] {
            assert!(is_header(name), "{name}");
        }
        for name in
            ["api_key", "apiKey", "token", "access_token", "smtp_password", "client_secret", "aws_access_key_id"]
        {
            assert!(is_field(name), "{name}");
        }
        for name in ["max_tokens", "max_completion_tokens", "stop_token", "prompt_cache_key", "user", "key"] {
            assert!(!is_field(name), "{name}");
        }
        assert!(!is_header("Content-Type") && !is_header("X-Request-ID"));
    }

    #[test]
    fn an_address_keeps_all_but_its_secrets() {
        for (address, kept) in [
            ("http://h:1/v1?a=b&x", "http://h:1/v1?a=b&x"),
            ("https://user:pass@h/v1", "https://<redacted>@h/v1"),
            ("https://h/v1?key=abc&v=2&sig=d", "https://h/v1?key=<redacted>&v=2&sig=<redacted>"),
            ("https://h?api_key=abc", "https://h?api_key=<redacted>"),
            ("postgres://me:p@ss@db:5/x", "postgres://<redacted>@db:5/x"),
            ("sim://?ttft=5ms&itl=1ms", "sim://?ttft=5ms&itl=1ms"),
            ("https://h/path@2", "https://h/path@2"),
            ("what?key=is no address", "what?key=is no address"),
        ] {
            assert_eq!(without_secrets(address), kept);
        }
    }

    #[test]
    fn settings_keep_all_but_their_secrets() {
        let mut settings =
            json!({"password": "p", "dsn": "db://u:p@h/x", "max_tokens": 5, "token": 7, "tools": {"password": "x"}});
        redact_settings(settings.as_object_mut().unwrap());
        assert_eq!(
            settings,
            json!({"password": "<redacted>", "dsn": "db://<redacted>@h/x", "max_tokens": 5, "token": 7, "tools": {"password": "x"}})
        );
    }
}
