//! The checks of what says what is sent: loaders over a file of their sort and over damaged copies of it, composers by the
//! number they were asked for, stores by what they give back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aiperf_abi::data::conversation::{Conversation, Turn};
use aiperf_abi::testing::{mock_composer_config, mock_conversation, mock_loader_config};
use aiperf_abi::{
    ConversationSink, CustomDatasetLoader, DatasetBackingStore, DatasetComposer, Error, FileSample,
    PublicDatasetLoader, RowFault, Value, json,
};

use super::lives::expected;
use super::{Check, Checked, Fault, Folder, Lived, Make, Tried, from_threads, tolerated, wrong};
use crate::dataset::file::sample;

/// A sink that keeps everything, and may refuse.
#[derive(Default)]
struct Kept {
    conversations: Vec<Conversation>,
    faults: Vec<RowFault>,
    /// How much it takes; beyond that it wants to stop.
    most: Option<usize>,
    stops_at_fault: bool,
    stopped: bool,
    /// It was given more after it had said that it wants no more.
    went_on: bool,
}

impl Kept {
    fn stop(&mut self) -> Result<(), Error> {
        self.stopped = true;
        Err(Error::msg("no more is wanted"))
    }
}

impl ConversationSink for Kept {
    fn push(&mut self, conversation: Conversation) -> Result<(), Error> {
        self.went_on |= self.stopped;
        if self.most.is_some_and(|most| self.conversations.len() >= most) {
            return self.stop();
        }
        self.conversations.push(conversation);
        Ok(())
    }

    fn extend(&mut self, conversation: Conversation) -> Result<(), Error> {
        let id = &conversation.session_id;
        match self.conversations.iter_mut().find(|one| one.session_id == *id && !id.is_empty()) {
            Some(one) => one.turns.extend(conversation.turns),
            None => return self.push(conversation),
        }
        Ok(())
    }

    fn fault(&mut self, fault: RowFault) -> Result<(), Error> {
        self.faults.push(fault);
        if self.stops_at_fault { self.stop() } else { Ok(()) }
    }
}

/// Conversations that can be sent.
fn sane(conversations: &[Conversation]) -> Result<(), Fault> {
    let mut ids = BTreeSet::new();
    for (number, conversation) in conversations.iter().enumerate() {
        let id = &conversation.session_id;
        if !id.is_empty() && !ids.insert(id) {
            return wrong(format!(
                "two conversations are called `{id}`; each has a name of its own, or none and gets one"
            ));
        }
        for (turn, content) in conversation.turns.iter().enumerate() {
            if let Some(problem) = problem(content) {
                return wrong(format!("turn {turn} of conversation {number} {problem}"));
            }
        }
    }
    Ok(())
}

fn problem(turn: &Turn) -> Option<String> {
    let media = [&turn.texts, &turn.images, &turn.audios, &turn.videos];
    if media.iter().all(|media| media.is_empty()) && turn.recipes.is_empty() && turn.raw_payload.is_none() {
        return Some("says nothing: it needs a text, a medium, a recipe or a whole body".to_owned());
    }
    if turn.max_tokens == Some(0) {
        return Some("may be answered with 0 tokens; leave `max_tokens` out where nothing is known".to_owned());
    }
    let times = [("timestamp", turn.timestamp), ("delay", turn.delay)];
    let (name, value) = times.into_iter().find(|(_, value)| value.is_some_and(|ms| !(ms.is_finite() && ms >= 0.0)))?;
    Some(format!("has the {name} {}; it is milliseconds, 0 or more", value.unwrap_or_default()))
}

fn answers(conversations: &[Conversation]) -> String {
    json!(conversations).to_string()
}

/// What a bad file is told of: nothing but an error, and never a panic.
const NO_FILE: &str = "no such file.jsonl";

fn the_sample<C: ?Sized>(make: &Make<'_, C>) -> Result<PathBuf, Fault> {
    let told = "it needs a file of its sort to be tried with: --sample FILE";
    make.sample.map(Path::to_owned).ok_or_else(|| Fault::Untried(told.to_owned()))
}

/// Loads; the whole has to come.
fn loaded(load: impl FnOnce(&mut Kept) -> Result<(), Error>, path: &Path) -> Result<Lived, Fault> {
    let mut out = Kept::default();
    expected(load(&mut out), "the sample has to load as a whole")?;
    if let Some(fault) = out.faults.first() {
        return wrong(format!("it finds a bad row in the sample: {fault}"));
    }
    if out.conversations.is_empty() {
        return wrong(format!("it finds no conversation in {}", path.display()));
    }
    sane(&out.conversations)?;
    Ok(Lived { told: format!("{} conversations", out.conversations.len()), answers: answers(&out.conversations) })
}

