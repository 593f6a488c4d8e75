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
    let gaps = || {
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
        intended.windows(2).map(|pair| pair[1].1 - pair[0].1).collect::<Vec<_>>()
    };
    // A machine that stands still for longer than may be caught up moves the schedule: that one gap is longer.
    let (first, second) = (gaps(), gaps());
    let same = first.iter().zip(&second).filter(|(a, b)| a.abs_diff(**b) <= 1).count();
    assert!(same >= 24, "{same} of 29 gaps are the same: {first:?} {second:?}");
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
        for record in ran.records() {
            let gaps = record["metrics"]["inter_chunk_latency"]["value"].as_array().map_or(0, Vec::len);
            assert_eq!(gaps, 6, "{endpoint}: a piece for each token: {record}");
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

#[test]
fn a_warm_up_is_sent_before_and_is_in_no_result() {
    let ran = Place::new()
        .profile(&[
            "--url",
            "sim://?ttft=1ms&itl=0",
            "--isl",
            "10",
            "--request-count",
            "8",
            "--warmup-request-count",
            "5",
            "--warmup-concurrency",
            "2",
        ])
        .expect_code(0);
    assert_eq!(ran.avg("request_count"), 8.0);
    let records = ran.records();
    let of = |phase: &str| records.iter().filter(|record| record["metadata"]["benchmark_phase"] == phase).count();
    assert_eq!((of("warmup"), of("profiling")), (5, 8));
    let time = |record: &serde_json::Value, key: &str| record["metadata"][key].as_u64().expect("a time");
    let last_warm = records.iter().filter(|r| r["metadata"]["benchmark_phase"] == "warmup");
    let last_warm = last_warm.map(|record| time(record, "request_end_ns")).max();
    let first = records.iter().filter(|r| r["metadata"]["benchmark_phase"] == "profiling");
    let first = first.map(|record| time(record, "request_start_ns")).min();
    assert!(last_warm <= first, "the warm-up has drained before the measurement begins");
}

#[test]
fn requests_given_up_on_purpose_are_told_apart_from_failures() {
    let ran = Place::new()
        .profile(&[
            "--url",
            "sim://?ttft=60s",
            "--streaming",
            "--isl",
            "10",
            "--request-count",
            "6",
            "--request-cancellation-rate",
            "100",
            "--request-cancellation-delay",
            "0.01",
        ])
        .expect_code(1);
    for record in ran.records() {
        assert_eq!(record["metadata"]["was_cancelled"], serde_json::json!(true), "{record:#}");
        assert_eq!(record["error"]["code"], serde_json::json!(499), "{record:#}");
    }
}

#[test]
fn a_request_is_given_up_only_after_it_was_sent_in_full() {
    use crate::support::{Answer, Server};
    let server = Server::always(Answer::hang());
    let url = server.url();
    let (count, all) = (["--request-count", "8"], ["--request-cancellation-rate", "100"]);
    let target = ["--url", &url, "-m", "m", "--tokenizer", "builtin", "--isl", "4000"];
    let ran = Place::new().profile(&[&target[..], &count, &all].concat()).expect_code(1);
    assert_eq!(ran.records().len(), 8);
    assert_eq!(server.seen().len(), 8, "not one was cut off, though nothing was waited for after it");
    assert!(server.seen().iter().all(|seen| seen.json()["model"] == "m"));
}

#[test]
fn a_run_that_fails_too_much_ends_early_with_what_it_has() {
    let ran = Place::new()
        .profile(&[
            "--url",
            "sim://?ttft=1ms&itl=0&fail=0.5",
            "--isl",
            "10",
            "--benchmark-duration",
            "600",
            "--failed-request-threshold",
            "0.2",
        ])
        .expect_code(1);
    assert!(ran.stdout.contains("--failed-request-threshold"), "{}", ran.stdout);
    assert!(ran.records().len() >= 10);
}

#[test]
fn several_servers_share_the_load() {
    use crate::support::{Answer, Server};
    let servers = [(); 3].map(|()| Server::always(Answer::chat(3)));
    let urls = servers.each_ref().map(Server::url);
    let mut args = vec!["-m", "m", "--isl", "10", "--request-count", "9"];
    for url in &urls {
        args.extend(["--url", url]);
    }
    let ran = Place::new().profile(&args).expect_code(0);
    assert_eq!(ran.avg("request_count"), 9.0);
    assert_eq!(servers.each_ref().map(|server| server.seen().len()), [3; 3]);
}

#[test]
fn users_a_gamma_rate_and_ramps_run() {
    for args in [
        &["--user-centric-rate", "200", "--num-users", "5"][..],
        &["--request-rate", "300", "--arrival-smoothness", "4"],
        &["--request-rate", "300", "--arrival-pattern", "concurrency-burst", "--concurrency", "4"],
        &["--request-rate", "300", "--request-rate-ramp-duration", "0.2", "--ramp", "exponential"],
        &["--concurrency", "8", "--concurrency-ramp-duration", "0.2", "--ramp", "poisson"],
    ] {
        let base = ["--url", "sim://?ttft=1ms&itl=0", "--isl", "10", "--osl", "2", "--request-count", "30"];
        let ran = Place::new().profile(&[&base[..], args].concat()).expect_code(0);
        assert_eq!(ran.avg("request_count"), 30.0, "{args:?}");
    }
}

#[test]
fn no_more_prompts_are_processed_at_a_time_than_prefill_concurrency_says() {
    let ran = Place::new()
        .profile(&[
            "--url",
            "sim://?ttft=5ms&itl=5ms&slots=100",
            "--streaming",
            "--isl",
            "10",
            "--osl",
            "10",
            "--request-count",
            "40",
            "--concurrency",
            "8",
            "--prefill-concurrency",
            "2",
            "--prefill-concurrency-ramp-duration",
            "0.05",
            "--warmup-request-count",
            "4",
            "--warmup-prefill-concurrency",
            "1",
        ])
        .expect_code(0);
    let records = ran.records();
    let most = |phase: &str, until: fn(&serde_json::Value) -> u64| {
        let of_phase = records.iter().filter(|record| record["metadata"]["benchmark_phase"] == phase);
        let start = |record: &serde_json::Value| record["metadata"]["request_start_ns"].as_u64().expect("a time");
        let mut moments: Vec<(u64, i64)> =
            of_phase.flat_map(|record| [(start(record), 1), (start(record) + until(record), -1)]).collect();
        moments.sort_unstable();
        let counts = moments.iter().scan(0, |now, (_, step)| {
            *now += step;
            Some(*now)
        });
        counts.max().expect("requests")
    };
    let first_token = |record: &serde_json::Value| {
        (record["metrics"]["time_to_first_token"]["value"].as_f64().expect("a first token") * 1e6) as u64
    };
    let end = |record: &serde_json::Value| {
        let time = |key: &str| record["metadata"][key].as_u64().expect("a time");
        time("request_end_ns") - time("request_start_ns")
    };
    assert_eq!((most("warmup", first_token), most("profiling", first_token)), (1, 2));
    assert!(most("profiling", end) > 2, "while tokens come, others are processed");
}

#[test]
fn a_prefill_concurrency_that_cannot_be_held_is_refused() {
    let base = ["--url", "sim://", "--prefill-concurrency", "4"];
    let ran = Place::new().profile(&[&base[..], &["--concurrency", "8"]].concat()).expect_code(2);
    assert!(ran.stderr.contains("needs --streaming"), "{}", ran.stderr);
    let ran = Place::new().profile(&[&base[..], &["--concurrency", "2", "--streaming"]].concat()).expect_code(2);
    assert!(ran.stderr.contains("--prefill-concurrency is 4, but the concurrency is 2"), "{}", ran.stderr);
}

#[test]
fn a_rate_follows_its_series_and_ends_with_it() {
    let place = Place::new();
    let series = place.path().join("rates.json");
    std::fs::write(&series, r#"[{"time_s": 0, "qps": 100}, {"time_s": 0.2, "qps": 400}]"#).expect("a file");
    let series = series.to_str().expect("text");
    let base = ["--url", "sim://?ttft=1ms&slots=100", "--isl", "10", "--osl", "1", "--arrival-pattern", "constant"];
    let ran = place.profile(&[&base[..], &["--request-rate-series", series]].concat()).expect_code(0);
    let mut issued: Vec<u64> =
        ran.records().iter().map(|record| record["metadata"]["credit_issued_ns"].as_u64().expect("a time")).collect();
    issued.sort_unstable();
    // 17.5 requests are due in the first half and 32.5 in the second; a machine that stands still loses some.
    let first_half = issued.iter().filter(|at| **at - issued[0] < 100_000_000).count();
    assert!(issued.len() <= 50 && issued.len() - first_half > first_half, "{first_half} of {}", issued.len());
    let early = |record: &&serde_json::Value| {
        record["metadata"]["request_start_ns"].as_u64() < record["metadata"]["credit_issued_ns"].as_u64()
    };
    assert_eq!(ran.records().iter().find(early), None, "made ahead of its moment, and not sent before it");
    assert!(ran.artifacts.as_ref().is_some_and(|dir| dir.ends_with("sim-openai-chat-request_rate_series")));

    let ran = place.profile(&[&base[..], &["--request-rate-series", series, "--request-rate", "5"]].concat());
    assert!(ran.expect_code(2).stderr.contains("exclude each other"));
    std::fs::write(place.path().join("rates.json"), "[\n  {\"time_s\": 0, \"qsp\": 1}\n]").expect("a file");
    let ran = place.profile(&[&base[..], &["--request-rate-series", series]].concat()).expect_code(2);
    assert!(ran.stderr.contains("rates.json:2:21: unknown field `qsp`"), "{}", ran.stderr);
}

#[test]
fn the_measurement_goes_on_in_the_dataset_where_the_warm_up_stopped() {
    let warmup = ["--warmup-request-count", "3", "--warmup-request-rate", "2000"];
    let rate = ["--request-count", "4", "--request-rate", "2000", "--arrival-pattern", "constant"];
    let base = ["--url", "sim://?ttft=1ms&slots=100", "--isl", "10", "--osl", "1", "--num-dataset-entries", "50"];
    let ran = Place::new().profile(&[&base[..], &warmup, &rate].concat()).expect_code(0);
    let inputs: serde_json::Value = serde_json::from_str(&ran.file("inputs.json")).expect("JSON");
    let known: Vec<&str> =
        inputs["data"].as_array().expect("a list").iter().filter_map(|one| one["session_id"].as_str()).collect();
    let mut places: Vec<usize> = ran
        .records()
        .iter()
        .map(|record| {
            let id = record["metadata"]["conversation_id"].as_str().expect("an id");
            known.iter().position(|known| *known == id).expect("it is in the inputs")
        })
        .collect();
    places.sort_unstable();
    assert_eq!(places, [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn time_stamps_of_the_file_are_the_schedule_unless_the_user_says_otherwise() {
    let place = Place::new();
    let rows: String = [0, 40, 80]
        .iter()
        .map(|at| {
            format!("{{\"timestamp\": {at}, \"input_length\": 10, \"output_length\": 2, \"hash_ids\": [{at}]}}\n")
        })
        .collect();
    std::fs::write(place.path().join("trace.jsonl"), rows).expect("a file");
    let base = ["--url", "sim://?ttft=1ms&itl=0", "--input-file", "trace.jsonl"];
    let run = |more: &[&str]| place.profile(&[&base[..], more].concat());
    let issued = |ran: &crate::harness::Ran| {
        let mut issued: Vec<u64> = ran
            .records()
            .iter()
            .map(|record| record["metadata"]["credit_issued_ns"].as_u64().expect("a time"))
            .collect();
        issued.sort_unstable();
        issued.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>()
    };
    let ran = run(&[]).expect_code(0);
    assert!(ran.stdout.contains("--no-fixed-schedule leaves them out"), "{}", ran.stdout);
    assert!(issued(&ran).iter().all(|gap| gap.abs_diff(40_000_000) <= 1), "{:?}", issued(&ran));
    let ran = run(&["--request-rate", "10"]).expect_code(2);
    assert!(ran.stderr.contains("--request-rate: add --no-fixed-schedule"), "{}", ran.stderr);
    let ran = run(&["--request-rate", "1000", "--request-count", "4", "--no-fixed-schedule"]).expect_code(0);
    assert_eq!(ran.avg("request_count"), 4.0);
    let ran = run(&["--no-fixed-schedule"]).expect_code(0);
    assert!(ran.artifacts.as_ref().is_some_and(|dir| dir.ends_with("sim-openai-chat-concurrency1")));
}

#[test]
fn the_number_of_workers_changes_neither_what_is_sent_nor_when() {
    let base =
        ["--url", "sim://?ttft=1ms&itl=0", "--isl", "20", "--isl-stddev", "5", "--osl", "4", "--random-seed", "7"];
    for load in [
        &["--request-rate", "300", "--request-count", "60"][..],
        &["--concurrency", "4", "--num-sessions", "40", "--conversation-turn-mean", "2"],
    ] {
        let run = |workers| {
            // A machine that stands still moves the schedule: such a run proves nothing.
            let still = |ran: &crate::harness::Ran| ran.summary()["audit"]["schedule_slipped_seconds"] != 0.0;
            let ran = (0..9).map(|_| Place::new().profile(&[&base[..], load, &["--workers-max", workers]].concat()));
            ran.map(|ran| ran.expect_code(0)).find(|ran| !still(ran)).expect("a run that never stood still")
        };
        let (one, two) = (run("1"), run("2"));
        assert_eq!(one.inputs(), two.inputs(), "{load:?}");
        let schedule = |ran: &crate::harness::Ran| {
            let of = |record: &serde_json::Value| {
                let data = &record["metadata"];
                let which = ["x_correlation_id", "turn_index", "conversation_id"].map(|key| data[key].to_string());
                (which, data["credit_issued_ns"].as_u64().expect("a time"))
            };
            let mut sent: Vec<_> = ran.records().iter().map(of).collect();
            sent.sort_unstable();
            let start = sent.iter().map(|(_, at)| *at).min().expect("requests");
            sent.into_iter().map(|(which, at)| (which, at - start)).unzip::<_, _, Vec<_>, Vec<_>>()
        };
        let ((one_sent, one_at), (two_sent, two_at)) = (schedule(&one), schedule(&two));
        assert_eq!(one.avg("request_count"), two.avg("request_count"));
        assert_eq!(one_sent, two_sent, "{load:?}");
        let apart = one_at.iter().zip(&two_at).map(|(one, two)| one.abs_diff(*two)).max();
        assert!(load[0] == "--concurrency" || apart <= Some(1), "{load:?}: meant to be sent {apart:?} ns apart");
    }
}
