//! Each sort of file: what becomes of its rows, how it is recognised, what is refused and in which words.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiperf_abi::data::conversation::Conversation;
use aiperf_abi::testing::construct;
use aiperf_abi::{ConversationSink, CustomDatasetLoader, LoaderConfig, Plugin, RowFault};
use proptest::prelude::*;
use serde_json::json;

use super::scan::{Shape, rows};
use super::*;
use crate::dataset::{Collected, Collector, Dataset, DatasetError, FileStore, Finishing, TraceOptions, When};
use crate::random::RootSeed;
use crate::tokenizer::{Embedded, Tokenizer};

fn made<T: Plugin + CustomDatasetLoader>(config: &LoaderConfig) -> Box<dyn CustomDatasetLoader> {
    Box::new(construct::<T>(serde_json::to_value(config).unwrap()).unwrap())
}

/// How a loader is made.
type Make = fn(&LoaderConfig) -> Box<dyn CustomDatasetLoader>;

/// All of them by the names they have in the manifest, in its order.
const ALL: [(&str, Make); 10] = [
    ("azure_trace", made::<AzureTraceLoader>),
    ("bailian_trace", made::<BailianTraceLoader>),
    ("burst_gpt_trace", made::<BurstGptTraceLoader>),
    ("inputs_json", made::<InputsJsonLoader>),
    ("mooncake_trace", made::<MooncakeTraceLoader>),
    ("multi_turn", made::<MultiTurnLoader>),
    ("random_pool", made::<RandomPoolLoader>),
    ("raw_payload", made::<RawPayloadLoader>),
    ("sharegpt", made::<ShareGptLoader>),
    ("single_turn", made::<SingleTurnLoader>),
];

/// Those whose loader claims a file.
fn claimants(path: &Path) -> Result<Vec<(&'static str, Make)>, DatasetError> {
    let sample = sample(path)?;
    let claims = |make: Make| make(&LoaderConfig::default()).can_load(&sample).unwrap();
    Ok(ALL.into_iter().filter(|(_, make)| claims(*make)).collect())
}

fn tokenizer() -> Arc<Tokenizer> {
    Arc::new(Tokenizer::embedded(Embedded::O200kBase))
}

struct Written {
    folder: tempfile::TempDir,
    path: PathBuf,
}

fn written(name: &str, text: &str) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    Written { folder, path }
}

fn finishing() -> Finishing {
    Finishing { delay_ratio: 1.0, ..Finishing::default() }
}

impl Written {
    fn open_as(&self, make: Make, finishing: Finishing) -> Result<Collected, DatasetError> {
        let config = LoaderConfig { entries: Some(20), seed: 1, ..LoaderConfig::default() };
        let store = construct::<FileStore>(json!({"folder": self.folder.path()})).unwrap();
        let mut collector = Collector::new(Box::new(store), When::Read, finishing, tokenizer(), RootSeed::new(1))?;
        let ended = make(&config).load(&self.path, &mut collector);
        collector.finish(ended, &self.path.display().to_string())
    }

    fn open_with(&self, change: impl FnOnce(&mut Finishing)) -> Result<Collected, DatasetError> {
        let mut finishing = finishing();
        change(&mut finishing);
        let claiming = claimants(&self.path)?;
        assert_eq!(claiming.len(), 1, "{:?}", claiming.iter().map(|(name, _)| name).collect::<Vec<_>>());
        self.open_as(claiming[0].1, finishing)
    }

    fn open(&self) -> Collected {
        self.open_with(|_| ()).unwrap()
    }
}

fn all(dataset: &Collected) -> Vec<Arc<Conversation>> {
    (0..dataset.len()).map(|index| dataset.conversation(index).unwrap()).collect()
}

fn texts(conversation: &Conversation) -> Vec<&str> {
    conversation
        .turns
        .iter()
        .flat_map(|turn| &turn.texts)
        .flat_map(|media| &media.contents)
        .map(String::as_str)
        .collect()
}

