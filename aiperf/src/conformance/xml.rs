//! Whether a text is a well-formed SVG document: what any browser insists on, and no more. Reads no drawing.

use std::collections::BTreeSet;

const NAMESPACE: &str = "http://www.w3.org/2000/svg";

/// Whether a text is an SVG document.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn is_svg(text: &str) -> Result<(), String> {
    let mut reader = Reader { text, at: 0 };
    let (mut open, mut root) = (Vec::new(), None);
    if let Some((at, sign)) = text.char_indices().find(|(_, c)| *c < ' ' && !"\t\n\r".contains(*c)) {
        return Err(format!("it has the control character {:?} {}", sign, place(text, at)));
    }
    while !reader.rest().is_empty() {
        let began = reader.at;
        let fault = |problem: String| format!("{problem} {}", place(text, began));
        if reader.skipped("<!--", "-->")? || reader.skipped("<?", "?>")? || reader.skipped("<!", ">")? {
            continue;
        }
        if reader.takes("</") {
            let name = reader.name();
            reader.blanks();
            if open.pop() != Some(name) || !reader.takes(">") {
                return Err(fault(format!("`</{name}>` closes nothing that is open")));
            }
        } else if reader.takes("<") {
            let (name, attributes) = (reader.name(), reader.attributes().map_err(fault)?);
            match (&root, open.is_empty()) {
                (None, _) => root = Some((name, attributes)),
                (Some(_), true) => return Err(fault(format!("`<{name}>` stands behind the end"))),
                _ => {}
            }
            match (reader.takes("/>"), reader.takes(">")) {
                (true, _) => {}
                (_, true) => open.push(name),
                _ => return Err(fault(format!("the tag `<{name}` has no end"))),
            }
        } else {
            let words = reader.until(|c| c == '<');
            references(words).map_err(fault)?;
            if open.is_empty() && !words.trim().is_empty() {
                return Err(fault(format!("`{}` stands outside", words.trim())));
            }
        }
    }
    if let Some(name) = open.last() {
        return Err(format!("`<{name}>` is never closed"));
    }
    match root {
        Some(("svg", attributes)) if attributes.contains(&("xmlns", NAMESPACE)) => Ok(()),
        Some(("svg", _)) => Err(format!("`<svg>` needs xmlns=\"{NAMESPACE}\" to be shown as a file")),
        Some((name, _)) => Err(format!("it begins with `<{name}>` and not with `<svg>`")),
        None => Err("it is empty".to_owned()),
    }
}

fn place(text: &str, at: usize) -> String {
    format!("(line {})", text[..at].matches('\n').count() + 1)
}

/// An `&` begins the name of a character.
fn references(words: &str) -> Result<(), String> {
    for part in words.split('&').skip(1) {
        let name = part.split_once(';').map_or("", |(name, _)| name);
        let known = ["amp", "lt", "gt", "quot", "apos"].contains(&name);
        let number = name.strip_prefix('#').is_some_and(|number| match number.strip_prefix('x') {
            Some(number) => u32::from_str_radix(number, 16).is_ok(),
            None => number.parse::<u32>().is_ok(),
        });
        if !known && !number {
            return Err("a bare `&`; write `&amp;`".to_owned());
        }
    }
    Ok(())
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn takes(&mut self, sign: &str) -> bool {
        let there = self.rest().starts_with(sign);
        self.at += if there { sign.len() } else { 0 };
        there
    }

    fn until(&mut self, end: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(end).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn blanks(&mut self) {
        self.until(|c| !c.is_whitespace());
    }

    fn name(&mut self) -> &'a str {
        self.until(|c| !(c.is_alphanumeric() || ":_-.".contains(c)))
    }

    /// Passes over what stands between two signs.
    fn skipped(&mut self, begin: &str, end: &str) -> Result<bool, String> {
        if !self.rest().starts_with(begin) {
            return Ok(false);
        }
        match self.rest().find(end) {
            Some(length) => self.at += length + end.len(),
            None => return Err(format!("`{begin}` has no end {}", place(self.text, self.at))),
        }
        Ok(true)
    }

    fn attributes(&mut self) -> Result<Vec<(&'a str, &'a str)>, String> {
        let (mut all, mut names) = (Vec::new(), BTreeSet::new());
        loop {
            self.blanks();
            let name = self.name();
            if name.is_empty() {
                return Ok(all);
            }
            self.blanks();
            let equals = self.takes("=");
            self.blanks();
            let quote = if self.takes("\"") { '"' } else { '\'' };
            if !equals || (quote == '\'' && !self.takes("'")) {
                return Err(format!("the attribute `{name}` has no value in quotes"));
            }
            let value = self.until(|c| c == quote || c == '<');
            if !self.takes(&quote.to_string()) {
                return Err(format!("the value of `{name}` has no end"));
            }
            references(value)?;
            if !names.insert(name) {
                return Err(format!("the attribute `{name}` stands there twice"));
            }
            all.push((name, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_told_from_what_no_browser_shows() {
        let svg = |inside: &str| is_svg(&format!("<svg xmlns=\"{NAMESPACE}\" width='5'>{inside}</svg>\n"));
        let whole = "<?xml version=\"1.0\"?>\n<!-- > -->\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
        assert_eq!((is_svg(whole), svg("<g a=\"&lt;&#38;\"><p/>x &amp; y</g ><!-- < -->")), (Ok(()), Ok(())));
        for (inside, expected) in [
            ("<g>", "`</svg>` closes nothing that is open"),
            ("a & b", "a bare `&`; write `&amp;`"),
            ("<g x=5/>", "the attribute `x` has no value in quotes"),
            ("<g x=\"1\" x=\"2\"/>", "the attribute `x` stands there twice"),
            ("<g x=\"<\"/>", "the value of `x` has no end"),
            ("<g", "the tag `<g` has no end"),
            ("\u{1}", "it has the control character '\\u{1}'"),
        ] {
            assert!(svg(inside).is_err_and(|problem| problem.starts_with(expected)), "{inside}: {:?}", svg(inside));
        }
        assert_eq!(is_svg("").unwrap_err(), "it is empty");
        assert_eq!(is_svg("\n<p></p>").unwrap_err(), "it begins with `<p>` and not with `<svg>`");
        assert!(is_svg("<svg></svg>").unwrap_err().contains("needs xmlns"));
        assert!(is_svg("<svg xmlns=\"http://www.w3.org/2000/svg\"/><svg/>").unwrap_err().contains("behind the end"));
        assert!(
            is_svg("<svg>").unwrap_err().contains("never closed") && is_svg("<!-- ").unwrap_err().contains("no end")
        );
    }
}
