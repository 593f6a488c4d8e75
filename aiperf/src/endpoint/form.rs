//! Multipart form bodies (RFC 7578). Owns the framing; knows no dialect's fields.

use aiperf_abi::{Payload, Value};
use memchr::memmem;

/// A form being filled in.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// Headers and content of each part.
    parts: Vec<(String, Vec<u8>)>,
}

impl Form {
    /// Adds a field: text as it is, anything else as JSON.
    pub(super) fn field(&mut self, name: &str, value: &Value) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.parts.push((disposition(name), text.into_bytes()));
    }

    /// Adds a file.
    pub(super) fn file(&mut self, name: &str, file_name: &str, media_type: &str, bytes: Vec<u8>) {
        let head = format!("{}; filename=\"{}\"\r\nContent-Type: {media_type}", disposition(name), quoted(file_name));
        self.parts.push((head, bytes));
    }

    /// The finished body, parts in the order they came. The same parts make the same bytes.
    pub(super) fn finish(self) -> Payload {
        let boundary = self.boundary();
        let mut body = Vec::with_capacity(self.parts.iter().map(|(head, bytes)| head.len() + bytes.len() + 64).sum());
        for (head, bytes) in &self.parts {
            body.extend_from_slice(format!("--{boundary}\r\n{head}\r\n\r\n").as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Payload::bytes(body, format!("multipart/form-data; boundary={boundary}"))
    }

    /// A line that occurs in no part.
    fn boundary(&self) -> String {
        let occurs = |line: &str| self.parts.iter().any(|(_, bytes)| memmem::find(bytes, line.as_bytes()).is_some());
        (0u32..)
            .map(|number| format!("aiperf-form-{number}"))
            .find(|line| !occurs(line))
            .expect("the parts are finite, the numbers are not used up before")
    }
}

fn disposition(name: &str) -> String {
    format!("Content-Disposition: form-data; name=\"{}\"", quoted(name))
}

/// As the HTML standard escapes names in forms.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use aiperf_abi::json;
    use aiperf_abi::testing::mock_request;

    use super::*;

    fn sent(form: Form) -> (String, String) {
        let (payload, request) = (form.finish(), mock_request());
        let kind = payload.content_type().to_owned();
        (kind, String::from_utf8(payload.into_bytes(request.info()).expect("bytes")).expect("text"))
    }

    #[test]
    fn a_form_is_framed_as_the_rfc_says() {
        let mut form = Form::default();
        form.file("file", "a\"b.wav", "audio/wav", b"RIFF".to_vec());
        form.field("model", &json!("m"));
        form.field("temperature", &json!(0.5));
        let (kind, body) = sent(form);
        assert_eq!(kind, "multipart/form-data; boundary=aiperf-form-0");
        assert_eq!(
            body,
            "--aiperf-form-0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22b.wav\"\r\n\
             Content-Type: audio/wav\r\n\r\nRIFF\r\n\
             --aiperf-form-0\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n\
             --aiperf-form-0\r\nContent-Disposition: form-data; name=\"temperature\"\r\n\r\n0.5\r\n\
             --aiperf-form-0--\r\n"
        );
    }

    #[test]
    fn the_boundary_occurs_in_no_part() {
        let mut form = Form::default();
        form.field("prompt", &json!("--aiperf-form-0 and aiperf-form-1"));
        assert_eq!(sent(form).0, "multipart/form-data; boundary=aiperf-form-2");
    }
}