impl Tried for dyn CustomDatasetLoader {
    fn told() -> Value {
        json!(mock_loader_config())
    }

    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let path = the_sample(make)?;
        let mut loader = make.value()?;
        let sample = sample(&path).map_err(|error| Fault::Untried(error.to_string()))?;
        if !tolerated(loader.can_load(&sample))?.unwrap_or_default() {
            return Err(Fault::Untried(format!("{} is not of its sort, as it says", path.display())));
        }
        loaded(|out| loader.load(&path, out), &path)
    }

    const CHECKS: &'static [Check<Self>] = &[("other files", other_files), ("bad rows", bad_rows)];
}

/// Files that are none of its own, and one that is not there.
fn other_files(make: &Make<'_, dyn CustomDatasetLoader>) -> Checked {
    let mut loader = make.value()?;
    let lines = ["", "<html>", "{\"a key that nobody has\":[]}", "\u{0}\u{1}"];
    let mut claimed = 0;
    for line in lines {
        let row = serde_json::from_str::<Value>(line).ok().and_then(|row| row.as_object().cloned());
        let sample = FileSample { first_line: line.to_owned(), row, ..FileSample::default() };
        claimed += usize::from(tolerated(loader.can_load(&sample))?.unwrap_or_default());
    }
    if claimed == lines.len() {
        return wrong(
            "`can_load` says yes to whatever it is shown; only one loader may, so it has to know its own files",
        );
    }
    let folder = Folder::new();
    for contents in [&b""[..], b"\n\n", b"\xff\xfe\x00\x01", b"[", b"<html></html>"] {
        let path = folder.file("other", contents)?;
        tolerated(loader.load(&path, &mut Kept::default()))?;
    }
    match tolerated(loader.load(&folder.0.join(NO_FILE), &mut Kept::default()))? {
        None => Ok("refused, or taken without a panic".to_owned()),
        Some(()) => wrong("it loads a file that is not there without an error"),
    }
}

/// The sample with one line damaged: the fault names file and line, and the host's wish to stop is heard.
fn bad_rows(make: &Make<'_, dyn CustomDatasetLoader>) -> Checked {
    let path = the_sample(make)?;
    let unreadable = |error: &dyn std::fmt::Display| Fault::Untried(format!("{}: {error}", path.display()));
    let begins = sample(&path).map_err(|error| unreadable(&error))?;
    let text = std::fs::read(&path).map_err(|error| unreadable(&error))?;
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let filled: Vec<usize> = (0..lines.len()).filter(|at| !lines[*at].trim_ascii().is_empty()).collect();
    // Of a file of objects, one a line, it is known what half a line is.
    let rows = begins.row.is_some() && !begins.is_list;
    let (folder, mut loader, mut refused, mut tried) = (Folder::new(), make.value()?, 0, 0);
    let places = [filled.first(), filled.get(1), filled.last()].into_iter().flatten().collect::<BTreeSet<_>>();
    for at in places {
        for (damage, line) in [("cut in half", &lines[*at][..lines[*at].len() / 2]), ("no text", &b"\x00\xff{"[..])] {
            let mut damaged = lines.clone();
            damaged[*at] = line;
            let name = path.extension().map_or("rows".into(), |ending| format!("rows.{}", ending.to_string_lossy()));
            let file = folder.file(&name, &damaged.join(&b'\n'))?;
            let number = *at as u64 + 1;
            let mut out = Kept::default();
            let whole = tolerated(loader.load(&file, &mut out))?;
            for fault in &out.faults {
                if fault.file != file || fault.line == 0 || fault.line > lines.len() as u64 || fault.problem.is_empty()
                {
                    return wrong(format!(
                        "line {number} of {} was {damage}, and its fault is `{fault}`: a fault names the file, the line \
                         counted from 1, and what is wrong",
                        file.display()
                    ));
                }
            }
            match out.faults.first() {
                Some(fault) if rows && fault.line != number => {
                    return wrong(format!(
                        "line {number} was {damage}, and its fault is of line {}: lines are counted from 1, blank ones and \
                         heads included",
                        fault.line
                    ));
                }
                None if rows && whole.is_some() => {
                    return wrong(format!(
                        "line {number} was {damage}, and it says nothing: a bad row goes to `fault`"
                    ));
                }
                _ => {}
            }
            if !out.faults.is_empty() {
                let mut out = Kept { stops_at_fault: true, ..Kept::default() };
                if tolerated(loader.load(&file, &mut out))?.is_some() || out.went_on {
                    return wrong(
                        "it goes on after the host said at a bad row to stop: hand the sink's error on with `?`",
                    );
                }
            }
            refused += usize::from(whole.is_none() || !out.faults.is_empty());
            tried += 1;
        }
    }
    Ok(format!("{refused} of {tried} damaged copies refused, each by file and line"))
}

