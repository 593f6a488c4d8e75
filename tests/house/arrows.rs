//! Imports point down: from a room of the host to rooms on lower floors.

use std::collections::BTreeSet;

use crate::code::{identifier, line_of, only_code, words};
use crate::expect_none;
use crate::floors::{LEVEL, NOUNS, ROOMS};
use crate::sources::{self, Source};

const SRC: &str = "aiperf/src/";

/// One import: where it stands and what it names, from the crate's root.
struct Arrow {
    /// From `aiperf/src`.
    file: String,
    line: usize,
    to: Vec<String>,
}

impl Arrow {
    fn room(&self) -> &str {
        room_of(&self.file)
    }

    fn target(&self) -> &str {
        &self.to[0]
    }
}

fn floor(room: &str) -> Option<u8> {
    ROOMS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

/// The room of a file: the first part of its path.
fn room_of(file: &str) -> &str {
    file.split('/').next().expect("a path has a first part").trim_end_matches(".rs")
}

/// The modules a file is: `cli/plugins/mod.rs` is `cli::plugins`.
fn depth(file: &str) -> usize {
    match file {
        "lib.rs" | "main.rs" => 0,
        _ => file.trim_end_matches(".rs").trim_end_matches("/mod").split('/').count(),
    }
}

/// What follows a `crate::`: every path of it that begins with a room. `use crate::{a, b::c}` has two.
fn paths(rest: &str) -> Vec<Vec<String>> {
    if let Some(group) = rest.strip_prefix('{') {
        return members(group).flat_map(paths).collect();
    }
    let mut path = Vec::new();
    let mut rest = rest;
    loop {
        let word = identifier(rest);
        if word.is_empty() {
            break;
        }
        path.push(word.to_owned());
        match rest[word.len()..].strip_prefix("::") {
            Some(next) if next.starts_with('{') => {
                let tails = members(&next[1..]).flat_map(paths);
                return tails.map(|tail| path.iter().cloned().chain(tail).collect()).collect();
            }
            Some(next) => rest = next,
            None => break,
        }
    }
    if path.is_empty() { Vec::new() } else { vec![path] }
}

/// The members of a group of imports, the brace being open.
fn members(group: &str) -> impl Iterator<Item = &str> {
    let mut depth = 1;
    let mut cuts = vec![0];
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => cuts.push(at + 1),
            _ => {}
        }
        if depth == 0 {
            cuts.push(at + 1);
            break;
        }
    }
    let parts: Vec<&str> = cuts.windows(2).map(|cut| group[cut[0]..cut[1] - 1].trim()).collect();
    parts.into_iter()
}

fn arrows_of(file: &str, text: &str) -> Vec<Arrow> {
    let code = only_code(text);
    let mut found = Vec::new();
    let mut add = |at: usize, rest: &str| {
        let line = line_of(&code, at);
        found.extend(paths(rest).into_iter().map(|to| Arrow { file: file.to_owned(), line, to }));
    };
    let own_name = if file == "main.rs" { "aiperf" } else { "crate" };
    for at in words(&code, own_name) {
        if let Some(rest) = code[at + own_name.len()..].strip_prefix("::") {
            add(at, rest);
        }
    }
    // `super::` as often as the file is deep names the root as well.
    for at in words(&code, "super").filter(|at| !code[..*at].ends_with("super::")) {
        let mut rest = &code[at..];
        let mut up = 0;
        while let Some(next) = rest.strip_prefix("super::") {
            (rest, up) = (next, up + 1);
        }
        if up >= depth(file) && paths(rest).iter().any(|path| floor(&path[0]).is_some()) {
            add(at, rest);
        }
    }
    found
}

fn arrows() -> Vec<Arrow> {
    let ours = |source: &Source| source.path.strip_prefix(SRC).map(str::to_owned);
    let files = sources::shipped().into_iter().filter_map(|source| ours(&source).map(|file| (file, source.text)));
    files.filter(|(file, _)| file != "lib.rs").flat_map(|(file, text)| arrows_of(&file, &text)).collect()
}

