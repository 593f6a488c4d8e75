//! The metrics: one table, each metric once. Names, labels and formulas are those of AIPerf, so that results can be
//! compared by tag; where each number comes from is in `formula`, what the words of a row mean in `definition`.
//!
//! *W* is the phase window: from the start of the phase to the moment its last request finished.
//!
//! Of AIPerf's metrics these are not here, for want of what they are made from:
//!
//! | left out | because |
//! |---|---|
//! | `http_req_chunks_sent` | in how many writes a request leaves is the system's affair |
//! | `credit_drop_latency` | a credit goes to its worker without a queue between; `credit_to_start_latency` holds all of the wait |
//! | `replay_send_schedule_offset`, `replay_sched_lag_*`, `replay_sched_degraded` | `credit_to_start_latency` is the lag of every schedule, with its percentiles |
//! | `audio_duration`, `rtfx` | the length of audio in seconds is not known of a request |
//! | `video_inference_time`, `video_peak_memory` | no endpoint makes video |
//! | `usage_prompt_audio_seconds`, `total_usage_prompt_audio_seconds` | no server of these endpoints reports it |
//! | `spec_decode_*`, `total_spec_decode_steps`, `total_draft_tokens`, `total_accepted_draft_tokens` | only in a vLLM-specific part of a reply that no endpoint reads |
//! | `network_rtt`, `network_adjusted_*` | the round trip is not probed |
//! | `nvidia_*`, `amd_*` | need GPU telemetry |
//! | `effective_*_throughput_per_user`, `active_total_throughput` | quotients of two curves; `output_token_throughput_per_user` has each user's own |
//! | `adj_*` | a mean of infinities cannot be told; `request_error_rate` and `good_request_fraction` count failures |
//!
//! Beyond AIPerf's: `output_chunk_count` and `tokens_per_chunk`, the third way to count an output. What is weighted by
//! time (`effective_*`, `active_*`, `tokens_in_flight`) is in `sweep`.

use super::definition::{Flags, Fold, Group, Metric, Source, Unit};
use super::formula::{self, number};

const STREAMING: Flags = Flags::STREAMING_ONLY;
const TOKENS: Flags = Flags::PRODUCES_TOKENS_ONLY;
const STREAMED_TOKENS: Flags = STREAMING.and(TOKENS);
const INPUT: Flags = Flags::TOKENIZES_INPUT_ONLY;
const LARGER: Flags = Flags::LARGER_IS_BETTER;

/// The metric of a tag.
pub fn metric(tag: &str) -> Option<&'static Metric> {
    CATALOG.iter().find(|metric| metric.tag == tag)
}

const fn total(of: &'static [&'static str]) -> Source {
    Source::Derived(of, |sums, _| Some(sums[0]))
}

const fn per_second(of: &'static [&'static str]) -> Source {
    Source::Derived(of, |sums, window| quotient(sums.iter().sum(), window))
}

fn quotient(numerator: f64, denominator: f64) -> Option<f64> {
    (denominator > 0.0).then(|| numerator / denominator)
}