#[test]
fn rows_of_one_session_are_turns_that_stand_alone() {
    let file = written(
        "a.jsonl",
        concat!(
            "\u{feff}{\"text\":\"one\",\"output_length\":5}\n\n",
            "{\"text\":\"two\",\"session_id\":\"s\",\"timestamp\":10}\r\n",
            "  {\"texts\":[\"three\",{\"name\":\"query\",\"contents\":[\"four\"]}],\"role\":\"user\"}\n",
            "{\"text\":\"five\",\"session_id\":\"s\",\"timestamp\":20,\"extra\":{\"top_p\":1}}"
        ),
    );
    let dataset = file.open();
    let all = all(&dataset);
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].session_id, "session_000000");
    assert_eq!(all[0].turns[0].max_tokens, Some(5));
    assert_eq!(all[1].session_id, "s");
    assert_eq!(texts(&all[1]), ["two", "five"]);
    assert!(all[1].turns.iter().all(|turn| turn.reset_context));
    assert_eq!(dataset.start_ms(1), Some(10.0));
    assert_eq!(dataset.start_ms(0), None);
    assert_eq!(texts(&all[2]), ["three", "four"]);
}

#[test]
fn a_conversation_per_line_with_its_system_message_and_delays() {
    let row = r#"{"session_id":7,"turns":[{"role":"system","text":"Be brief."},{"text":"Hi"},{"text":"More","delay":500},"Bye"]}"#;
    let dataset = written("a.jsonl", row).open_with(|options| options.delay_ratio = 0.5).unwrap();
    let one = dataset.conversation(0).unwrap();
    assert_eq!((one.session_id.as_str(), one.system_message.as_deref()), ("7", Some("Be brief.")));
    assert_eq!(texts(&one), ["Hi", "More", "Bye"]);
    assert_eq!(one.turns[1].delay, Some(250.0));
    assert!(!one.turns[1].reset_context);
}

#[test]
fn bodies_are_sent_as_they_are_written_and_their_texts_are_known() {
    let body =
        r#"{"model":"m",  "messages":[{"role":"user","content":[{"type":"text","text":"Hello"}]}],"max_tokens":3}"#;
    let dataset = written("a.jsonl", &format!("{body}\n")).open();
    let one = dataset.conversation(0).unwrap();
    assert_eq!(one.turns[0].raw_payload.as_deref(), Some(body));
    assert_eq!((texts(&one), one.turns[0].max_tokens), (vec!["Hello"], Some(3)));

    let inputs = format!(
        "{{\n \"data\": [\n  {{\"session_id\":\"a\",\n \"payloads\":[{body},{body}]}},{{\"session_id\":\"b\",\"payloads\":[{body}]}} ]\n}}\n"
    );
    let all = all(&written("inputs.json", &inputs).open());
    assert_eq!(
        all.iter().map(|one| (one.session_id.as_str(), one.turns.len())).collect::<Vec<_>>(),
        [("a", 2), ("b", 1)]
    );
    assert_eq!(all[0].turns[1].raw_payload.as_deref(), Some(body));
}

#[test]
fn a_folder_of_bodies_is_a_conversation_per_file() {
    let file = written("b.jsonl", "{\"prompt\":\"1\",\"n\":1}\n{\"prompt\":\"2\",\"n\":1}\n");
    std::fs::write(file.folder.path().join("a.jsonl"), "{\"prompt\":\"3\",\"n\":1}\n").unwrap();
    let folder = Written { path: file.folder.path().to_owned(), folder: file.folder };
    let all = all(&folder.open());
    assert_eq!(
        all.iter().map(|one| (one.session_id.as_str(), one.turns.len())).collect::<Vec<_>>(),
        [("a", 1), ("b", 2)]
    );
}

