//! One request's numbers: `Facts` in, raw values out. The time points are those of the field: *start* is immediately
//! before the request is handed to the transport, and the reply *ends* with its last piece of content, not with the
//! close of the stream. A formula that lacks one of its facts gives `None`, never 0.

use aiperf_abi::ErrorDetails;

use crate::facts::Facts;

const NS_PER_SECOND: f64 = 1e9;

/// Error messages that say the input was longer than the model can take, in lower case.
const CONTEXT_OVERFLOW: [&str; 7] = [
    "context length",
    "context_length",
    "context window",
    "maximum context",
    "max_model_len",
    "prompt is too long",
    "input is too long",
];

fn span(from: u64, to: u64) -> Option<f64> {
    to.checked_sub(from).map(|ns| ns as f64)
}

fn last_content(facts: &Facts) -> Option<u64> {
    facts.content_ns.last().copied()
}

fn quotient(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

/// Whole numbers up to 2^53 are exact; no count of tokens or nanoseconds of a run comes near.
pub(super) fn number(count: Option<u64>) -> Option<f64> {
    count.map(|count| count as f64)
}

pub(super) fn time_to_first_token(facts: &Facts) -> Option<f64> {
    span(facts.start_ns, *facts.content_ns.first()?)
}

pub(super) fn time_to_second_token(facts: &Facts) -> Option<f64> {
    span(*facts.content_ns.first()?, *facts.content_ns.get(1)?)
}

pub(super) fn time_to_first_output_token(facts: &Facts) -> Option<f64> {
    span(facts.start_ns, facts.first_output_ns?)
}

pub(super) fn request_latency(facts: &Facts) -> Option<f64> {
    span(facts.start_ns, last_content(facts)?)
}

pub(super) fn decode_duration(facts: &Facts) -> Option<f64> {
    span(*facts.content_ns.first()?, last_content(facts)?)
}

pub(super) fn inter_token_latency(facts: &Facts) -> Option<f64> {
    let tokens = facts.output_sequence_length()?;
    quotient(decode_duration(facts)?, tokens.saturating_sub(1) as f64)
}

pub(super) fn inter_chunk_latency(facts: &Facts) -> Vec<f64> {
    facts.content_ns.windows(2).filter_map(|pair| span(pair[0], pair[1])).collect()
}

pub(super) fn output_token_throughput_per_user(facts: &Facts) -> Option<f64> {
    quotient(NS_PER_SECOND, inter_token_latency(facts)?)
}

pub(super) fn e2e_output_token_throughput(facts: &Facts) -> Option<f64> {
    quotient(output_sequence_length(facts)? * NS_PER_SECOND, request_latency(facts)?)
}

pub(super) fn prefill_throughput_per_user(facts: &Facts) -> Option<f64> {
    quotient(input_sequence_length(facts)? * NS_PER_SECOND, time_to_first_token(facts)?)
}

pub(super) fn stream_setup_latency(facts: &Facts) -> Option<f64> {
    span(facts.start_ns, facts.head_ns?)
}

pub(super) fn stream_prefill_latency(facts: &Facts) -> Option<f64> {
    span(facts.head_ns?, *facts.content_ns.first()?)
}

/// What opening a connection took of a request; nothing where one was open. Absent where the transport does not tell.
struct Opening {
    lookup: f64,
    connecting: f64,
}

impl Opening {
    fn of(facts: &Facts) -> Option<Self> {
        let connection = &facts.connection;
        if connection.reused_ns.is_some() {
            return Some(Self { lookup: 0.0, connecting: 0.0 });
        }
        let all = span(connection.connect_began_ns?, connection.connected_ns?)?;
        let lookup = match (connection.lookup_began_ns, connection.lookup_ended_ns) {
            (Some(began), Some(ended)) => span(began, ended)?,
            // An address that is a number is not looked up.
            _ => 0.0,
        };
        Some(Self { lookup, connecting: all - lookup })
    }
}

pub(super) fn http_req_connection_reused(facts: &Facts) -> Option<f64> {
    Opening::of(facts)?;
    Some(if facts.connection.reused_ns.is_some() { 1.0 } else { 0.0 })
}

pub(super) fn http_req_dns_lookup(facts: &Facts) -> Option<f64> {
    Some(Opening::of(facts)?.lookup)
}

pub(super) fn http_req_connecting(facts: &Facts) -> Option<f64> {
    Some(Opening::of(facts)?.connecting)
}

pub(super) fn http_req_connection_overhead(facts: &Facts) -> Option<f64> {
    Opening::of(facts)?;
    span(facts.start_ns, facts.connection.send_began_ns?)
}

pub(super) fn http_req_blocked(facts: &Facts) -> Option<f64> {
    let Opening { lookup, connecting } = Opening::of(facts)?;
    Some((http_req_connection_overhead(facts)? - lookup - connecting).max(0.0))
}

pub(super) fn http_req_sending(facts: &Facts) -> Option<f64> {
    span(facts.connection.send_began_ns?, facts.sent_ns?)
}

pub(super) fn http_req_total(facts: &Facts) -> Option<f64> {
    Some(
        http_req_connection_overhead(facts)?
            + http_req_sending(facts)?
            + http_req_waiting(facts)?
            + http_req_receiving(facts)?,
    )
}

pub(super) fn http_req_waiting(facts: &Facts) -> Option<f64> {
    span(facts.sent_ns?, facts.head_ns?)
}

pub(super) fn http_req_receiving(facts: &Facts) -> Option<f64> {
    span(facts.network.first_ns?, facts.network.last_ns?)
}

pub(super) fn http_req_duration(facts: &Facts) -> Option<f64> {
    span(facts.connection.send_began_ns.unwrap_or(facts.start_ns), facts.end_ns)
}

pub(super) fn num_images(facts: &Facts) -> Option<f64> {
    number((facts.images > 0).then_some(facts.images))
}

pub(super) fn image_throughput(facts: &Facts) -> Option<f64> {
    quotient(num_images(facts)? * NS_PER_SECOND, request_latency(facts)?)
}

pub(super) fn image_latency(facts: &Facts) -> Option<f64> {
    quotient(request_latency(facts)?, num_images(facts)?)
}

pub(super) fn output_chunk_count(facts: &Facts) -> Option<f64> {
    number((!facts.content_ns.is_empty()).then_some(facts.content_ns.len() as u64))
}

pub(super) fn tokens_per_chunk(facts: &Facts) -> Option<f64> {
    quotient(output_sequence_length(facts)?, output_chunk_count(facts)?)
}

pub(super) fn output_sequence_length(facts: &Facts) -> Option<f64> {
    number(facts.output_sequence_length())
}

pub(super) fn output_token_count(facts: &Facts) -> Option<f64> {
    number(facts.output_tokens.filter(|tokens| *tokens > 0))
}

pub(super) fn reasoning_token_count(facts: &Facts) -> Option<f64> {
    number(facts.reasoning_tokens.filter(|tokens| *tokens > 0))
}

pub(super) fn thinking_efficiency(facts: &Facts) -> Option<f64> {
    quotient(reasoning_token_count(facts)?, output_token_count(facts)?)
}

pub(super) fn input_sequence_length(facts: &Facts) -> Option<f64> {
    number(facts.input_tokens)
}

pub(super) fn requested_osl(facts: &Facts) -> Option<f64> {
    number(facts.requested_output_tokens)
}

pub(super) fn osl_mismatch_diff_pct(facts: &Facts) -> Option<f64> {
    let requested = requested_osl(facts)?;
    quotient(100.0 * (output_sequence_length(facts)? - requested), requested)
}

/// Off by more than 5 % of what was asked, or by more than 50 tokens, whichever is less.
pub(super) fn is_osl_mismatch(facts: &Facts) -> Option<f64> {
    let requested = requested_osl(facts)?;
    let off = (output_sequence_length(facts)? - requested).abs();
    (off > (0.05 * requested).min(50.0)).then_some(1.0)
}

pub(super) fn usage_prompt_diff_pct(facts: &Facts) -> Option<f64> {
    difference_pct(facts.usage.prompt_tokens, facts.input_tokens)
}

pub(super) fn usage_completion_diff_pct(facts: &Facts) -> Option<f64> {
    difference_pct(facts.usage.completion_tokens, facts.output_sequence_length())
}

pub(super) fn usage_reasoning_diff_pct(facts: &Facts) -> Option<f64> {
    difference_pct(facts.usage.reasoning_tokens, facts.reasoning_tokens)
}

fn difference_pct(server: Option<u64>, client: Option<u64>) -> Option<f64> {
    let (server, client) = (number(server)?, number(client)?);
    quotient(100.0 * (server - client).abs(), client)
}

/// The server's count of input or output is more than 10 % away from ours.
pub(super) fn is_usage_discrepancy(facts: &Facts) -> Option<f64> {
    [usage_prompt_diff_pct(facts), usage_completion_diff_pct(facts)]
        .into_iter()
        .flatten()
        .any(|pct| pct > 10.0)
        .then_some(1.0)
}

pub(super) fn credit_to_start_latency(facts: &Facts) -> Option<f64> {
    Some(facts.start_ns.saturating_sub(facts.intended_ns) as f64)
}

pub(super) fn effective_latency(facts: &Facts) -> Option<f64> {
    span(facts.intended_ns, last_content(facts)?)
}

pub(super) fn start(facts: &Facts) -> Option<f64> {
    Some(facts.start_ns as f64)
}

pub(super) fn response_end(facts: &Facts) -> Option<f64> {
    number(last_content(facts))
}

pub(super) fn is_context_overflow(facts: &Facts) -> Option<f64> {
    facts.error.as_ref().is_some_and(says_context_overflow).then_some(1.0)
}

fn says_context_overflow(error: &ErrorDetails) -> bool {
    let message = error.message.to_lowercase();
    CONTEXT_OVERFLOW.iter().any(|words| message.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Network;
    use crate::facts::tests::streamed;
    use crate::reply::Connection;

    #[test]
    fn latency_ends_at_the_last_content_not_at_the_close_of_the_stream() {
        let facts = Facts { end_ns: 9_999, ..streamed(100, &[150, 160, 170], 3) };
        assert_eq!(request_latency(&facts), Some(70.0));
        assert_eq!(decode_duration(&facts), Some(20.0));
    }

    #[test]
    fn inter_token_latency_divides_by_tokens_after_the_first_not_by_chunks() {
        let facts = streamed(0, &[100, 150, 200], 11);
        assert_eq!(inter_token_latency(&facts), Some(10.0));
        assert_eq!(output_token_throughput_per_user(&facts), Some(1e8));
        assert_eq!(inter_chunk_latency(&facts), [50.0, 50.0]);
    }

    #[test]
    fn a_reply_of_one_token_has_no_inter_token_latency() {
        let facts = streamed(0, &[100], 1);
        assert_eq!(inter_token_latency(&facts), None);
        assert_eq!(time_to_second_token(&facts), None);
        assert_eq!(output_token_throughput_per_user(&facts), None);
    }

    #[test]
    fn what_the_transport_saw_is_told_apart_from_content() {
        let network = Network { chunks: 3, bytes: 2048, first_ns: Some(140), last_ns: Some(190) };
        let facts = Facts { network, sent_ns: Some(105), head_ns: Some(130), end_ns: 200, ..streamed(100, &[150], 9) };
        assert_eq!((http_req_waiting(&facts), http_req_receiving(&facts)), (Some(25.0), Some(50.0)));
        assert_eq!((http_req_duration(&facts), tokens_per_chunk(&facts)), (Some(100.0), Some(9.0)));
    }

    #[test]
    fn the_parts_of_an_exchange_add_up_and_are_absent_where_they_are_not_told() {
        let connection = Connection {
            connect_began_ns: Some(110),
            lookup_began_ns: Some(115),
            lookup_ended_ns: Some(145),
            connected_ns: Some(180),
            reused_ns: None,
            send_began_ns: Some(190),
        };
        let network = Network { chunks: 2, bytes: 10, first_ns: Some(300), last_ns: Some(350) };
        let new = Facts {
            connection,
            network,
            sent_ns: Some(195),
            head_ns: Some(295),
            end_ns: 351,
            ..streamed(100, &[300], 1)
        };
        let parts = |facts: &Facts| {
            [
                http_req_blocked,
                http_req_dns_lookup,
                http_req_connecting,
                http_req_sending,
                http_req_waiting,
                http_req_receiving,
            ]
            .map(|part| part(facts))
        };
        assert_eq!(parts(&new), [20.0, 30.0, 40.0, 5.0, 100.0, 50.0].map(Some));
        assert_eq!(http_req_connection_overhead(&new), Some(90.0));
        assert_eq!((http_req_total(&new), http_req_duration(&new)), (Some(245.0), Some(161.0)));
        assert_eq!(http_req_connection_reused(&new), Some(0.0));

        let connection = Connection { reused_ns: Some(104), send_began_ns: Some(104), ..Connection::default() };
        let open = Facts { connection, ..new.clone() };
        assert_eq!(parts(&open)[..3], [4.0, 0.0, 0.0].map(Some));
        assert_eq!(http_req_connection_reused(&open), Some(1.0));

        let silent = Facts { connection: Connection::default(), ..new };
        assert_eq!(parts(&silent)[..4], [None; 4]);
        assert_eq!((http_req_total(&silent), http_req_connection_reused(&silent)), (None, None));
        assert_eq!(http_req_duration(&silent), Some(251.0));
    }

    #[test]
    fn a_request_without_images_has_no_image_latency() {
        let facts = Facts { images: 4, ..streamed(0, &[8_000], 1) };
        assert_eq!((image_latency(&facts), num_images(&facts)), (Some(2_000.0), Some(4.0)));
        assert_eq!(image_latency(&streamed(0, &[8_000], 1)), None);
    }

    #[test]
    fn reasoning_counts_as_output_length_and_first_output_is_what_comes_after_it() {
        let facts = Facts {
            output_tokens: Some(4),
            reasoning_tokens: Some(6),
            first_output_ns: Some(180),
            ..streamed(100, &[150, 180], 0)
        };
        assert_eq!(output_sequence_length(&facts), Some(10.0));
        assert_eq!(time_to_first_token(&facts), Some(50.0));
        assert_eq!(time_to_first_output_token(&facts), Some(80.0));
        assert_eq!(thinking_efficiency(&facts), Some(1.5));
    }

    #[test]
    fn a_request_sent_late_has_a_larger_effective_latency() {
        let facts = Facts { intended_ns: 40, ..streamed(100, &[150], 1) };
        assert_eq!(effective_latency(&facts), Some(110.0));
        assert_eq!(credit_to_start_latency(&facts), Some(60.0));
    }

    #[test]
    fn output_length_may_miss_by_five_percent_or_fifty_tokens_whichever_is_less() {
        let asked = |requested, got| {
            let facts = Facts { requested_output_tokens: Some(requested), ..streamed(0, &[1], got) };
            is_osl_mismatch(&facts).is_some()
        };
        assert!(!asked(100, 95) && asked(100, 94) && asked(100, 106));
        assert!(!asked(10_000, 9_950) && asked(10_000, 9_949));
    }

    #[test]
    fn the_server_may_count_ten_percent_otherwise_before_it_is_a_discrepancy() {
        let mut facts = Facts { input_tokens: Some(100), ..streamed(0, &[1], 10) };
        facts.usage.prompt_tokens = Some(110);
        assert_eq!(is_usage_discrepancy(&facts), None);
        facts.usage.completion_tokens = Some(8);
        assert_eq!(usage_completion_diff_pct(&facts), Some(20.0));
        assert_eq!(is_usage_discrepancy(&facts), Some(1.0));
    }

    #[test]
    fn an_input_too_long_for_the_model_is_recognised_by_the_servers_words() {
        let failed = |message: &str| Facts {
            error: Some(ErrorDetails { code: Some(400), kind: "Bad Request".into(), message: message.into() }),
            ..streamed(0, &[], 0)
        };
        let vllm = failed("This model's maximum context length is 4096 tokens. However, you requested 5000.");
        assert!(is_context_overflow(&vllm).is_some());
        assert!(is_context_overflow(&failed("model not found")).is_none());
    }
}
