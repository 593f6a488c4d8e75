//! Failures by what they say, in bounded memory: a server that puts a new number into every message must not fill it.

use std::collections::HashMap;

use aiperf_abi::{ErrorCount, ErrorDetails};

/// Different failures that are told apart.
const DISTINCT: usize = 100;
/// Kinds that failures beyond those are folded into.
const FOLDED_KINDS: usize = 50;
/// Characters of a message that are kept.
const MESSAGE_CHARS: usize = 1000;

/// Failures and how often each happened.
#[derive(Debug, Clone, Default)]
pub struct ErrorSummary {
    counts: HashMap<ErrorDetails, u64>,
    folded: HashMap<(Option<u16>, String), u64>,
    rest: u64,
}

impl ErrorSummary {
    /// Counts a failure.
    pub fn add(&mut self, error: &ErrorDetails) {
        let key = shortened(error);
        if let Some(count) = self.counts.get_mut(&key) {
            *count += 1;
        } else if self.counts.len() < DISTINCT {
            self.counts.insert(key, 1);
        } else {
            self.fold(key);
        }
    }

    fn fold(&mut self, error: ErrorDetails) {
        let key = (error.code, error.kind);
        if let Some(count) = self.folded.get_mut(&key) {
            *count += 1;
        } else if self.folded.len() < FOLDED_KINDS {
            self.folded.insert(key, 1);
        } else {
            self.rest += 1;
        }
    }

    /// The failures, most frequent first; those with messages too many to keep come as one per code and kind, and say
    /// so in their message.
    pub fn counts(&self) -> Vec<ErrorCount> {
        let folded = self.folded.iter().map(|((code, kind), count)| (details(*code, kind), *count));
        let rest = (self.rest > 0).then(|| (details(None, "(various)"), self.rest));
        let mut all: Vec<ErrorCount> = self
            .counts
            .iter()
            .map(|(error, count)| (error.clone(), *count))
            .chain(folded)
            .chain(rest)
            .map(|(error_details, count)| ErrorCount { error_details, count })
            .collect();
        all.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.error_details.cmp(&b.error_details)));
        all
    }
}

fn details(code: Option<u16>, kind: &str) -> ErrorDetails {
    let message = format!("(further messages; only the first {DISTINCT} different ones are listed)");
    ErrorDetails { code, kind: kind.to_owned(), message }
}

fn shortened(error: &ErrorDetails) -> ErrorDetails {
    match error.message.char_indices().nth(MESSAGE_CHARS) {
        None => error.clone(),
        Some((end, _)) => ErrorDetails { message: format!("{}…", &error.message[..end]), ..error.clone() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: u16, message: &str) -> ErrorDetails {
        ErrorDetails { code: Some(code), kind: "Server Error".into(), message: message.into() }
    }

    #[test]
    fn the_same_failure_is_counted_and_the_most_frequent_comes_first() {
        let mut summary = ErrorSummary::default();
        summary.add(&error(503, "busy"));
        summary.add(&error(500, "oops"));
        summary.add(&error(500, "oops"));
        let counts = summary.counts();
        assert_eq!(counts.iter().map(|entry| entry.count).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(counts[0].error_details, error(500, "oops"));
    }

    #[test]
    fn a_different_message_every_time_is_folded_and_none_is_lost() {
        let mut summary = ErrorSummary::default();
        for id in 0..10_000 {
            summary.add(&error(500, &format!("request {id} failed")));
        }
        let counts = summary.counts();
        assert_eq!(counts.len(), DISTINCT + 1);
        assert_eq!(counts.iter().map(|entry| entry.count).sum::<u64>(), 10_000);
        assert!(counts[0].error_details.message.contains("further messages"));
        assert_eq!(counts[0].error_details.code, Some(500));
    }

    #[test]
    fn a_different_kind_every_time_is_bounded_too() {
        let mut summary = ErrorSummary::default();
        for id in 0..1000 {
            summary.add(&ErrorDetails { code: None, kind: format!("Kind{id}"), message: String::new() });
        }
        let counts = summary.counts();
        assert_eq!(counts.len(), DISTINCT + FOLDED_KINDS + 1);
        assert_eq!(counts.iter().map(|entry| entry.count).sum::<u64>(), 1000);
    }

    #[test]
    fn a_whole_page_as_message_is_cut() {
        let mut summary = ErrorSummary::default();
        summary.add(&error(502, &"é".repeat(5000)));
        assert_eq!(summary.counts()[0].error_details.message.chars().count(), MESSAGE_CHARS + 1);
    }
}