#[test]
fn pools_give_one_of_each_and_the_seed_decides_which() {
    let file = written("query.jsonl", &(0..9).map(|n| format!("{{\"text\":\"q{n}\"}}\n")).collect::<String>());
    std::fs::write(
        file.folder.path().join("passages.jsonl"),
        "{\"texts\":[\"p1\",\"p2\"]}\n{\"texts\":[\"p3\",\"p4\"]}\n",
    )
    .unwrap();
    let folder = Written { path: file.folder.path().to_owned(), folder: file.folder };
    let dataset = folder.open();
    assert_eq!(claimants(&folder.path).unwrap()[0].0, "random_pool");
    let all = all(&dataset);
    assert_eq!(all.len(), 20);
    for one in &all {
        let names: Vec<_> =
            one.turns[0].texts.iter().map(|media| (media.name.as_str(), media.contents.len())).collect();
        assert_eq!(names, [("passages", 2), ("query", 1)]);
    }
    assert!(all.iter().map(|one| texts(one)[2]).collect::<std::collections::HashSet<_>>().len() > 3);
    assert_eq!(all, self::all(&folder.open()));
}

const MOONCAKE: &str = r#"{"timestamp": 1000, "input_length": 1100, "output_length": 50, "hash_ids": [1, 2, 3]}
{"timestamp": 1500, "input_length": 700, "output_length": 900, "hash_ids": [1, 4]}
{"timestamp": 2500, "input_length": 1024, "output_length": 7, "hash_ids": [1, 2]}
{"timestamp": 9000, "input_length": 33, "output_length": 1}
"#;

#[test]
fn a_trace_has_its_lengths_its_times_and_equal_text_for_equal_ids() {
    let file = written("a.jsonl", MOONCAKE);
    let dataset = file.open();
    let all = all(&dataset);
    let tokenizer = tokenizer();
    let counts: Vec<_> = all.iter().map(|one| tokenizer.count(texts(one)[0])).collect();
    assert_eq!(counts, [1100, 700, 1024, 33]);
    assert!(texts(&all[0])[0].starts_with(texts(&all[2])[0]), "blocks 1 and 2 are shared");
    let shared = texts(&all[0])[0].bytes().zip(texts(&all[1])[0].bytes()).take_while(|(a, b)| a == b).count();
    let shared = tokenizer.count(texts(&all[0])[0][..shared].trim_end());
    assert!((512..=513).contains(&shared), "block 1 is shared and, but for a letter by chance, no more: {shared}");
    assert_eq!(all.iter().map(|one| one.turns[0].max_tokens.unwrap()).collect::<Vec<_>>(), [50, 900, 7, 1]);
    let times: Vec<_> = (0..4).map(|index| dataset.start_ms(index).unwrap()).collect();
    assert_eq!(times, [1000.0, 1500.0, 2500.0, 9000.0]);
    assert!(all.iter().zip(times).all(|(one, time)| one.turns[0].timestamp == Some(time)));
}

#[test]
fn a_trace_can_be_cut_sped_up_and_limited() {
    let file = written("a.jsonl", MOONCAKE);
    let cut = |trace| file.open_with(|options| options.trace = trace).unwrap();
    let times =
        |dataset: &Collected| (0..dataset.len()).map(|index| dataset.start_ms(index).unwrap()).collect::<Vec<_>>();
    let both_ends_are_in =
        TraceOptions { start_ms: Some(1500.0), end_ms: Some(2500.0), speedup: 4.0, ..TraceOptions::default() };
    let dataset = cut(both_ends_are_in);
    assert_eq!(times(&dataset), [0.0, 250.0]);
    assert_eq!(dataset.conversation(1).unwrap().turns[0].timestamp, Some(250.0));
    assert!(dataset.notices()[0].starts_with("2 of 4 rows of "), "{:?}", dataset.notices());
    assert_eq!(times(&cut(TraceOptions { from_zero: true, ..TraceOptions::default() })), [0.0, 500.0, 1500.0, 8000.0]);
    let limited = cut(TraceOptions { max_input: Some(1024), max_output: Some(100), ..TraceOptions::default() });
    let limits: Vec<_> = all(&limited).iter().map(|one| one.turns[0].max_tokens.unwrap()).collect();
    assert_eq!(limits, [100, 7, 1]);
    let nothing = file.open_with(|options| options.trace.start_ms = Some(1e9)).err().unwrap().to_string();
    assert!(nothing.contains("there is nothing to send: 4 of 4 rows"), "{nothing}");
}

