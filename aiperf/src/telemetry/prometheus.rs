//! The text format of Prometheus, as much of it as a page of gauges and counters needs: a name, labels, a number.

use std::collections::BTreeMap;

/// One number of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is the number of.
    pub labels: BTreeMap<&'a str, String>,
    /// The number.
    pub value: f64,
}

/// The numbers of a page. Comments and lines that are not of the format are left out.
pub fn samples(page: &str) -> impl Iterator<Item = Sample<'_>> {
    page.lines().filter_map(sample)
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim();
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    // A time may follow the number.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    (!name.is_empty()).then_some(Sample { name, labels, value })
}

/// `a="1",b="2"}`, and what comes after it.
fn labels(text: &str) -> Option<(BTreeMap<&str, String>, &str)> {
    let (mut labels, mut text) = (BTreeMap::new(), text);
    loop {
        text = text.trim_start_matches([',', ' ']);
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = text.split_once("=\"")?;
        let (value, rest) = quoted(rest)?;
        labels.insert(name.trim(), value);
        text = rest;
    }
}

/// A text up to its closing quote, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_labels_and_numbers_are_read_and_the_rest_is_left_out() {
        let page = "# HELP DCGM_FI_DEV_GPU_TEMP C\n# TYPE DCGM_FI_DEV_GPU_TEMP gauge\n\
                    DCGM_FI_DEV_GPU_TEMP{gpu=\"0\",modelName=\"A \\\"big\\\", one\"} 41\n\
                    up 1 1712345678\nbroken{gpu=\"0\n{} 3\nnot a number\nno_value\nsmall:rate 1.5e-3\n";
        let samples: Vec<_> = samples(page).collect();
        assert_eq!(
            samples.iter().map(|one| (one.name, one.value)).collect::<Vec<_>>(),
            [("DCGM_FI_DEV_GPU_TEMP", 41.0), ("up", 1.0), ("small:rate", 0.0015)]
        );
        assert_eq!(samples[0].labels["modelName"], "A \"big\", one");
    }
}
