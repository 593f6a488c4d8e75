//! Rust text without what is not code: comments, strings and characters become blanks, every line keeps its number.

/// The code of a file.
pub(crate) fn only_code(text: &str) -> String {
    let mut blanked = text.as_bytes().to_vec();
    let mut at = 0;
    while at < blanked.len() {
        let end = at + not_code(&text.as_bytes()[at..], at.checked_sub(1).map(|before| text.as_bytes()[before]));
        for byte in blanked[at..end].iter_mut().filter(|byte| **byte != b'\n') {
            *byte = b' ';
        }
        at = end.max(at + 1);
    }
    String::from_utf8(blanked).expect("whole characters were blanked")
}

/// How many bytes at the beginning are a comment, a string or a character; 0 where it is code.
fn not_code(rest: &[u8], before: Option<u8>) -> usize {
    let in_word = before.is_some_and(is_word);
    match rest {
        [b'/', b'/', ..] => find(rest, b"\n").unwrap_or(rest.len()),
        [b'/', b'*', ..] => block_comment(rest),
        [b'"', ..] => quoted(rest, b'"'),
        [b'b' | b'c', b'"', ..] if !in_word => 1 + quoted(&rest[1..], b'"'),
        [b'r', b'"' | b'#', ..] if !in_word => raw_string(rest, 1),
        [b'b' | b'c', b'r', b'"' | b'#', ..] if !in_word => raw_string(rest, 2),
        [b'\'', b'\\', ..] => quoted(rest, b'\''),
        // A lifetime has no second quote after its one letter; a character has, after one to four bytes.
        [b'\'', ..] => (2..=5).find(|end| rest.get(*end) == Some(&b'\'')).map_or(0, |end| {
            let inside = &rest[1..end];
            if std::str::from_utf8(inside).is_ok_and(|text| text.chars().count() == 1) { end + 1 } else { 0 }
        }),
        _ => 0,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r#name` is no string: it has no quote after its hashes.
fn raw_string(rest: &[u8], prefix: usize) -> usize {
    let hashes = rest[prefix..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(prefix + hashes) != Some(&b'"') {
        return 0;
    }
    let close = [b"\"".as_slice(), &b"#".repeat(hashes)].concat();
    let start = prefix + hashes + 1;
    find(&rest[start..], &close).map_or(rest.len(), |at| start + at + close.len())
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where a whole word stands in code: byte offsets.
pub(crate) fn words<'c>(code: &'c str, word: &'c str) -> impl Iterator<Item = usize> + 'c {
    let bytes = code.as_bytes();
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let end = at + word.len();
        (*at == 0 || !is_word(bytes[at - 1])) && bytes.get(end).is_none_or(|byte| !is_word(*byte))
    })
}

/// The line of an offset, from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// The identifier text begins with.
pub(crate) fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

#[test]
fn comments_strings_and_characters_are_no_code() {
    let text = "a // unsafe\nb /* /* unsafe */ unsafe */ c \"unsafe \\\" unsafe\" d r#\"unsafe \" unsafe\"# e 'u' 'ä' '\\'' f<'g> b\"h\" r#type";
    let code = only_code(text);
    assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "b", "c", "d", "e", "f<'g>", "r#type"]);
    assert_eq!(code.lines().count(), text.lines().count());
    assert_eq!(words("unsafe unsafe_code", "unsafe").collect::<Vec<_>>(), [0]);
}