#[test]
fn tables_are_read_by_their_columns_whatever_stands_between_them() {
    let burst = written(
        "a.csv",
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,\"Chat, GPT\",472,18,490,x\n45.5,GPT-4,10,0,10,x\n60,GPT-4,10,2,12,x\n",
    );
    let dataset = burst.open();
    assert_eq!(all(&dataset).iter().map(|one| tokenizer().count(texts(one)[0])).collect::<Vec<_>>(), [472, 10]);
    assert_eq!(dataset.start_ms(1), Some(60_000.0));
    assert!(dataset.notices()[0].starts_with("1 of 3 rows of "), "{:?}", dataset.notices());

    let azure = written(
        "a.csv",
        "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 23:59:59.9799600,48,10\r\n2023-11-17 00:00:00.9799600,31,8\r\n",
    );
    let dataset = azure.open();
    assert_eq!((dataset.start_ms(0), dataset.start_ms(1)), (Some(0.0), Some(1000.0)));
    let late = azure.open_with(|options| options.trace.start_ms = Some(500.0)).unwrap();
    assert_eq!((late.len(), late.start_ms(0)), (1, Some(500.0)));
}

#[test]
fn chats_of_bailian_count_in_seconds_and_blocks_of_sixteen() {
    let row = r#"{"chat_id": 159, "parent_chat_id": -1, "timestamp": 61.114, "input_length": 40, "output_length": 19, "type": "text", "turn": 1, "hash_ids": [1089, 1090, 6326]}"#;
    let dataset = written("a.jsonl", row).open();
    let one = dataset.conversation(0).unwrap();
    assert_eq!((one.session_id.as_str(), dataset.start_ms(0)), ("159", Some(61_114.0)));
    assert_eq!(tokenizer().count(texts(&one)[0]), 40);
}

#[test]
fn sharegpt_exchanges_become_turns_as_long_as_recorded() {
    let text = r#" [
      {"id": "x_0", "conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "A [b] \"]"}, {"from": "gpt", "value": "one two three"},
        {"from": "human", "value": "C"}, {"from": "gpt", "value": "four"}, {"from": "human", "value": "unanswered"}]},
      {"id": "x_1", "conversations": []},
      {"id": "x_2", "conversations": [{"from": "user", "value": "D"}, {"from": "chatgpt", "value": "five"}]}
    ]"#;
    let dataset = written("a.json", text).open();
    let all = all(&dataset);
    assert_eq!(all.iter().map(|one| texts(one)).collect::<Vec<_>>(), [vec!["A [b] \"]", "C"], vec!["D"]]);
    assert_eq!(all[0].turns.iter().map(|turn| turn.max_tokens.unwrap()).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(all[0].system_message.as_deref(), Some("S"));
    assert!(dataset.notices()[0].starts_with("1 of 3 rows"));
}

#[test]
fn a_file_is_claimed_by_its_first_row() {
    let claimed = |text: &str| {
        claimants(&written("a", text).path)
            .map(|all| all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" "))
            .map_err(|error| error.to_string())
    };
    for (text, expected) in [
        ("{\"text\":\"a\"}", "single_turn"),
        ("{\"turns\":[]}", "multi_turn"),
        ("{\"model\":\"m\",\"messages\":[]}", "raw_payload"),
        ("{\"messages\":[],\"output_length\":3,\"stream\":true}", "raw_payload"),
        ("{\"data\":[]}", "inputs_json"),
        ("{\n\"data\":[]}", "inputs_json"),
        (MOONCAKE, "mooncake_trace"),
        ("[{\"conversations\":[]}]", "sharegpt"),
        ("{\"conversations\":[]}", "sharegpt"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n", "azure_trace"),
        ("{\"messages\":[]}", "mooncake_trace raw_payload"),
        ("{\"x\":1}", ""),
    ] {
        assert_eq!(claimed(text).as_deref(), Ok(expected), "{text}");
    }
    assert!(claimed("\n\n").unwrap_err().contains("has no rows"));
    assert!(sample(Path::new("no/such.jsonl")).unwrap_err().to_string().contains("no/such.jsonl: No such file"));
}

