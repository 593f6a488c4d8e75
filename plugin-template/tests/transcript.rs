//! The transcript loader, called as aiperf calls it: in the test's own process, with no run. The fixtures are of
//! `aiperf_abi::testing`.

use std::path::PathBuf;

use aiperf_abi::testing::{CollectingConversations, construct, via_abi};
use aiperf_abi::{CustomDatasetLoader, FileSample, json};

use {{crate_name}}::TranscriptLoader;

/// A folder of files that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        for (file, text) in files {
            std::fs::write(path.join(file), text).unwrap();
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const TWO_CHATS: &str = "system: Be brief.\nuser: Where is my parcel?\nassistant: On its way: Monday.\nuser: And when?\n\n\
                         user: Hello!\n";

fn begins(first_line: &str) -> FileSample {
    FileSample { first_line: first_line.to_owned(), ..FileSample::default() }
}

#[test]
fn a_blank_line_parts_chats_and_a_speaker_their_turns() {
    let folder = Folder::new("chats", &[("chats.txt", TWO_CHATS)]);
    let mut loader: TranscriptLoader = construct(json!({})).unwrap();
    let mut read = CollectingConversations::default();
    loader.load(&folder.0.join("chats.txt"), &mut read).unwrap();
    let [first, second] = &read.pushed[..] else { panic!("two chats: {read:?}") };
    assert_eq!(first.system_message.as_deref(), Some("Be brief."));
    let texts: Vec<&str> = first.turns.iter().map(|turn| turn.texts[0].contents[0].as_str()).collect();
    assert_eq!(texts, ["Where is my parcel?", "And when?"]);
    assert_eq!(first.turns[0].recorded_reply.as_deref(), Some("On its way: Monday."));
    assert_eq!((second.turns.len(), &read.faults[..]), (1, &[][..]));
}

#[test]
fn a_folder_is_all_its_files_and_speakers_may_have_other_names() {
    let files = [("b.txt", "Customer: Second\n"), ("a.txt", "Customer: First\nAgent: Yes?\n")];
    let folder = Folder::new("folder", &files);
    let mut loader: TranscriptLoader = construct(json!({ "user": "Customer", "assistant": "Agent" })).unwrap();
    let mut read = CollectingConversations::default();
    loader.load(&folder.0, &mut read).unwrap();
    let texts: Vec<&str> = read.pushed.iter().map(|chat| chat.turns[0].texts[0].contents[0].as_str()).collect();
    assert_eq!(texts, ["First", "Second"]);
}

#[test]
fn a_line_that_cannot_be_used_is_a_fault_with_its_place() {
    let folder = Folder::new("faults", &[("bad.txt", "assistant: Yes?\nuser: Hello!\nbye\n")]);
    let mut loader: TranscriptLoader = construct(json!({})).unwrap();
    let mut read = CollectingConversations::default();
    loader.load(&folder.0.join("bad.txt"), &mut read).unwrap();
    let told: Vec<String> = read.faults.iter().map(ToString::to_string).collect();
    assert!(told[0].ends_with("bad.txt:1: the row answers nothing; expected `user: …` before it"), "{told:?}");
    assert!(told[1].contains("bad.txt:3: the row names no speaker"), "{told:?}");

    // In a run one fault is too many.
    let mut run = CollectingConversations { stops_at_fault: true, ..CollectingConversations::default() };
    assert!(loader.load(&folder.0, &mut run).is_err());
}

#[test]
fn knows_its_files_by_how_they_begin() {
    let mut loader: TranscriptLoader = construct(json!({})).unwrap();
    for (line, is_one) in [("user: Hello!", true), ("system: Be brief.", true), ("{\"text\": \"user: Hi\"}", false)] {
        assert_eq!(loader.can_load(&begins(line)).unwrap(), is_one, "{line}");
    }
}

/// aiperf loads a library and calls it across its boundary; this is that call, without the file.
#[test]
fn does_the_same_across_the_library_boundary() {
    let folder = Folder::new("boundary", &[("chats.txt", TWO_CHATS)]);
    let mut direct: TranscriptLoader = construct(json!({})).unwrap();
    let mut loaded = via_abi::<dyn CustomDatasetLoader, TranscriptLoader>(json!({})).unwrap();
    let (mut near, mut far) = (CollectingConversations::default(), CollectingConversations::default());
    direct.load(&folder.0, &mut near).unwrap();
    loaded.load(&folder.0, &mut far).unwrap();
    assert_eq!(far, near);
    assert!(loaded.can_load(&begins("user: Hello!")).unwrap());
}
