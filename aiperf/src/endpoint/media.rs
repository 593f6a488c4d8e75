//! Media as the dataset gives them: what a dialect needs to know of an audio clip or an image, and the bytes behind base64.

use aiperf_abi::{Error, Result};
use serde::Serialize;

/// An audio clip in base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Audio<'a> {
    pub(super) data: &'a str,
    /// `wav`, `mp3`, …
    pub(super) format: &'a str,
}

impl<'a> Audio<'a> {
    /// Audio is `format,base64` or a data URL.
    pub(super) fn of(content: &'a str) -> Result<Self> {
        let wrong = || {
            let start: String = content.chars().take(40).collect();
            Error::invalid_input(format!("audio must be `format,base64` (such as `wav,UklGR…`), not `{start}`"))
        };
        let (head, data) = content.split_once(',').ok_or_else(wrong)?;
        let format = match head.strip_prefix("data:audio/") {
            Some(kind) => kind.split(';').next().map_or(kind, |kind| kind.strip_prefix("x-").unwrap_or(kind)),
            None => head,
        };
        let format = if format == "mpeg" { "mp3" } else { format };
        if format.is_empty() || format.contains(['/', ':']) { Err(wrong()) } else { Ok(Self { data, format }) }
    }

    /// The media type of its format.
    pub(super) fn media_type(self) -> String {
        format!("audio/{}", if self.format == "mp3" { "mpeg" } else { self.format })
    }
}

/// Media type and base64 of a data URL; `None` for any other URL.
pub(super) fn data_url(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    Some((head.strip_suffix(";base64")?.split(';').next()?, data))
}

/// The bytes of base64 in the standard or the URL alphabet, padded or not; `None` where the text is not that.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0);
    for symbol in text.trim_end_matches('=').bytes() {
        let six = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_with_and_without_padding() {
        for (text, bytes) in
            [("", &b""[..]), ("aGk=", b"hi"), ("aGk", b"hi"), ("_-8=", b"\xff\xef"), ("/+8", b"\xff\xef")]
        {
            assert_eq!(base64(text).as_deref(), Some(bytes), "{text}");
        }
        assert_eq!(base64("a b"), None);
    }

    #[test]
    fn a_data_url_falls_into_type_and_data() {
        assert_eq!(data_url("data:image/png;base64,AA=="), Some(("image/png", "AA==")));
        assert_eq!(data_url("data:image/png;name=x;base64,AA=="), Some(("image/png", "AA==")));
        assert_eq!(data_url("data:text/plain,hello"), None);
        assert_eq!(data_url("http://h/i.png"), None);
    }
}