/// Every metric. Within a group, `order` decides the place; without one, the place in this table.
pub static CATALOG: &[Metric] = &[
    // Times of one request.
    Metric::new(
        "time_to_first_token",
        "Time to First Token",
        Unit::Milliseconds,
        Source::Record(formula::time_to_first_token),
    )
    .short("TTFT")
    .at(Group::Default, 100)
    .flags(STREAMED_TOKENS)
    .formula("first content - start; reasoning and tool calls are content"),
    Metric::new(
        "time_to_second_token",
        "Time to Second Token",
        Unit::Milliseconds,
        Source::Record(formula::time_to_second_token),
    )
    .short("TTST")
    .at(Group::Default, 200)
    .flags(STREAMED_TOKENS)
    .formula("second content - first content"),
    Metric::new(
        "time_to_first_output_token",
        "Time to First Output Token",
        Unit::Milliseconds,
        Source::Record(formula::time_to_first_output_token),
    )
    .short("TTFO")
    .at(Group::Default, 210)
    .flags(STREAMED_TOKENS.and(Flags::SUPPORTS_REASONING))
    .formula("first content that is not reasoning - start"),
    Metric::new("request_latency", "Request Latency", Unit::Milliseconds, Source::Record(formula::request_latency))
        .short("Req Latency")
        .at(Group::Default, 300)
        .formula("last content - start"),
    Metric::new("decode_duration", "Decode Duration", Unit::Milliseconds, Source::Record(formula::decode_duration))
        .short("Decode Duration")
        .at(Group::Default, 350)
        .flags(STREAMED_TOKENS)
        .formula("request_latency - time_to_first_token"),
    Metric::new(
        "inter_token_latency",
        "Inter Token Latency",
        Unit::Milliseconds,
        Source::Record(formula::inter_token_latency),
    )
    .short("ITL")
    .at(Group::Default, 400)
    .flags(STREAMED_TOKENS)
    .formula("(request_latency - time_to_first_token) / (output_sequence_length - 1); from 2 tokens on"),
    Metric::new(
        "inter_chunk_latency",
        "Inter Chunk Latency",
        Unit::Milliseconds,
        Source::List(formula::inter_chunk_latency),
    )
    .short("ICL")
    .unlisted()
    .flags(STREAMED_TOKENS)
    .formula("content i+1 - content i, over all pieces of all requests"),
    Metric::new(
        "stream_setup_latency",
        "Stream Setup Latency",
        Unit::Milliseconds,
        Source::Record(formula::stream_setup_latency),
    )
    .flags(STREAMING.and(Flags::EXPERIMENTAL))
    .formula("response headers - start"),
    Metric::new(
        "stream_prefill_latency",
        "Stream Prefill Latency",
        Unit::Milliseconds,
        Source::Record(formula::stream_prefill_latency),
    )
    .flags(STREAMED_TOKENS.and(Flags::EXPERIMENTAL))
    .formula("time_to_first_token - stream_setup_latency"),
    // Times measured from when the request was meant to be sent: waiting in the client counts.
    Metric::new(
        "effective_latency",
        "Effective Latency",
        Unit::Milliseconds,
        Source::Record(formula::effective_latency),
    )
    .short("Eff Latency")
    .at(Group::Effective, 100)
    .formula("last content - intended send time"),
    Metric::new(
        "credit_to_start_latency",
        "Credit to Start Latency",
        Unit::Milliseconds,
        Source::Record(formula::credit_to_start_latency),
    )
    .short("Credit to Start")
    .at(Group::Effective, 200)
    .formula("start - intended send time"),
    // Times and amounts of the transport.
    Metric::new("http_req_blocked", "HTTP Blocked", Unit::Milliseconds, Source::Record(formula::http_req_blocked))
        .short("Blocked")
        .at(Group::HttpTiming, 2000)
        .formula("start of sending - start, less lookup and connecting"),
    Metric::new(
        "http_req_dns_lookup",
        "HTTP DNS Lookup",
        Unit::Milliseconds,
        Source::Record(formula::http_req_dns_lookup),
    )
    .short("DNS")
    .at(Group::HttpTiming, 2010)
    .formula("time of the address lookup; 0 where none was needed"),
    Metric::new(
        "http_req_connecting",
        "HTTP Connecting",
        Unit::Milliseconds,
        Source::Record(formula::http_req_connecting),
    )
    .short("Connecting")
    .at(Group::HttpTiming, 2020)
    .formula("TCP and TLS; 0 where a connection was open"),
    Metric::new("http_req_sending", "HTTP Sending", Unit::Milliseconds, Source::Record(formula::http_req_sending))
        .short("Sending")
        .at(Group::HttpTiming, 2030)
        .formula("request written in full - start of sending"),
    Metric::new(
        "http_req_waiting",
        "HTTP Waiting (TTFB)",
        Unit::Milliseconds,
        Source::Record(formula::http_req_waiting),
    )
    .short("TTFB")
    .at(Group::HttpTiming, 2040)
    .formula("response headers - request written in full"),
    Metric::new(
        "http_req_receiving",
        "HTTP Receiving",
        Unit::Milliseconds,
        Source::Record(formula::http_req_receiving),
    )
    .short("Receiving")
    .at(Group::HttpTiming, 2050)
    .formula("last chunk of the network - first; 0 with one"),
    Metric::new(
        "http_req_connection_overhead",
        "HTTP Connection Overhead",
        Unit::Milliseconds,
        Source::Record(formula::http_req_connection_overhead),
    )
    .short("Conn Overhead")
    .at(Group::HttpTiming, 2060)
    .formula("blocked + lookup + connecting"),
    Metric::new("http_req_total", "HTTP Total", Unit::Milliseconds, Source::Record(formula::http_req_total))
        .short("Total")
        .at(Group::HttpTiming, 2070)
        .formula("connection overhead + sending + waiting + receiving"),
    Metric::new(
        "http_req_data_sent",
        "HTTP Data Sent",
        Unit::Kilobytes,
        Source::Record(|facts| number(facts.sent_ns.map(|_| facts.sent_bytes))),
    )
    .short("Sent")
    .at(Group::HttpTiming, 2080)
    .formula("bytes of the body / 1024"),
    Metric::new(
        "http_req_data_received",
        "HTTP Data Received",
        Unit::Kilobytes,
        Source::Record(|facts| number((facts.network.chunks > 0).then_some(facts.network.bytes))),
    )
    .short("Received")
    .at(Group::HttpTiming, 2090)
    .formula("bytes of the body / 1024"),
    Metric::new(
        "http_req_chunks_received",
        "HTTP Chunks Received",
        Unit::Count,
        Source::Record(|facts| number((facts.network.chunks > 0).then_some(facts.network.chunks))),
    )
    .short("Chunks Recv")
    .at(Group::HttpTiming, 2100)
    .formula("chunks of the network"),
    Metric::new(
        "http_req_connection_reused",
        "HTTP Connection Reused",
        Unit::Ratio,
        Source::Record(formula::http_req_connection_reused),
    )
    .short("Reused")
    .at(Group::HttpTiming, 2110)
    .formula("1 where a connection was open, else 0"),
    Metric::new("http_req_duration", "HTTP Duration", Unit::Milliseconds, Source::Record(formula::http_req_duration))
        .short("Duration")
        .at(Group::HttpTiming, 2120)
        .formula("end of the stream - start of sending; - start where the transport does not tell"),
    // Rates of one request.
    Metric::new(
        "output_token_throughput_per_user",
        "Output Token Throughput Per User",
        Unit::TokensPerSecondPerUser,
        Source::Record(formula::output_token_throughput_per_user),
    )
    .short("Output TPS/User")
    .at(Group::Default, 500)
    .flags(STREAMED_TOKENS.and(LARGER))
    .formula("1 / inter_token_latency"),
    Metric::new(
        "e2e_output_token_throughput",
        "E2E Output Token Throughput",
        Unit::TokensPerSecondPerUser,
        Source::Record(formula::e2e_output_token_throughput),
    )
    .short("E2E Output TPS/User")
    .at(Group::Default, 510)
    .flags(TOKENS.and(LARGER))
    .formula("output_sequence_length / request_latency"),
    Metric::new(
        "prefill_throughput_per_user",
        "Prefill Throughput Per User",
        Unit::TokensPerSecondPerUser,
        Source::Record(formula::prefill_throughput_per_user),
    )
    .short("Prefill TPS/User")
    .unlisted()
    .flags(STREAMED_TOKENS.and(INPUT).and(LARGER))
    .formula("input_sequence_length / time_to_first_token"),
    Metric::new("num_images", "Number of Images", Unit::Images, Source::Record(formula::num_images))
        .short("Num Images")
        .unlisted()
        .formula("images of the request; absent where there are none"),
    Metric::new(
        "image_throughput",
        "Image Throughput",
        Unit::ImagesPerSecond,
        Source::Record(formula::image_throughput),
    )
    .short("Image Throughput")
    .at(Group::Default, 860)
    .flags(LARGER)
    .formula("num_images / request_latency"),
    Metric::new("image_latency", "Image Latency", Unit::MillisecondsPerImage, Source::Record(formula::image_latency))
        .short("Image Latency")
        .at(Group::Default, 861)
        .formula("request_latency / num_images"),
    // Lengths.
    Metric::new(
        "output_sequence_length",
        "Output Sequence Length",
        Unit::Tokens,
        Source::Record(formula::output_sequence_length),
    )
    .short("OSL")
    .at(Group::Default, 600)
    .flags(TOKENS.and(LARGER))
    .formula("output tokens + reasoning tokens"),
    Metric::new("output_token_count", "Output Token Count", Unit::Tokens, Source::Record(formula::output_token_count))
        .short("Output Tokens")
        .unlisted()
        .flags(TOKENS.and(LARGER))
        .formula("output tokens without reasoning; absent where there are none"),
    Metric::new("output_chunk_count", "Output Chunk Count", Unit::Count, Source::Record(formula::output_chunk_count))
        .short("Output Chunks")
        .unlisted()
        .flags(STREAMED_TOKENS)
        .formula("pieces of the stream with content"),
    Metric::new("tokens_per_chunk", "Tokens per Chunk", Unit::Ratio, Source::Record(formula::tokens_per_chunk))
        .short("Tokens/Chunk")
        .unlisted()
        .flags(STREAMED_TOKENS)
        .formula("output_sequence_length / output_chunk_count"),
    Metric::new(
        "reasoning_token_count",
        "Reasoning Token Count",
        Unit::Tokens,
        Source::Record(formula::reasoning_token_count),
    )
    .short("Reasoning Tokens")
    .unlisted()
    .flags(TOKENS.and(Flags::SUPPORTS_REASONING).and(LARGER))
    .formula("reasoning tokens; absent where there are none"),
    Metric::new(
        "thinking_efficiency",
        "Thinking Efficiency",
        Unit::Ratio,
        Source::Record(formula::thinking_efficiency),
    )
    .flags(TOKENS.and(Flags::SUPPORTS_REASONING).and(Flags::EXPERIMENTAL))
    .formula("reasoning_token_count / output_token_count"),
    Metric::new(
        "input_sequence_length",
        "Input Sequence Length",
        Unit::Tokens,
        Source::Record(formula::input_sequence_length),
    )
    .short("ISL")
    .at(Group::Default, 700)
    .flags(INPUT.and(LARGER))
    .formula("tokens of the input"),
    Metric::new(
        "error_isl",
        "Error Input Sequence Length",
        Unit::Tokens,
        Source::Record(formula::input_sequence_length),
    )
    .short("Error ISL")
    .at(Group::None, 700)
    .flags(INPUT.and(Flags::ERROR_ONLY))
    .formula("tokens of the input of failed requests"),
    Metric::new("requested_osl", "Requested OSL", Unit::Tokens, Source::Record(formula::requested_osl))
        .short("Req OSL")
        .unlisted()
        .flags(TOKENS.and(Flags::INTERNAL))
        .formula("the token limit that was asked for"),
    Metric::new(
        "osl_mismatch_diff_pct",
        "OSL Mismatch Diff %",
        Unit::Percent,
        Source::Record(formula::osl_mismatch_diff_pct),
    )
    .short("OSL Diff")
    .unlisted()
    .flags(TOKENS)
    .formula("100 * (output_sequence_length - requested_osl) / requested_osl"),
    // What the server counted.
    Metric::new(
        "usage_prompt_tokens",
        "Usage Prompt Tokens",
        Unit::Tokens,
        Source::Record(|facts| number(facts.usage.prompt_tokens)),
    )
    .short("Usage Prompt")
    .at(Group::Usage, 1000)
    .formula("the server's usage, normalised"),
    Metric::new(
        "usage_prompt_cache_read_tokens",
        "Usage Prompt Cache Read Tokens",
        Unit::Tokens,
        Source::Record(|facts| number(facts.usage.prompt_cache_read_tokens)),
    )
    .short("Usage Prompt Cache Read")
    .at(Group::Usage, 1010)
    .formula("the server's usage, normalised"),
    Metric::new(
        "usage_prompt_cache_write_tokens",
        "Usage Prompt Cache Write Tokens",
        Unit::Tokens,
        Source::Record(|facts| number(facts.usage.prompt_cache_write_tokens)),
    )
    .short("Usage Prompt Cache Write")
    .at(Group::Usage, 1015)
    .formula("the server's usage, normalised"),
    Metric::new(
        "usage_prompt_cache_miss_tokens",
        "Usage Prompt Cache Miss Tokens",
        Unit::Tokens,
        Source::Record(|facts| number(facts.usage.prompt_cache_miss_tokens)),
    )
    .short("Usage Prompt Cache Miss")
    .at(Group::Usage, 1017)
    .formula("the server's usage, normalised"),
    Metric::new(
        "usage_prompt_audio_tokens",
        "Usage Prompt Audio Tokens",
        Unit::Tokens,
        Source::Record(|facts| number(facts.usage.prompt_audio_tokens)),
    )
    .short("Usage Prompt Audio")
    .at(Group::Usage, 1020)
    .formula("the server's usage, normalised"),
    Metric::new(
        "usage_tool_use_prompt_tokens",
        "Usage Tool Use Prompt Tokens",
        Unit::Tokens,
        Source::Record(|facts| number(facts.usage.tool_use_prompt_tokens)),
    )
    .short("Usage Tool Prompt")
    .at(Group::Usage, 1030)
    .formula("the server's usage, normalised"),
    Metric::new(
        "usage_completion_tokens",
        "Usage Completion Tokens",
        Unit::Tokens,
        Source::Record(|facts| number(facts.usage.completion_tokens)),
    )
    .short("Usage Completion")
    .at(Group::Usage, 1100)
    .formula("the server's usage, normalised"),
    Metric::new(
        "usage_reasoning_tokens",
        "Usage Reasoning Tokens",
        Unit::Tokens,
        Source::Record(|facts| number(facts.usage.reasoning_tokens)),
    )
    .short("Usage Reasoning")
    .at(Group::Usage, 1110)
    .formula("the server's usage, normalised"),
    Metric::new(
        "usage_completion_audio_tokens",
        "Usage Completion Audio Tokens",
        Unit::Tokens,
        Source::Record(|facts| number(facts.usage.completion_audio_tokens)),
    )
    .short("Usage Completion Audio")
    .at(Group::Usage, 1120)
    .formula("the server's usage, normalised"),
    Metric::new(
        "usage_accepted_prediction_tokens",
        "Usage Accepted Prediction Tokens",
        Unit::Tokens,
        Source::Record(|facts| number(facts.usage.accepted_prediction_tokens)),
    )
    .short("Usage Accepted Pred")
    .at(Group::Usage, 1130)
    .formula("the server's usage, normalised"),
    Metric::new(
        "usage_rejected_prediction_tokens",
        "Usage Rejected Prediction Tokens",
        Unit::Tokens,
        Source::Record(|facts| number(facts.usage.rejected_prediction_tokens)),
    )
    .short("Usage Rejected Pred")
    .at(Group::Usage, 1140)
    .formula("the server's usage, normalised"),
    Metric::new(
        "usage_total_tokens",
        "Usage Total Tokens",
        Unit::Tokens,
        Source::Record(|facts| number(facts.usage.total_tokens)),
    )
    .short("Usage Total")
    .at(Group::Usage, 1200)
    .formula("the server's usage, normalised"),
    Metric::new(
        "usage_prompt_tokens_diff_pct",
        "Usage Prompt Diff %",
        Unit::Percent,
        Source::Record(formula::usage_prompt_diff_pct),
    )
    .short("Prompt Diff")
    .unlisted()
    .flags(INPUT.and(Flags::USAGE_DIFF_ONLY))
    .formula("100 * |usage_prompt_tokens - input_sequence_length| / input_sequence_length"),
    Metric::new(
        "usage_completion_tokens_diff_pct",
        "Usage Completion Diff %",
        Unit::Percent,
        Source::Record(formula::usage_completion_diff_pct),
    )
    .short("Completion Diff")
    .unlisted()
    .flags(TOKENS.and(Flags::USAGE_DIFF_ONLY))
    .formula("100 * |usage_completion_tokens - output_sequence_length| / output_sequence_length"),
    Metric::new(
        "usage_reasoning_tokens_diff_pct",
        "Usage Reasoning Diff %",
        Unit::Percent,
        Source::Record(formula::usage_reasoning_diff_pct),
    )
    .short("Reasoning Diff")
    .unlisted()
    .flags(TOKENS.and(Flags::SUPPORTS_REASONING).and(Flags::USAGE_DIFF_ONLY))
    .formula("100 * |usage_reasoning_tokens - reasoning_token_count| / reasoning_token_count"),
    // Counts over all requests.
    Metric::new("request_count", "Request Count", Unit::Requests, Source::Tally(Fold::Sum, |_| Some(1.0)))
        .short("Requests")
        .at(Group::Default, 1100)
        .flags(LARGER)
        .formula("valid records"),
    Metric::new("good_request_count", "Good Request Count", Unit::Requests, Source::Good)
        .unlisted()
        .flags(Flags::GOODPUT_ONLY.and(LARGER))
        .formula("valid records that meet every objective; one without a value does not"),
    Metric::new("error_request_count", "Error Request Count", Unit::Requests, Source::Tally(Fold::Sum, |_| Some(1.0)))
        .short("Error Count")
        .flags(Flags::ERROR_ONLY)
        .formula("records with an error"),
    Metric::new(
        "context_overflow_count",
        "Context Overflow Count",
        Unit::Requests,
        Source::Tally(Fold::Sum, formula::is_context_overflow),
    )
    .short("Ctx Overflow")
    .flags(Flags::ERROR_ONLY)
    .formula("records whose error says that the input is longer than the model takes"),
    Metric::new(
        "osl_mismatch_count",
        "OSL Mismatch Count",
        Unit::Requests,
        Source::Tally(Fold::Sum, formula::is_osl_mismatch),
    )
    .short("OSL Mismatches")
    .unlisted()
    .flags(TOKENS)
    .formula("|output_sequence_length - requested_osl| > min(5 % of requested_osl, 50 tokens)"),
    Metric::new(
        "usage_discrepancy_count",
        "Usage Discrepancy Count",
        Unit::Requests,
        Source::Tally(Fold::Sum, formula::is_usage_discrepancy),
    )
    .short("Discrepancies")
    .unlisted()
    .flags(Flags::USAGE_DIFF_ONLY)
    .formula("usage_prompt_tokens_diff_pct > 10 or usage_completion_tokens_diff_pct > 10"),
    Metric::new(
        "min_request_timestamp",
        "Minimum Request Timestamp",
        Unit::Nanoseconds,
        Source::Tally(Fold::Min, formula::start),
    )
    .short("Min Req")
    .unlisted()
    .flags(Flags::INTERNAL)
    .formula("smallest start of valid records, on the run's clock"),
    Metric::new(
        "max_response_timestamp",
        "Maximum Response Timestamp",
        Unit::Nanoseconds,
        Source::Tally(Fold::Max, formula::response_end),
    )
    .short("Max Resp")
    .unlisted()
    .flags(Flags::INTERNAL)
    .formula("largest start + request_latency of valid records, on the run's clock"),
    // Derived over the whole phase.
    Metric::new(
        "benchmark_duration",
        "Benchmark Duration",
        Unit::Seconds,
        Source::Derived(&["max_response_timestamp", "min_request_timestamp"], |ends, _| Some(ends[0] - ends[1])),
    )
    .short("Duration")
    .unlisted()
    .formula("max(start + request_latency) - min(start) over valid records"),
    Metric::new(
        "output_token_throughput",
        "Output Token Throughput",
        Unit::TokensPerSecond,
        per_second(&["output_sequence_length"]),
    )
    .short("Output TPS")
    .at(Group::Default, 800)
    .flags(TOKENS.and(LARGER))
    .formula("total_osl / W"),
    Metric::new(
        "input_token_throughput",
        "Input Token Throughput",
        Unit::TokensPerSecond,
        per_second(&["input_sequence_length"]),
    )
    .short("Input TPS")
    .at(Group::Default, 805)
    .flags(INPUT.and(LARGER))
    .formula("total_isl / W"),
    Metric::new(
        "total_token_throughput",
        "Total Token Throughput",
        Unit::TokensPerSecond,
        per_second(&["input_sequence_length", "output_sequence_length"]),
    )
    .short("Total TPS")
    .unlisted()
    .flags(TOKENS.and(INPUT).and(LARGER))
    .formula("(total_isl + total_osl) / W"),
    Metric::new("request_throughput", "Request Throughput", Unit::RequestsPerSecond, per_second(&["request_count"]))
        .short("Req/sec")
        .at(Group::Default, 900)
        .flags(LARGER)
        .formula("request_count / W"),
    Metric::new("goodput", "Goodput", Unit::RequestsPerSecond, per_second(&["good_request_count"]))
        .short("Goodput")
        .at(Group::Default, 1000)
        .flags(Flags::GOODPUT_ONLY.and(LARGER))
        .formula("good_request_count / W"),
    Metric::new(
        "good_request_fraction",
        "Good Request Fraction",
        Unit::Ratio,
        Source::Derived(&["good_request_count", "request_count", "error_request_count"], |counts, _| {
            quotient(counts[0], counts[1] + counts[2])
        }),
    )
    .short("Good Fraction")
    .unlisted()
    .flags(Flags::GOODPUT_ONLY.and(LARGER))
    .formula("good_request_count / completed_request_count"),
    Metric::new(
        "completed_request_count",
        "Completed Requests (Success + Error)",
        Unit::Requests,
        Source::Derived(&["request_count", "error_request_count"], |counts, _| Some(counts[0] + counts[1])),
    )
    .short("Completed")
    .at(Group::Default, 1075)
    .formula("request_count + error_request_count"),
    Metric::new(
        "request_error_rate",
        "Request Error Rate",
        Unit::Percent,
        Source::Derived(&["request_count", "error_request_count"], |counts, _| {
            quotient(100.0 * counts[1], counts[0] + counts[1])
        }),
    )
    .short("Err %")
    .at(Group::Default, 1080)
    .formula("100 * error_request_count / completed_request_count"),
    Metric::new("total_isl", "Total Input Sequence Length", Unit::Tokens, total(&["input_sequence_length"]))
        .short("Total ISL")
        .unlisted()
        .flags(INPUT.and(LARGER))
        .formula("sum of input_sequence_length"),
    Metric::new("total_osl", "Total Output Sequence Length", Unit::Tokens, total(&["output_sequence_length"]))
        .short("Total OSL")
        .unlisted()
        .flags(TOKENS.and(LARGER))
        .formula("sum of output_sequence_length"),
    Metric::new("total_output_tokens", "Total Output Tokens", Unit::Tokens, total(&["output_token_count"]))
        .short("Total Output")
        .unlisted()
        .flags(TOKENS.and(LARGER))
        .formula("sum of output_token_count"),
    Metric::new("total_reasoning_tokens", "Total Reasoning Tokens", Unit::Tokens, total(&["reasoning_token_count"]))
        .short("Total Reasoning")
        .unlisted()
        .flags(TOKENS.and(Flags::SUPPORTS_REASONING).and(LARGER))
        .formula("sum of reasoning_token_count"),
    Metric::new("total_error_isl", "Total Error Input Sequence Length", Unit::Tokens, total(&["error_isl"]))
        .short("Total Error ISL")
        .unlisted()
        .flags(INPUT.and(Flags::ERROR_ONLY))
        .formula("sum of error_isl"),
    Metric::new(
        "overall_thinking_efficiency",
        "Overall Thinking Efficiency",
        Unit::Ratio,
        Source::Derived(&["reasoning_token_count", "output_token_count"], |sums, _| quotient(sums[0], sums[1])),
    )
    .short("Overall Eff.")
    .flags(TOKENS.and(Flags::SUPPORTS_REASONING).and(Flags::EXPERIMENTAL))
    .formula("total_reasoning_tokens / total_output_tokens"),
    Metric::new(
        "total_usage_prompt_tokens",
        "Total Usage Prompt Tokens",
        Unit::Tokens,
        total(&["usage_prompt_tokens"]),
    )
    .short("Total Usage Prompt")
    .at(Group::Usage, 2000)
    .formula("sum of usage_prompt_tokens"),
    Metric::new(
        "total_usage_prompt_cache_read_tokens",
        "Total Usage Prompt Cache Read Tokens",
        Unit::Tokens,
        total(&["usage_prompt_cache_read_tokens"]),
    )
    .short("Total Usage Prompt Cache Read")
    .at(Group::Usage, 2010)
    .formula("sum of usage_prompt_cache_read_tokens"),
    Metric::new(
        "total_usage_prompt_cache_write_tokens",
        "Total Usage Prompt Cache Write Tokens",
        Unit::Tokens,
        total(&["usage_prompt_cache_write_tokens"]),
    )
    .short("Total Usage Prompt Cache Write")
    .at(Group::Usage, 2015)
    .formula("sum of usage_prompt_cache_write_tokens"),
    Metric::new(
        "total_usage_prompt_cache_miss_tokens",
        "Total Usage Prompt Cache Miss Tokens",
        Unit::Tokens,
        total(&["usage_prompt_cache_miss_tokens"]),
    )
    .short("Total Usage Prompt Cache Miss")
    .at(Group::Usage, 2017)
    .formula("sum of usage_prompt_cache_miss_tokens"),
    Metric::new(
        "total_usage_prompt_audio_tokens",
        "Total Usage Prompt Audio Tokens",
        Unit::Tokens,
        total(&["usage_prompt_audio_tokens"]),
    )
    .short("Total Usage Prompt Audio")
    .at(Group::Usage, 2020)
    .formula("sum of usage_prompt_audio_tokens"),
    Metric::new(
        "total_usage_tool_use_prompt_tokens",
        "Total Usage Tool Use Prompt Tokens",
        Unit::Tokens,
        total(&["usage_tool_use_prompt_tokens"]),
    )
    .short("Total Usage Tool Prompt")
    .at(Group::Usage, 2030)
    .formula("sum of usage_tool_use_prompt_tokens"),
    Metric::new(
        "total_usage_completion_tokens",
        "Total Usage Completion Tokens",
        Unit::Tokens,
        total(&["usage_completion_tokens"]),
    )
    .short("Total Usage Completion")
    .at(Group::Usage, 2100)
    .formula("sum of usage_completion_tokens"),
    Metric::new(
        "total_usage_reasoning_tokens",
        "Total Usage Reasoning Tokens",
        Unit::Tokens,
        total(&["usage_reasoning_tokens"]),
    )
    .short("Total Usage Reasoning")
    .at(Group::Usage, 2110)
    .formula("sum of usage_reasoning_tokens"),
    Metric::new(
        "total_usage_completion_audio_tokens",
        "Total Usage Completion Audio Tokens",
        Unit::Tokens,
        total(&["usage_completion_audio_tokens"]),
    )
    .short("Total Usage Comp Audio")
    .at(Group::Usage, 2120)
    .formula("sum of usage_completion_audio_tokens"),
    Metric::new(
        "total_usage_accepted_prediction_tokens",
        "Total Usage Accepted Prediction Tokens",
        Unit::Tokens,
        total(&["usage_accepted_prediction_tokens"]),
    )
    .short("Total Usage Accepted Pred")
    .at(Group::Usage, 2130)
    .formula("sum of usage_accepted_prediction_tokens"),
    Metric::new(
        "total_usage_rejected_prediction_tokens",
        "Total Usage Rejected Prediction Tokens",
        Unit::Tokens,
        total(&["usage_rejected_prediction_tokens"]),
    )
    .short("Total Usage Rejected Pred")
    .at(Group::Usage, 2140)
    .formula("sum of usage_rejected_prediction_tokens"),
    Metric::new("total_usage_total_tokens", "Total Usage Total Tokens", Unit::Tokens, total(&["usage_total_tokens"]))
        .short("Total Usage Total")
        .at(Group::Usage, 2200)
        .formula("sum of usage_total_tokens"),
    Metric::new(
        "overall_usage_prompt_cache_read_pct",
        "Overall Usage Prompt Cache Read %",
        Unit::Percent,
        Source::Derived(&["usage_prompt_cache_read_tokens", "usage_prompt_tokens"], |sums, _| {
            quotient(100.0 * sums[0], sums[1])
        }),
    )
    .short("Overall Cache Read %")
    .at(Group::Usage, 2012)
    .flags(LARGER)
    .formula("100 * total_usage_prompt_cache_read_tokens / total_usage_prompt_tokens"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_tag_is_used_once_and_is_lower_snake_case() {
        let mut seen = HashSet::new();
        for metric in CATALOG {
            assert!(seen.insert(metric.tag), "{} twice", metric.tag);
            assert!(metric.tag.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
        }
    }

    #[test]
    fn no_two_metrics_of_a_table_share_a_place_or_a_header() {
        let (mut places, mut headers) = (HashSet::new(), HashSet::new());
        for metric in CATALOG.iter().filter(|metric| metric.group != Group::None) {
            if let Some(order) = metric.order {
                assert!(places.insert((metric.group, order)), "{}", metric.tag);
            }
            assert!(headers.insert((metric.group, metric.header)), "{}", metric.tag);
        }
    }

    #[test]
    fn every_metric_says_how_it_is_computed_and_has_a_name() {
        for metric in CATALOG {
            assert!(!metric.formula.is_empty() && !metric.header.is_empty(), "{}", metric.tag);
        }
    }

    #[test]
    fn derived_metrics_follow_from_metrics_of_the_table_that_are_not_derived() {
        for row in CATALOG {
            if let Source::Derived(needs, _) = row.source {
                assert!(!needs.is_empty(), "{}", row.tag);
                for need in needs {
                    let source = metric(need).unwrap_or_else(|| panic!("{} needs {need}", row.tag)).source;
                    assert!(
                        matches!(source, Source::Record(_) | Source::Tally(..) | Source::Good),
                        "{} needs {need}",
                        row.tag
                    );
                }
            }
        }
    }

    /// Otherwise it would apply in a run where what it needs does not, and be silently absent.
    #[test]
    fn derived_metrics_apply_only_where_what_they_need_applies() {
        let conditions = [STREAMING, TOKENS, INPUT, Flags::USAGE_DIFF_ONLY, Flags::GOODPUT_ONLY];
        for row in CATALOG {
            if let Source::Derived(needs, _) = row.source {
                for need in needs.iter().filter_map(|need| metric(need)) {
                    for condition in conditions.iter().filter(|flag| need.flags.meets(**flag)) {
                        assert!(row.flags.meets(*condition), "{} without {:?} of {}", row.tag, condition, need.tag);
                    }
                }
            }
        }
    }

    #[test]
    fn formulas_of_derived_metrics_take_as_many_numbers_as_they_name() {
        for row in CATALOG {
            if let Source::Derived(needs, of) = row.source {
                let value = of(&vec![3.0; needs.len()], 2.0);
                assert!(value.is_some_and(f64::is_finite), "{}", row.tag);
            }
        }
    }
}
