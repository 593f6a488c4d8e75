//! What a reader should know before trusting the numbers, told from the numbers themselves.

use aiperf_abi::{MetricResult, SteadyState};

/// The percentiles that people read off the screen.
const READ: [f64; 3] = [50.0, 90.0, 99.0];

/// Share by which the server's total may differ from ours before the two are told side by side.
const ANOTHER_COUNT: f64 = 0.01;
/// Share by which chunks may differ from tokens before that is told.
const ANOTHER_CHUNKING: f64 = 0.1;

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
    notices.extend(token_account(results));
    notices.extend(too_few(results, "there are"));
    notices
}

/// The three counts of the output tokens, where they are not the same: counted here on the joined text, by the server, and
/// pieces of the stream. Only of runs in which every reply has all that are compared.
fn token_account(results: &[MetricResult]) -> Option<String> {
    let spread = |tag: &str| results.iter().find(|result| result.tag == tag)?.distribution.as_ref();
    let length = spread("output_sequence_length")?;
    let same_replies = |tag: &str| spread(tag).filter(|other| other.count == length.count).map(|other| other.sum);
    let is_compared = results.iter().any(|result| result.tag == "usage_discrepancy_count");
    let server = same_replies("usage_completion_tokens").filter(|_| is_compared);
    let chunks = same_replies("output_chunk_count");
    let differs = |count: Option<f64>, by: f64| count.filter(|count| (count - length.sum).abs() > by * length.sum);
    let mut words = Vec::new();
    if let Some(server) = differs(server, ANOTHER_COUNT) {
        words.push(format!("the server says {server:.0} ({:+.1} %)", 100.0 * (server / length.sum - 1.0)));
    }
    if let Some(chunks) = differs(chunks, ANOTHER_CHUNKING) {
        words.push(format!(
            "they came in {chunks:.0} chunks ({:.2} tokens each: inter-token latency is per token, inter-chunk latency per \
             chunk)",
            length.sum / chunks
        ));
    }
    let by = if is_compared { "counted locally" } else { "by the server's count" };
    (!words.is_empty()).then(|| format!("Output tokens: {:.0} {by}; {}.", length.sum, words.join("; ")))
}

/// What to know about the steady part of these results: that its numbers contradict each other, and that it has too few
/// requests where the whole has enough.
pub fn about_steadiness(steady: &SteadyState, results: &[MetricResult]) -> Vec<String> {
    let certified = too_few(results, "").is_none();
    let too_few = certified.then(|| too_few(&steady.metrics, "the steady state has")).flatten();
    contradiction(steady).into_iter().chain(too_few).collect()
}

fn contradiction(steady: &SteadyState) -> Option<String> {
    let law = steady.littles_law.filter(|law| !law.holds)?;
    Some(format!(
        "Little's law does not hold in the part taken for steady: {:.2} requests in flight, but {:.2} a second for {:.3} s \
         each make {:.2}. The load was still changing; run longer before comparing throughput with latency.",
        law.concurrency,
        law.throughput,
        law.latency_sec,
        law.throughput * law.latency_sec
    ))
}

/// How many requests the percentiles on the screen would need, where there are too few of them.
fn too_few(results: &[MetricResult], there_are: &str) -> Option<String> {
    let printed = results.iter().filter(|result| result.group.as_deref() == Some("default"));
    let distributions: Vec<_> = printed.filter_map(|result| result.distribution.as_ref()).collect();
    let missing: Vec<String> = READ
        .into_iter()
        .filter_map(|percent| {
            let worst = distributions.iter().filter_map(|d| d.uncertified(percent)).min_by_key(|one| one.has)?;
            Some(format!("p{} needs {}, {there_are} {}", worst.percent, worst.needs, worst.has))
        })
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "* marks a percentile of too few independent requests to be claimed with 99 % certainty: {}. Send more \
             (--request-count), or read it as an estimate.",
            missing.join("; ")
        )
    })
}

#[cfg(test)]
mod tests {
    use aiperf_abi::{Distribution, Uncertified};

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
    fn a_percentile_of_too_few_requests_is_told_with_the_number_it_needs() {
        let distribution = Distribution {
            uncertified: vec![
                Uncertified { percent: 99.0, needs: 662, has: 100 },
                Uncertified { percent: 99.9, needs: 6636, has: 100 },
            ],
            ..Distribution::default()
        };
        let latency = MetricResult {
            group: Some("default".into()),
            distribution: Some(distribution),
            ..scalar("request_latency", 10.0)
        };
        let notices = notices(&[scalar("request_count", 100.0), latency]);
        assert!(notices[0].contains("p99 needs 662, there are 100") && !notices[0].contains("p99.9"), "{notices:?}");
    }

    #[test]
    fn three_counts_that_differ_are_told_side_by_side() {
        let count = |tag: &str, sum: f64| MetricResult {
            distribution: Some(Distribution { count: 10, sum, ..Distribution::default() }),
            ..scalar(tag, sum / 10.0)
        };
        let told = |server: f64, chunks: f64| {
            notices(&[
                scalar("request_count", 10.0),
                scalar("usage_discrepancy_count", 0.0),
                count("output_sequence_length", 1000.0),
                count("usage_completion_tokens", server),
                count("output_chunk_count", chunks),
            ])
        };
        assert!(told(1005.0, 1000.0).is_empty());
        let notices = told(1030.0, 500.0);
        assert!(notices[0].contains("1000 counted locally; the server says 1030 (+3.0 %)"), "{notices:?}");
        assert!(notices[0].contains("500 chunks (2.00 tokens each"), "{notices:?}");
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