#[test]
fn a_bad_row_is_refused_by_file_line_and_field() {
    for (text, expected) in [
        ("{\"text\":\"a\"}\n\n{\"text\":5}", "a.jsonl:3: `text` is 5; expected a text"),
        (
            "{\"text\":\"a\",\"outputlength\":5}",
            "a.jsonl:1: `outputlength` is not a field of such a row (did you mean `output_length`?); expected one of: text, texts",
        ),
        ("{\"text\":\"a\",\"output_length\":0}", "a.jsonl:1: `output_length` is 0; expected a whole number above 0"),
        ("{\"text\":\"a\",\"delay\":-1}", "a.jsonl:1: `delay` is -1; expected milliseconds, 0 or above"),
        (
            "{\"text\":\"a\",\"delay\":1,\"timestamp\":1}",
            "a.jsonl:1: `delay` stands beside `timestamp`; expected one of the two",
        ),
        ("{\"text\":\"a\"}\n{\"text\":", "a.jsonl:2: the row is not JSON: EOF while parsing a value"),
        ("{\"text\":\"a\"}\n[1]", "a.jsonl:2: the row is [1]; expected a JSON object"),
        ("{\"text\":\"a\"}\n{\"delay\":1}", "a.jsonl:2: `text` is missing; expected one of: text, texts"),
        ("{\"texts\":[\"a\",{\"contents\":[1]}]}", "a.jsonl:1: `texts[1].contents` holds 1; expected texts"),
        (
            "{\"turns\":[{\"text\":\"a\"},{\"txt\":\"b\"}]}",
            "a.jsonl:1: `turns[1].txt` is not a field of such a row (did you mean `text`?)",
        ),
        (
            "{\"turns\":[{\"text\":\"a\"},{\"text\":\"b\",\"role\":\"assistant\"}]}",
            "a.jsonl:1: `turns[1].role` is \"assistant\"; expected the user's turns only",
        ),
        ("{\"turns\":[]}", "a.jsonl:1: `turns` has no turn to send"),
        (
            "{\"input_length\":1100,\"hash_ids\":[1,2]}",
            "a.jsonl:1: `hash_ids` has 2 ids, but `input_length` 1100 is 3 blocks of 512 tokens",
        ),
        ("{\"input_length\":11,\"hash_ids\":[\"x\"]}", "a.jsonl:1: `hash_ids[0]` is \"x\"; expected a whole number"),
        ("{\"input_length\":11,\"text_input\":\"x\"}", "a.jsonl:1: `text_input` stands beside `input_length`"),
        (
            "{\"data\":[{\"session_id\":\"a\",\n\"payloads\":[{}]},\n {\"payloads\":[]}]}",
            "a.jsonl:3: `payloads` is empty",
        ),
        (
            "{\"data\":[{\"payloads\":[{\"a\":1},3]}]}",
            "a.jsonl:1: `payloads[1]` is 3; expected a request body, a JSON object",
        ),
        ("{\"data\":[{\"payloads\":[{}]}", "a.jsonl: ends in the middle of its list"),
        (
            "TIMESTAMP,ContextTokens,GeneratedTokens\nyesterday,1,1",
            "a.jsonl:2: `TIMESTAMP` is \"yesterday\"; expected a date and time",
        ),
        (
            "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,1",
            "a.jsonl:2: `GeneratedTokens` is missing: the row has only 2 columns",
        ),
        (
            "Timestamp,Request tokens,Response tokens\n1,2,-3",
            "a.jsonl:2: `Response tokens` is \"-3\"; expected a whole number of tokens",
        ),
        (
            "Timestamp,Request tokens,Response tokens\n1e306,2,3",
            "a.jsonl:2: `Timestamp` is \"1e306\"; expected seconds, 0 or above",
        ),
        (
            "{\"chat_id\":1,\"parent_chat_id\":-1,\"timestamp\":1e306,\"input_length\":4}",
            "a.jsonl:1: `timestamp` is beyond all time; expected seconds, 0 or above",
        ),
        ("[{\"conversations\":[{\"value\":\"x\"}]}]", "a.jsonl:1: `conversations[0].from` is missing"),
    ] {
        let written = written("a.jsonl", text);
        // What cannot be told from a broken first row is still read as what it was meant to be.
        let make = match claimants(&written.path).as_deref() {
            Ok([(_, make)]) => *make,
            _ => made::<InputsJsonLoader>,
        };
        let Err(error) = written.open_as(make, finishing()) else { panic!("{text} is not refused") };
        let refused = error.to_string().replace(&format!("{}/", written.folder.path().display()), "");
        assert!(refused.contains(expected), "{text}\n{refused}");
    }
}

