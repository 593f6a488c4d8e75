//! The URL a request goes to, out of a base URL and the path of a dialect. Opens no connection.

use reqwest::Url;

/// Why there is no address to send to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was given.
    #[error("the server's URL is empty; give one with --url, such as http://localhost:8000")]
    Empty,
    /// A scheme that needs a host, and none.
    #[error("`{url}` names no host; write it as http://HOST:PORT (--url)")]
    NoHost {
        /// The URL as far as it was put together.
        url: String,
    },
    /// A space, a tab, a line break or another character that cannot be seen.
    #[error("`{url}` has a space or an invisible character in it; write a space as %20 (--url, --custom-endpoint)")]
    Blank {
        /// The URL or path with it, escaped where it cannot be seen.
        url: String,
    },
    /// Neither the URL, nor the endpoint type, nor the user says what to ask for.
    #[error("`{url}` has no path and the endpoint type brings none; add one to --url or give --custom-endpoint")]
    NoPath {
        /// The URL.
        url: String,
    },
    /// Anything else that makes it no URL.
    #[error("`{url}` is no URL: {reason} (--url, --custom-endpoint)")]
    Malformed {
        /// The URL as far as it was put together.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// `url` with a scheme, `http://` where it has none.
pub fn with_scheme(url: &str) -> String {
    match url.split_once("://") {
        Some(_) => url.to_owned(),
        None => format!("http://{url}"),
    }
}

/// Where requests to a server go: `base` and the path of the endpoint, or `custom` in its place.
///
/// A trailing `/` of the base is dropped, a path the base already ends with is not repeated, nor is a `v1` that the
/// base ends with and the path starts with. A query of the base is kept, one of the path is added to it. A `custom`
/// that is a full URL replaces everything. Addresses of `http` and `https` are checked as far as that is possible without
/// a network; those of other schemes belong to their transport (`sim://?ttft=50ms` has no host and needs none).
///
/// # Errors
/// When the parts make no URL.
pub fn endpoint_url(base: &str, path: Option<&str>, custom: Option<&str>) -> Result<String, AddressError> {
    let [base, custom] = [base, custom.unwrap_or_default()].map(str::trim);
    if let Some(part) =
        [base, custom].into_iter().find(|part| part.contains(|c: char| c.is_whitespace() || c.is_control()))
    {
        return Err(AddressError::Blank { url: part.escape_debug().to_string() });
    }
    let url = match custom.contains("://") {
        true => custom.to_owned(),
        false if base.is_empty() => return Err(AddressError::Empty),
        false => {
            joined(&with_scheme(base), Some(custom).filter(|custom| !custom.is_empty()).or(path).unwrap_or_default())
        }
    };
    check(&url)?;
    Ok(url)
}

fn joined(base: &str, path: &str) -> String {
    let base = base.split_once('#').map_or(base, |(url, _fragment)| url);
    let (base, base_query) = split_query(base);
    let (path, path_query) = split_query(path.trim());
    let path = path.trim_start_matches('/');

    let mut url = base.to_owned();
    if !path.is_empty() {
        let host_at = base.find("://").map_or(0, |at| at + "://".len());
        url.truncate(host_at + base[host_at..].trim_end_matches('/').len());
        if !ends_with_path(&url, path.trim_end_matches('/')) {
            let path = match path.strip_prefix("v1/") {
                Some(rest) if ends_with_path(&url, "v1") => rest,
                _ => path,
            };
            url.push('/');
            url.push_str(path);
        }
    }
    for (query, sign) in [base_query, path_query].into_iter().flatten().zip(['?', '&']) {
        url.push(sign);
        url.push_str(query);
    }
    url
}

fn split_query(url: &str) -> (&str, Option<&str>) {
    match url.split_once('?') {
        Some((url, query)) => (url, Some(query).filter(|query| !query.is_empty())),
        None => (url, None),
    }
}

/// Whether `path` makes up the last segments of `base`.
fn ends_with_path(base: &str, path: &str) -> bool {
    base.strip_suffix(path).is_some_and(|rest| rest.ends_with('/') && !rest.ends_with("//"))
}

fn check(url: &str) -> Result<(), AddressError> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(AddressError::Malformed { url: url.to_owned(), reason: "it has no scheme".to_owned() });
    };
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(is_scheme) {
        return Err(AddressError::Malformed { url: url.to_owned(), reason: format!("`{scheme}` is no scheme") });
    }
    if !["http", "https"].iter().any(|http| scheme.eq_ignore_ascii_case(http)) {
        return Ok(());
    }
    // The parser would take the first segment of the path for the host, or `http` of `http:/host` where a slash is lost.
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_user, host)| host);
    let lost_slash = ["http:", "https:"].iter().any(|http| host.eq_ignore_ascii_case(http));
    if host.is_empty() || host.starts_with(':') || lost_slash {
        return Err(AddressError::NoHost { url: url.to_owned() });
    }
    if rest.len() == authority.len() || rest[authority.len()..].starts_with('?') {
        return Err(AddressError::NoPath { url: url.to_owned() });
    }
    match Url::parse(url) {
        Ok(_) => Ok(()),
        Err(error) => Err(AddressError::Malformed { url: url.to_owned(), reason: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_and_a_path_become_one_address() {
        let chat = Some("/v1/chat/completions");
        for (base, path, custom, expected) in [
            ("http://h:8000", chat, None, "http://h:8000/v1/chat/completions"),
            ("http://h:8000/", chat, None, "http://h:8000/v1/chat/completions"),
            ("h:8000", chat, None, "http://h:8000/v1/chat/completions"),
            (" h:8000 ", chat, Some(" "), "http://h:8000/v1/chat/completions"),
            ("http://h/v1", chat, None, "http://h/v1/chat/completions"),
            ("http://h/v1/", chat, None, "http://h/v1/chat/completions"),
            ("http://h/api/v1", chat, None, "http://h/api/v1/chat/completions"),
            ("http://h/myv1", chat, None, "http://h/myv1/v1/chat/completions"),
            ("http://h/v1/chat/completions", chat, None, "http://h/v1/chat/completions"),
            ("http://h/v1/chat/completions/", chat, None, "http://h/v1/chat/completions"),
            ("https://h?key=1", chat, None, "https://h/v1/chat/completions?key=1"),
            ("https://h/v1?key=1", Some("v1/x?y=2"), None, "https://h/v1/x?key=1&y=2"),
            ("http://h", chat, Some("/generate"), "http://h/generate"),
            ("http://h/v1", chat, Some("my/chat"), "http://h/v1/my/chat"),
            ("http://h", chat, Some("http://other/x"), "http://other/x"),
            ("http://h/x", None, None, "http://h/x"),
            ("http://h/x/?a=1", None, None, "http://h/x/?a=1"),
            ("http://h/", None, None, "http://h/"),
            ("HTTP://[::1]:8000", chat, None, "HTTP://[::1]:8000/v1/chat/completions"),
            ("http://rerank", Some("/rerank"), None, "http://rerank/rerank"),
            ("sim://", chat, None, "sim:///v1/chat/completions"),
            ("sim://?ttft=50ms", chat, None, "sim:///v1/chat/completions?ttft=50ms"),
            ("sim://", None, None, "sim://"),
        ] {
            assert_eq!(endpoint_url(base, path, custom).as_deref(), Ok(expected), "{base} + {path:?} / {custom:?}");
        }
    }

    #[test]
    fn an_address_is_not_extended_twice() {
        let once = endpoint_url("h:1/v1/?a=b", Some("/v1/rerank"), None).unwrap();
        assert_eq!(endpoint_url(&once, Some("/v1/rerank"), None).unwrap(), once);
    }

    #[test]
    fn what_can_be_no_address_is_told_with_what_is_wrong() {
        let chat = Some("/v1/chat/completions");
        for (base, path, custom, part) in [
            ("", chat, None, "is empty"),
            ("  ", chat, Some("/x"), "is empty"),
            ("http://", chat, None, "`http:///v1/chat/completions` names no host"),
            ("http://:8000", chat, None, "names no host"),
            ("https://user@/x", chat, None, "names no host"),
            ("http:/h:8000", chat, None, "names no host"),
            ("http://my host", chat, None, "`http://my host` has a space"),
            ("http://h", chat, Some("/a\tb"), r"`/a\tb` has a space"),
            ("http://h", None, None, "`http://h` has no path"),
            ("http://h?a=/b", None, None, "has no path"),
            ("http://h:99999", chat, None, "invalid port number"),
            ("http://[::1", chat, None, "invalid IPv6 address"),
            ("://h", chat, None, "no scheme"),
        ] {
            let error = endpoint_url(base, path, custom).unwrap_err().to_string();
            assert!(error.contains(part), "{base} + {path:?} / {custom:?}: {error}");
            assert!(error.contains("--url"), "{error}");
        }
    }
}
