//! Made-up prompts with more to them than one length.

use serde_json::Value;

use crate::harness::{Place, Ran};

fn run(more: &[&str]) -> Ran {
    let args = ["--url", "sim://?ttft=0&itl=0", "--random-seed", "7", "--request-count", "12", "--concurrency", "4"];
    Place::new().profile(&args.iter().chain(more).copied().collect::<Vec<_>>())
}

fn sessions(ran: &Ran) -> Vec<Value> {
    ran.inputs()["data"].as_array().expect("sessions").clone()
}

#[test]
fn a_mixture_gives_pairs_of_lengths() {
    let ran = run(&["--sequence-distribution", "20,3:50;50,9:50"]).expect_code(0);
    let mut pairs: Vec<_> = ran
        .records()
        .iter()
        .map(|record| {
            let value = |tag: &str| record["metrics"][tag]["value"].as_f64().expect("a value");
            (value("input_sequence_length") as u32, value("output_sequence_length") as u32)
        })
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    assert_eq!(pairs, [(20, 3), (50, 9)]);
    let ran = run(&["--seq-dist", "20,3:50"]).expect_code(2);
    assert!(ran.stderr.contains("the shares add up to 50, but must to 100 percent"), "{}", ran.stderr);
}

#[test]
fn conversations_have_turns_and_what_stands_before_them() {
    let more = [
        "--isl",
        "10",
        "--conversation-turn-mean",
        "3",
        "--shared-system-prompt-length",
        "15",
        "--user-context-prompt-length",
        "7",
    ];
    let ran = run(&more).expect_code(0);
    let sessions = sessions(&ran);
    let mut systems = std::collections::HashSet::new();
    for session in &sessions {
        let payloads = session["payloads"].as_array().expect("bodies");
        assert_eq!(payloads.len(), 3);
        let messages = payloads[0]["messages"].as_array().expect("messages");
        let roles: Vec<&str> = messages.iter().map(|message| message["role"].as_str().expect("a role")).collect();
        assert_eq!(roles, ["system", "user", "user"]);
        systems.insert(messages[0]["content"].to_string());
    }
    assert_eq!(systems.len(), 1);
}

#[test]
fn prefixes_come_from_a_pool_and_lengths_stay_exact() {
    let more =
        ["--isl", "10", "--num-prefix-prompts", "2", "--prefix-prompt-length", "40", "--prompt-corpus", "random"];
    let ran = run(&more).expect_code(0);
    assert_eq!(ran.avg("input_sequence_length"), 50.0);
    let beginnings: std::collections::HashSet<String> = sessions(&ran)
        .iter()
        .map(|one| one["payloads"][0]["messages"][0]["content"].as_str().expect("a prompt")[..40].to_owned())
        .collect();
    assert_eq!(beginnings.len(), 2);
    let ran = run(&["--num-prefix-prompts", "2"]).expect_code(2);
    assert!(ran.stderr.contains("--prompt-prefix-length"), "{}", ran.stderr);
}

#[test]
fn a_system_message_can_be_given_in_words_or_in_a_file() {
    let ran = run(&["--isl", "10", "--system-prompt", "Be brief."]).expect_code(0);
    assert_eq!(sessions(&ran)[0]["payloads"][0]["messages"][0]["content"], "Be brief.");
    let ran = run(&["--system-prompt-file", "nothing.txt"]).expect_code(2);
    assert!(ran.stderr.contains("nothing.txt: No such file"), "{}", ran.stderr);
}
