//! The URL a request goes to, out of a base URL and the path of a dialect. Opens no connection.

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
/// that is a full URL replaces everything.
pub fn endpoint_url(base: &str, path: Option<&str>, custom: Option<&str>) -> String {
    if let Some(full) = custom.filter(|custom| custom.contains("://")) {
        return full.to_owned();
    }
    let base = with_scheme(base.trim());
    let base = base.split_once('#').map_or(base.as_str(), |(url, _fragment)| url);
    let (base, base_query) = split_query(base);
    let (path, path_query) = split_query(custom.or(path).unwrap_or_default().trim());
    let host_at = base.find("://").map_or(0, |at| at + "://".len());
    let base = &base[..host_at + base[host_at..].trim_end_matches('/').len()];
    let path = path.trim_start_matches('/');

    let mut url = base.to_owned();
    if !path.is_empty() && !ends_with_path(base, path.trim_end_matches('/')) {
        let path = match path.strip_prefix("v1/") {
            Some(rest) if ends_with_path(base, "v1") => rest,
            _ => path,
        };
        url.push('/');
        url.push_str(path);
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
            ("http://rerank", Some("/rerank"), None, "http://rerank/rerank"),
            ("sim://", Some("/v1/chat/completions"), None, "sim:///v1/chat/completions"),
        ] {
            assert_eq!(endpoint_url(base, path, custom), expected, "{base} + {path:?} / {custom:?}");
        }
    }

    #[test]
    fn an_address_is_not_extended_twice() {
        let once = endpoint_url("h:1/v1/?a=b", Some("/v1/rerank"), None);
        assert_eq!(endpoint_url(&once, Some("/v1/rerank"), None), once);
    }
}
