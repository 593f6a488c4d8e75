//! What benchmark files say by flags, and what they are refused for, with the place.

use super::*;

fn words(settings: &[Setting]) -> Vec<&str> {
    settings.iter().flat_map(|setting| setting.words.iter().map(String::as_str)).collect()
}

#[test]
fn every_key_becomes_the_flag_it_stands_for() {
    let file = parse(
        r#"
schemaVersion: "2.0"
randomSeed: 7
benchmark:
  model: m
  endpoint: {url: "http://localhost:1", type: chat, streaming: true, timeout: 2m, headers: {X-A: b}}
  dataset: {type: synthetic, entries: 100, prompts: {isl: 512, osl: 128}}
  slos: {time_to_first_token: 100}
  phases:
    - {name: warmup, type: concurrency, concurrency: 4, requests: 10, excludeFromResults: true}
    - {name: main, type: poisson, rate: 10, duration: 60s, prefillConcurrency: 3}
    - {name: users, type: user_centric, rate: 5, users: 3, requests: 20}
"#,
    )
    .unwrap();
    assert_eq!(
        words(&file.run),
        [
            "--random-seed=7",
            "--model-names=m",
            "--url=http://localhost:1",
            "--endpoint-type=chat",
            "--streaming",
            "--request-timeout-seconds=120",
            "--header=X-A: b",
            "--num-dataset-entries=100",
            "--prompt-input-tokens-mean=512",
            "--prompt-output-tokens-mean=128",
            "--goodput=time_to_first_token:100",
        ]
    );
    let phases: Vec<_> =
        file.phases.iter().map(|one| (one.name.as_str(), one.excluded, words(&one.settings))).collect();
    assert_eq!(
        phases,
        [
            ("warmup", true, vec!["--concurrency=4", "--request-count=10", "--no-fixed-schedule"]),
            (
                "main",
                false,
                vec![
                    "--benchmark-duration=60",
                    "--prefill-concurrency=3",
                    "--arrival-pattern=poisson",
                    "--request-rate=10"
                ]
            ),
            ("users", false, vec!["--num-users=3", "--request-count=20", "--user-centric-rate=5"]),
        ]
    );
}

#[test]
fn what_no_flag_can_mean_is_refused_at_its_place() {
    for (text, place, reason) in [
        ("benchmark:\n  modle: m\n", (2, 3), "unknown key `modle` (did you mean `model`?)"),
        ("benchmark:\n  endpoint:\n    streming: true\n", (3, 5), "(did you mean `streaming`?)"),
        ("benchmark:\n  dataset: {entries: no}\n", (2, 22), "whole number"),
        ("benchmark:\n  model: a\n  models: b\n", (3, 3), "a second time"),
        ("benchmark:\n  phases: [{name: a b}]\n", (2, 19), "is no name for a phase"),
        ("benchmark: {}\nsweep: {}\n", (2, 1), "unknown key `sweep`"),
        ("benchmark: {}\n---\nbenchmark: {}\n", (3, 1), "a second document begins here"),
        ("benchmark:\n  warmup: {requests: 3}\n", (1, 1), "nothing that is measured after it: add `profiling`"),
        ("benchmark:\n  phases: [{name: profiling}]\n  profiling: {}\n", (2, 3), "exclude each other"),
    ] {
        let (at, told) = parse(text).unwrap_err();
        assert!(told.contains(reason), "{told}");
        assert_eq!(at.map(|at| (at.line, at.column)), Some(place), "{told}");
    }
}
