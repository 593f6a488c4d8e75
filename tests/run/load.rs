//! How much is sent, and when.

use crate::harness::Place;

#[test]
fn concurrency_is_never_exceeded_and_is_used() {
    let ran = Place::new()
        .profile(&[
            "--url",
            "sim://?ttft=2ms&itl=0",
            "--streaming",
            "--isl",
            "10",
            "--request-count",
            "60",
            "--concurrency",
            "6",
        ])
        .expect_code(0);
    // +1 at a start, -1 at an end; ends sort before starts of the same moment.
    let mut moments: Vec<(u64, i64)> = Vec::new();
    for record in ran.records() {
        let time = |key: &str| record["metadata"][key].as_u64().expect("a time");
        moments.push((time("request_start_ns"), 1));
        moments.push((time("request_end_ns"), -1));
    }
    moments.sort_unstable();
    let mut now = 0;
    let most = moments
        .iter()
        .map(|(_, step)| {
            now += step;
            now
        })
        .max();
    assert_eq!(most, Some(6));
}

#[test]
fn a_rate_does_not_wait_for_replies() {
    // Two slots of 200 ms would hold a closed loop to ten requests a second.
    let ran = Place::new()
        .profile(&[
            "--url",
            "sim://?ttft=200ms&slots=100",
            "--isl",
            "10",
            "--osl",
            "1",
            "--request-rate",
            "200",
            "--arrival-pattern",
            "constant",
            "--request-count",
            "40",
        ])
        .expect_code(0);
    let intended = |record: &serde_json::Value| record["metadata"]["credit_issued_ns"].as_u64().expect("a time");
    let mut times: Vec<u64> = ran.records().iter().map(intended).collect();
    times.sort_unstable();
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(times.len(), 40);
    assert!(gaps.iter().all(|gap| *gap >= 4_999_999), "the schedule is exact: {gaps:?}");
}

#[test]
fn a_seed_fixes_the_schedule_of_a_poisson_rate() {
    let offsets = || {
        let ran = Place::new()
            .profile(&[
                "--url",
                "sim://?ttft=1ms",
                "--isl",
                "10",
                "--osl",
                "1",
                "--request-rate",
                "500",
                "--request-count",
                "30",
                "--random-seed",
                "11",
            ])
            .expect_code(0);
        let mut intended: Vec<(u64, u64)> = ran
            .records()
            .iter()
            .map(|record| {
                let metadata = &record["metadata"];
                let number = |key: &str| metadata[key].as_u64().expect("a number");
                (number("session_num"), number("credit_issued_ns"))
            })
            .collect();
        intended.sort_unstable();
        let first = intended[0].1;
        intended.into_iter().map(|(session, at)| (session, at - first)).collect::<Vec<_>>()
    };
    assert_eq!(offsets(), offsets());
}

#[test]
fn every_endpoint_type_runs_against_the_engine_inside() {
    let template =
        ["--extra-inputs", r#"{"payload_template": "{\"prompt\": \"{{ text }}\"}", "response_field": "text"}"#];
    for (endpoint, more) in [
        ("chat", &[][..]),
        ("completions", &[]),
        ("responses", &[]),
        ("messages", &[]),
        ("huggingface_generate", &[]),
        ("embeddings", &[]),
        ("chat_embeddings", &[]),
        ("nim_embeddings", &[]),
        ("nim_rankings", &[]),
        ("cohere_rankings", &[]),
        ("hf_tei_rankings", &[]),
        ("image_generation", &[]),
        ("template", &template),
        ("raw", &[]),
    ] {
        let ran = Place::new()
            .profile(
                &[
                    &[
                        "--url",
                        "sim://?ttft=1ms&itl=0",
                        "--endpoint-type",
                        endpoint,
                        "--isl",
                        "10",
                        "--request-count",
                        "4",
                        "--rankings-passages-mean",
                        "3",
                        "--rankings-passages-prompt-token-mean",
                        "10",
                        "--rankings-query-prompt-token-mean",
                        "5",
                    ],
                    more,
                ]
                .concat(),
            )
            .expect_code(0);
        assert_eq!(ran.avg("request_count"), 4.0, "{endpoint}");
        assert!(ran.avg("request_latency") > 0.0, "{endpoint}");
        let tokens = if endpoint.contains("rankings") { 35.0 } else { 10.0 };
        assert!(
            (ran.avg("input_sequence_length") - tokens).abs() <= 4.0,
            "{endpoint}: {}",
            ran.avg("input_sequence_length")
        );
    }
}

#[test]
fn every_dialect_of_text_streams_from_the_engine_inside() {
    for endpoint in ["chat", "completions", "responses", "messages", "huggingface_generate"] {
        let ran = Place::new()
            .profile(&[
                "--url",
                "sim://?ttft=1ms&itl=1ms",
                "--endpoint-type",
                endpoint,
                "--streaming",
                "--isl",
                "10",
                "--osl",
                "7",
                "--request-count",
                "4",
            ])
            .expect_code(0);
        assert_eq!(ran.avg("request_count"), 4.0, "{endpoint}");
        assert_eq!(ran.avg("output_sequence_length"), 7.0, "{endpoint}");
        assert!(ran.avg("inter_token_latency") >= 0.5, "{endpoint}: a piece for each token");
        for record in ran.records() {
            assert_eq!(record["metrics"]["usage_completion_tokens"]["value"], 7, "{endpoint}: {record}");
        }
    }
}

#[test]
fn ten_thousand_streams_lose_nothing() {
    let ran = Place::new()
        .profile(&[
            "--url",
            "sim://?ttft=1ms&itl=0&slots=64",
            "--streaming",
            "--isl",
            "16",
            "--osl",
            "4",
            "--request-count",
            "10000",
            "--num-dataset-entries",
            "100",
            "--concurrency",
            "64",
        ])
        .expect_code(0);
    assert_eq!(ran.records().len(), 10_000);
    assert_eq!(ran.avg("request_count"), 10_000.0);
    assert_eq!(ran.avg("total_output_tokens"), 40_000.0);
    let ids: std::collections::HashSet<_> =
        ran.records().iter().map(|record| record["metadata"]["x_request_id"].to_string()).collect();
    assert_eq!(ids.len(), 10_000, "no request was recorded twice");
}
