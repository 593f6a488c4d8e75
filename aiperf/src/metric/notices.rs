//! What a reader should know before trusting the numbers, told from the numbers themselves.

use aiperf_abi::MetricResult;

/// One sentence for each thing about these results that is likely not what was meant.
pub fn notices(results: &[MetricResult]) -> Vec<String> {
    let value = |tag: &str| results.iter().find(|result| result.tag == tag).map_or(0.0, |result| result.avg);
    let all = value("request_count");
    let share = |count: f64| format!("{count:.0} of {all:.0} requests ({:.0} %)", 100.0 * count / all);
    let mut notices = Vec::new();
    if value("osl_mismatch_count") > 0.0 {
        notices.push(format!(
            "The output is not as long as asked for in {}: servers stop at the end-of-text token unless told otherwise. \
             Where yours can, add --extra-inputs ignore_eos:true.",
            share(value("osl_mismatch_count"))
        ));
    }
    if value("usage_discrepancy_count") > 0.0 {
        notices.push(format!(
            "The server counts tokens more than 10 % otherwise than aiperf in {}: its chat template, special tokens or \
             another tokenizer. Give the model's own with --tokenizer, or take the server's counts with \
             --use-server-token-count.",
            share(value("usage_discrepancy_count"))
        ));
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(tag: &str, avg: f64) -> MetricResult {
        MetricResult { tag: tag.to_owned(), avg, ..MetricResult::default() }
    }

    #[test]
    fn numbers_as_meant_need_no_words() {
        let results = [scalar("request_count", 10.0), scalar("osl_mismatch_count", 0.0)];
        assert!(notices(&results).is_empty() && notices(&[]).is_empty());
    }

    #[test]
    fn a_miss_is_told_with_its_share_and_what_to_do() {
        let results =
            [scalar("request_count", 10.0), scalar("osl_mismatch_count", 4.0), scalar("usage_discrepancy_count", 1.0)];
        let notices = notices(&results);
        assert!(notices[0].contains("4 of 10 requests (40 %)") && notices[0].contains("ignore_eos"), "{notices:?}");
        assert!(notices[1].contains("1 of 10 requests (10 %)") && notices[1].contains("--tokenizer"), "{notices:?}");
    }
}