/// The line of `LEVEL` that allows an arrow.
fn exception(arrow: &Arrow) -> Option<usize> {
    let to = arrow.to.join("::");
    LEVEL.iter().position(|level| {
        let tail = to.strip_prefix(level.to);
        arrow.file.starts_with(level.from) && tail.is_some_and(|tail| tail.is_empty() || tail.starts_with("::"))
    })
}

/// What is wrong with an arrow.
fn fault(arrow: &Arrow) -> Option<String> {
    let (room, target) = (arrow.room(), arrow.target());
    if room == target {
        return None;
    }
    let at = format!("{SRC}{}:{}: `{room}` imports `{}`", arrow.file, arrow.line, arrow.to.join("::"));
    let (Some(from), Some(to)) = (floor(room), floor(target)) else { return Some(format!("{at}: one has no floor")) };
    let nouns = from == NOUNS && to == NOUNS;
    match exception(arrow) {
        _ if to < from || nouns => None,
        Some(_) if to == from || arrow.file.ends_with("/tests.rs") => None,
        _ if to == from => Some(format!("{at}, which is on the same floor ({to})")),
        _ => Some(format!("{at}, which is up: from floor {from} to {to}")),
    }
}

#[test]
fn imports_point_to_lower_floors() {
    let faults: Vec<_> = arrows().iter().filter_map(fault).collect();
    expect_none(
        &faults,
        "An import points down. Move the code to its room, or the noun both need to floor 1 (ARCHITECTURE.md):",
    );
}

#[test]
fn every_room_has_a_floor_and_every_floor_its_rooms() {
    let there: BTreeSet<String> = sources::shipped()
        .iter()
        .filter_map(|source| source.path.strip_prefix(SRC).map(|file| room_of(file).to_owned()))
        .filter(|room| room != "lib")
        .collect();
    let listed: BTreeSet<String> = ROOMS.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(there, listed, "the rooms of aiperf/src (left) and of the table in tests/house/floors.rs (right)");
}

#[test]
fn every_exception_is_in_use_and_says_why() {
    let arrows = arrows();
    let used: BTreeSet<usize> = arrows.iter().filter_map(exception).collect();
    let idle = LEVEL.iter().enumerate().filter(|(index, level)| !used.contains(index) || level.because.len() < 20);
    let faults: Vec<_> = idle.map(|(_, level)| format!("{} → {}", level.from, level.to)).collect();
    expect_none(&faults, "Nothing needs these lines of tests/house/floors.rs any more, or they give no reason:");
}

#[test]
fn an_upward_import_is_seen_in_every_spelling() {
    let refused = |file: &str, text: &str| arrows_of(file, text).iter().any(|arrow| fault(arrow).is_some());
    for text in [
        "use crate::cli::output;",
        "use crate::{clock::Clock, run::{self, Finished}};",
        "fn f() -> crate::plan::Plan { todo!() }",
        "use super::super::run;",
        "mod tests { use super::super::super::run::execute; }",
    ] {
        assert!(refused("metric/spread.rs", text), "{text}");
    }
    for text in
        ["use crate::facts::Facts;", "// crate::cli", "use super::*;", "use super::run;", "use crate::metric::X;"]
    {
        assert!(!refused("metric/spread.rs", text), "{text}");
    }
    assert!(refused("metric/spread.rs", "use crate::record::Recorder;"), "a sibling");
    assert!(refused("clock.rs", "use crate::exit::Exit;"), "floor 0 knows nobody");
    assert!(!refused("exchange.rs", "use crate::{credit::Credit, reply::Reply};"), "nouns know nouns");
    assert!(refused("endpoint/chat.rs", "use crate::transport::sse;"), "only one file of the room may");
    assert!(!refused("plan/resolve.rs", "use crate::config::values::Header;"), "an exception");
}
