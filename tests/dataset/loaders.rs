//! Files that people write: what is sent is what stands in them, and a bad row ends the run before anything is sent.

use serde_json::{Value, json};

use crate::harness::{Place, Ran};

const SIM: [&str; 4] = ["--url", "sim://?ttft=1ms&itl=0", "--random-seed", "7"];

fn place(name: &str, text: &str) -> Place {
    let place = Place::new();
    std::fs::write(place.path().join(name), text).expect("a file");
    place
}

fn run(place: &Place, file: &str, more: &[&str]) -> Ran {
    let args: Vec<&str> = SIM.iter().chain(&["--input-file", file]).chain(more).copied().collect();
    place.profile(&args)
}

/// The bodies of all sessions, in order.
fn bodies(ran: &Ran) -> Vec<Value> {
    let inputs = ran.inputs();
    let sessions = inputs["data"].as_array().expect("sessions").iter();
    sessions.flat_map(|session| session["payloads"].as_array().expect("bodies").clone()).collect()
}

fn sessions(ran: &Ran) -> Vec<String> {
    let mut ids: Vec<String> = ran
        .records()
        .iter()
        .map(|record| record["metadata"]["conversation_id"].as_str().expect("an id").to_owned())
        .collect();
    ids.sort();
    ids
}

#[test]
fn single_turns_are_sent_in_order_with_their_own_limits_and_fields() {
    let rows = concat!(
        "{\"text\":\"What is DNS?\",\"output_length\":3}\n",
        "{\"text\":\"Why?\",\"model\":\"other\",\"extra\":{\"temperature\":0.5},\"output_length\":5}\n",
    );
    let place = place("rows.jsonl", rows);
    let ran = run(&place, "rows.jsonl", &["--request-count", "4"]).expect_code(0);
    let bodies = bodies(&ran);
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0]["messages"][0]["content"], "What is DNS?");
    assert_eq!(bodies[0]["max_completion_tokens"], 3);
    assert_eq!((&bodies[1]["model"], &bodies[1]["temperature"]), (&json!("other"), &json!(0.5)));
    assert_eq!(sessions(&ran), ["session_000000", "session_000000", "session_000001", "session_000001"]);
    assert_eq!(ran.avg("total_output_tokens"), 16.0);
    let dataset = &ran.summary()["input_config"]["dataset"];
    let source = &dataset["source"]["file"];
    assert!(source["path"].as_str().is_some_and(|path| path.ends_with("rows.jsonl")), "{dataset}");
    assert_eq!((&source["loader"], &dataset["sampler"]), (&json!("single_turn"), &json!("sequential")));
    assert_eq!(dataset["store"], "file");
}

#[test]
fn each_order_draws_what_it_says() {
    let rows: String = (0..20).map(|n| format!("{{\"text\":\"row {n}\",\"output_length\":1}}\n")).collect();
    let place = place("rows.jsonl", &rows);
    let order = |name: &str| {
        let ran =
            run(&place, "rows.jsonl", &["--request-count", "20", "--dataset-sampling-strategy", name]).expect_code(0);
        let mut records = ran.records();
        records.sort_by_key(|record| record["metadata"]["session_num"].as_u64());
        let id = |record: &Value| record["metadata"]["conversation_id"].as_str().expect("an id").to_owned();
        records.iter().map(id).collect::<Vec<_>>()
    };
    let sequential = order("sequential");
    assert!(sequential.is_sorted());
    let mut shuffled = order("Shuffle");
    assert_ne!(shuffled, sequential);
    shuffled.sort();
    assert_eq!(shuffled, sequential, "each comes once in a round");
    let mut random = order("random");
    random.sort();
    random.dedup();
    assert!(random.len() < 20, "with replacement");
}

#[test]
fn conversations_keep_their_session_and_their_system_message() {
    let row = r#"{"session_id":"talk","turns":[{"role":"system","text":"Be brief."},{"text":"Hi","output_length":2},{"text":"More","output_length":2}]}"#;
    let place = place("talks.jsonl", row);
    let ran = run(&place, "talks.jsonl", &["--request-count", "2"]).expect_code(0);
    let bodies = bodies(&ran);
    assert_eq!(
        bodies[0]["messages"],
        json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}])
    );
    assert_eq!(bodies.len(), 2);
    assert_eq!(sessions(&ran), ["talk", "talk"]);
    let mut turns: Vec<_> = ran.records().iter().map(|record| record["metadata"]["turn_index"].as_u64()).collect();
    turns.sort_unstable();
    assert_eq!(turns, [Some(0), Some(1)], "the second turn follows the reply to the first");
}