impl Tried for dyn PublicDatasetLoader {
    fn told() -> Value {
        json!(mock_loader_config())
    }

    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let mut loader = make.value()?;
        let files = loader.files()?;
        if let Some(file) =
            files.iter().find(|file| !["http://", "https://"].iter().any(|one| file.url.starts_with(one)))
        {
            return wrong(format!("it wants `{}`; the host fetches http:// and https://", file.url));
        }
        if files.is_empty() {
            return wrong("it names no file, so there is nothing to load");
        }
        let path = the_sample(make)?;
        loaded(|out| loader.load(&vec![path.clone(); files.len()], out), &path)
    }

    const CHECKS: &'static [Check<Self>] = &[("other files", |make| {
        let mut loader = make.value()?;
        let (folder, count) = (Folder::new(), loader.files()?.len());
        for contents in [&b""[..], b"\xff\xfe\x00\x01", b"[{\"conversations\":7}]", b"<html></html>"] {
            let path = folder.file("other", contents)?;
            tolerated(loader.load(&vec![path; count], &mut Kept::default()))?;
        }
        match tolerated(loader.load(&vec![folder.0.join(NO_FILE); count], &mut Kept::default()))? {
            None => Ok("refused, or taken without a panic".to_owned()),
            Some(()) => wrong("it loads a file that is not there without an error"),
        }
    })];
}

/// Conversations asked for: a few, and more than cross at once.
const FEW: u64 = 100;
const MANY: u64 = 5000;

fn entries(count: u64) -> Value {
    let mut config = mock_composer_config();
    config.entries = count;
    json!(config)
}

impl Tried for dyn DatasetComposer {
    fn told() -> Value {
        entries(FEW)
    }

    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let wanted = make.config(Self::told())["entries"].as_u64().unwrap_or_default();
        let mut out = Kept::default();
        make.value()?.compose(&mut out)?;
        let made = out.conversations.len();
        if made as u64 != wanted {
            return wrong(format!("it makes {made} conversations; `entries` says {wanted}"));
        }
        sane(&out.conversations)?;
        Ok(Lived { told: format!("{made} conversations, as many as asked for"), answers: answers(&out.conversations) })
    }

    const CHECKS: &'static [Check<Self>] = &[("told to stop", |make| {
        let mut composer = make.with(entries(MANY))?;
        let mut out = Kept { most: Some(2), ..Kept::default() };
        if tolerated(composer.compose(&mut out))?.is_some() || out.went_on {
            return wrong("it goes on after the host said to stop: hand the sink's error on with `?`");
        }
        Ok("it stops, with the error it was given".to_owned())
    })];
}

impl Tried for dyn DatasetBackingStore {
    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        let (store, kept) = filled(make)?;
        given_back(&*store, &kept)?;
        match tolerated(store.get(kept.len() as u64))? {
            None => Ok(Lived::well(format!("{} conversations, given back as they were", kept.len()))),
            Some(_) => wrong(format!(
                "it keeps {0} conversations and gives one of the number {0}; that is to be an error, for numbers begin at 0",
                kept.len()
            )),
        }
    }

    fn threads(make: &Make<'_, Self>) -> Checked {
        let (store, kept) = filled(make)?;
        from_threads(|_| given_back(&*store, &kept))?;
        Ok(format!("{} threads that all read everything", super::THREADS))
    }
}

/// A store with conversations of every kind, and what they are.
fn filled(
    make: &Make<'_, dyn DatasetBackingStore>,
) -> Result<(Box<dyn DatasetBackingStore>, Vec<Conversation>), Fault> {
    let texts = ["", "ä 漢 🦀 \u{0} \u{202e} \"quoted\" \\ \n", &"word ".repeat(50_000)].map(Turn::text);
    let special = texts.into_iter().chain([Turn::of_tokens(7)]).map(|turn| {
        let session_id = "one of a kind".to_owned();
        Conversation { session_id, turns: vec![turn], ..Conversation::default() }
    });
    let numbered = |number: usize| Conversation { session_id: format!("session_{number:06}"), ..mock_conversation() };
    let kept: Vec<Conversation> = special.chain((0..108).map(numbered)).collect();
    let (mut store, mut rest) = (make.value()?, kept.as_slice());
    for batch in [1, 10, 0, 101] {
        let (now, later) = rest.split_at(batch);
        store.add(now.to_vec())?;
        rest = later;
    }
    store.finish()?;
    Ok((store, kept))
}

fn given_back(store: &dyn DatasetBackingStore, kept: &[Conversation]) -> Result<(), Fault> {
    // Not in the order in which they came.
    for number in (0..kept.len()).rev().chain([0, 0]) {
        let given: Arc<Conversation> = store.get(number as u64)?;
        if *given != kept[number] {
            return wrong(format!(
                "conversation {number} is given back changed: `{}` came, and `{}` is given; a store gives what it got",
                brief(&kept[number]),
                brief(&given)
            ));
        }
    }
    Ok(())
}

fn brief(conversation: &Conversation) -> String {
    json!(conversation).to_string().chars().take(80).collect()
}