#[test]
fn a_file_that_a_row_names_is_there_or_the_row_is_refused() {
    let file = written("a.jsonl", "{\"text\":\"a\",\"image\":\"b.png\"}\n");
    let Err(error) = file.open_with(|_| ()) else { panic!("there is no b.png") };
    assert!(error.to_string().contains("a.jsonl:1: `image` names the file "), "{error}");
    std::fs::write(file.folder.path().join("b.png"), b"foo").unwrap();
    let one = file.open().conversation(0).unwrap();
    assert_eq!(one.turns[0].images[0].contents, ["data:image/png;base64,Zm9v"]);
}

#[test]
fn rows_of_many_sessions_come_together_again() {
    let text: String =
        (0..50_000).map(|n| format!("{{\"text\":\"row {n}\",\"session_id\":\"{}\"}}\n", n / 2)).collect();
    let dataset = written("a.jsonl", &text);
    let dataset = dataset.open();
    assert_eq!(dataset.len(), 25_000);
    for index in (0..25_000).rev().step_by(250) {
        let expected = [format!("row {}", index * 2), format!("row {}", index * 2 + 1)];
        assert_eq!(texts(&dataset.conversation(index).unwrap()), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), like in "[\\[{}\\],:\"a1\\\\ \n.-]{0,80}") {
        for text in [bytes.as_slice(), like.as_bytes()] {
            let file = written("a", "");
            std::fs::write(&file.path, text).unwrap();
            let _ = sample(&file.path);
            for (_, make) in ALL {
                let _ = make(&LoaderConfig::default()).load(&file.path, &mut Everything);
            }
        }
    }

    #[test]
    fn the_elements_of_a_list_are_found_whatever_they_hold(values in prop::collection::vec(value(), 0..8), pretty: bool) {
        let document = serde_json::json!({"before": [1, {"data": [2]}], "data": values, "after": "]"});
        let text = if pretty { serde_json::to_string_pretty(&document).unwrap() } else { document.to_string() };
        let file = written("a.json", &text);
        let mut found: Vec<serde_json::Value> = Vec::new();
        // serde_json orders keys, and `after` and `before` come first: all that is before the list is passed over.
        rows::<()>(&file.path, Shape::List("data"), |span, row| {
            assert_eq!(&text.as_bytes()[span.offset as usize..][..span.len as usize], row);
            assert_eq!(span.line as usize, text[..span.offset as usize].matches('\n').count() + 1);
            found.push(serde_json::from_slice(row).unwrap());
            Ok(())
        }).unwrap();
        prop_assert_eq!(found, values);
    }
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<i32>().prop_map(serde_json::Value::from),
        "[a\\[\\]{}\",:\\\\ ]{0,6}".prop_map(serde_json::Value::from)
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a-c]", inner, 0..3).prop_map(|map| serde_json::json!(map)),
        ]
    })
}

/// Takes what comes.
struct Everything;

impl ConversationSink for Everything {
    fn push(&mut self, _: Conversation) -> aiperf_abi::Result<()> {
        Ok(())
    }

    fn extend(&mut self, _: Conversation) -> aiperf_abi::Result<()> {
        Ok(())
    }

    fn fault(&mut self, _: RowFault) -> aiperf_abi::Result<()> {
        Ok(())
    }
}