#[test]
fn bodies_and_a_run_s_own_inputs_are_sent_again_as_they_are() {
    let rows = concat!(
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"one two\"}],\"z\":1,\"max_tokens\":2}\n",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"three\"}],\"model\":\"m\",\"max_tokens\":2}\n",
    );
    let place = place("bodies.jsonl", rows);
    let ran = run(&place, "bodies.jsonl", &["--request-count", "2", "--extra-inputs", "top_p:1"]).expect_code(0);
    let expected: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect();
    assert_eq!(bodies(&ran), expected, "nothing is laid over a ready body");
    assert_eq!(ran.avg("total_isl"), 3.0, "the texts inside are counted");

    let inputs = ran.artifacts.clone().expect("a folder").join("inputs.json");
    let again = run(&place, inputs.to_str().expect("a path"), &["--request-count", "2"]).expect_code(0);
    assert_eq!(self::bodies(&again), expected);
    assert_eq!(again.inputs(), ran.inputs());
}

#[test]
fn pools_give_one_of_each_file() {
    let place = Place::new();
    let pools = place.path().join("pools");
    std::fs::create_dir(&pools).expect("a folder");
    std::fs::write(pools.join("query.jsonl"), "{\"text\":\"q1\"}\n{\"text\":\"q2\"}\n").expect("a file");
    std::fs::write(pools.join("passages.jsonl"), "{\"texts\":[\"p1\",\"p2\"]}\n").expect("a file");
    let more = ["--endpoint-type", "nim_rankings", "--num-dataset-entries", "8", "--request-count", "3"];
    let ran = run(&place, "pools", &more).expect_code(0);
    let bodies = bodies(&ran);
    assert_eq!(bodies.len(), 8);
    assert!(bodies.iter().all(|body| body["passages"] == json!([{"text": "p1"}, {"text": "p2"}])), "{bodies:?}");
    let queries: std::collections::HashSet<_> = bodies.iter().map(|body| body["query"].to_string()).collect();
    assert_eq!(queries.len(), 2);
}

#[test]
fn sharegpt_asks_for_as_much_as_was_answered() {
    let text = r#"[{"id":"a","conversations":[{"from":"human","value":"Hello there"},{"from":"gpt","value":"one two three four"}]}]"#;
    let place = place("share.json", text);
    let ran = run(&place, "share.json", &["--request-count", "1"]).expect_code(0);
    assert_eq!(bodies(&ran)[0]["max_completion_tokens"], 4);
    assert_eq!((ran.avg("input_sequence_length"), ran.avg("output_sequence_length")), (2.0, 4.0));
}

#[test]
fn a_bad_row_ends_with_2_before_anything_is_sent_and_says_where_it_is() {
    let place = place("rows.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\",\"output_lenght\":3}\n");
    let ran = run(&place, "rows.jsonl", &[]).expect_code(2);
    assert!(
        ran.stderr
            .contains("rows.jsonl:2: `output_lenght` is not a field of such a row (did you mean `output_length`?)"),
        "{}",
        ran.stderr
    );
    assert!(ran.artifacts.is_none());

    let ran = run(&place, "nothing.jsonl", &[]).expect_code(2);
    assert!(ran.stderr.contains("nothing.jsonl: No such file or directory"), "{}", ran.stderr);
    let ran = run(&place, "rows.jsonl", &["--custom-dataset-type", "mooncake"]).expect_code(2);
    assert!(ran.stderr.contains("did you mean `mooncake_trace`?"), "{}", ran.stderr);
    let ran = place.profile(&["--url", "sim://", "--synthesis-max-isl", "5"]).expect_code(2);
    assert!(ran.stderr.contains("--synthesis-max-isl needs --input-file"), "{}", ran.stderr);
}
