//! When two names are the same, and which of some names was probably meant. Knows nothing of what is named.

/// The form in which names are compared: without regard to case, and with `-` for `_`.
pub fn fold(name: &str) -> String {
    name.trim().to_lowercase().replace('_', "-")
}

/// Whether two names mean the same thing.
pub fn same(a: &str, b: &str) -> bool {
    fold(a) == fold(b)
}

/// The candidate that was probably meant by `name`, if one is near enough to be worth saying.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = fold(name);
    candidates
        .into_iter()
        .map(|candidate| {
            let folded = fold(candidate);
            let mut score = strsim::jaro_winkler(&wanted, &folded);
            if !wanted.is_empty() && (folded.contains(&wanted) || wanted.contains(&folded)) {
                score = score.max(0.9);
            }
            (score, candidate)
        })
        .filter(|(score, _)| *score >= 0.75)
        // The first of equals, so that the answer does not depend on the iterator's luck.
        .fold(None, |best: Option<(f64, &str)>, one| match best {
            Some(best) if best.0 >= one.0 => Some(best),
            _ => Some(one),
        })
        .map(|(_, candidate)| candidate)
}

/// ` (did you mean …?)`, or nothing where no candidate is near.
pub fn suggestion<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    nearest(name, candidates).map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_dashes_do_not_make_another_name() {
        assert!(same("Hf-Tei_Rankings", "hf_tei_rankings"));
        assert!(!same("chat", "chats"));
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_neighbour_and_noise_finds_nothing() {
        let names = ["chat", "completions", "embeddings", "nim_rankings", "cohere_rankings"];
        assert_eq!(nearest("cht", names), Some("chat"));
        assert_eq!(nearest("embedings", names), Some("embeddings"));
        assert_eq!(nearest("cohere", names), Some("cohere_rankings"));
        assert_eq!(nearest("zzzz", names), None);
        assert_eq!(nearest("", names), None);
    }
}
