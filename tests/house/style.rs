//! How a file begins, how long it gets, what things are called, who prints, and whose machine is in it.

use crate::code::{identifier, line_of, only_code, words};
use crate::expect_none;
use crate::sources;

/// The lines after which a file holds more than one idea.
const LONGEST: usize = 600;

/// Files that may be longer, and why.
const LONG: &[(&str, &str)] = &[("aiperf/src/metric/catalog.rs", "one table: every metric, each once")];

/// Names that say nothing about what is inside.
const BANNED: &[&str] = &["manager", "helper", "helpers", "util", "utils", "common", "misc", "imp"];

/// Where something may be printed and the process ended. Tests and examples may too.
/// The displays of a run are entries of a category: they draw on the standard error, and nothing else does below the commands.
const PRINTS: &[&str] = &["aiperf/src/cli/", "aiperf/src/ui/"];

const PRINTING: &[&str] =
    &["print!", "println!", "eprint!", "eprintln!", "dbg!", "stdout()", "stderr()", "process::exit"];

/// Folders of somebody's machine.
const MACHINE: &[&str] = &["/work", "/tmp", "/root", "/home"];

/// Files that name such a folder for everybody, and why.
const MACHINE_ALLOWED: &[(&str, &str)] = &[("tests/house/style.rs", "this list")];

#[test]
fn every_rust_file_opens_with_what_it_owns() {
    let silent = sources::rust().into_iter().filter(|source| !source.text.starts_with("//! "));
    let faults: Vec<_> = silent.map(|source| source.path).collect();
    expect_none(&faults, "A file opens with `//!`: what it owns and what it deliberately does not know:");
}

#[test]
fn files_are_short_or_say_why_not() {
    let reason = |path: &str| LONG.iter().any(|(known, _)| *known == path);
    let long = sources::rust().into_iter().filter(|source| source.length() > LONGEST && !reason(&source.path));
    let faults: Vec<_> = long.map(|source| format!("{}: {} lines", source.path, source.length())).collect();
    expect_none(
        &faults,
        "Over 600 lines there are two ideas in a file; split it, or give a reason in tests/house/style.rs:",
    );
    let idle = LONG.iter().filter(|(path, reason)| {
        reason.is_empty() || !sources::rust().iter().any(|source| source.path == *path && source.length() > LONGEST)
    });
    expect_none(
        &idle.map(|(path, _)| (*path).to_owned()).collect::<Vec<_>>(),
        "These are not long, or give no reason:",
    );
}

#[test]
fn names_say_what_is_inside() {
    let mut faults = Vec::new();
    for source in sources::rust() {
        let path = &source.path;
        faults.extend(path.trim_end_matches(".rs").split('/').filter(|part| is_banned(part)).map(|_| path.clone()));
        let code = only_code(&source.text);
        for keyword in ["mod", "struct", "enum", "trait", "type", "union"] {
            for at in words(&code, keyword) {
                let name = identifier(code[at + keyword.len()..].trim_start());
                if is_banned(name) && !PUBLISHED.contains(&name) {
                    faults.push(format!("{path}:{}: {keyword} {name}", line_of(&code, at)));
                }
            }
        }
        for at in words(&code, "fn") {
            let name = identifier(code[at + 2..].trim_start());
            if ["get_", "do_"].iter().any(|prefix| name.starts_with(prefix)) {
                faults.push(format!("{path}:{}: fn {name}", line_of(&code, at)));
            }
        }
    }
    expect_none(
        &faults,
        "Name it by what it is (ARCHITECTURE.md, Words). No manager, helper, utils, common, misc, imp; no get_, do_:",
    );
}

/// A category's published name is what users know, whatever words it has.
const PUBLISHED: [&str; 2] = ["ServiceManager", "service_manager"];

/// Whether a word of the name is banned: `time_utils`, `PluginManager`.
fn is_banned(name: &str) -> bool {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter == '_' || letter == '-' || letter.is_uppercase() {
            words.push(String::new());
        }
        let last = words.last_mut().expect("it begins with one");
        last.extend(letter.to_lowercase().filter(|letter| letter.is_alphanumeric()));
    }
    words.iter().any(|word| BANNED.contains(&word.as_str()))
}

#[test]
fn only_the_commands_print_or_exit() {
    let mut faults = Vec::new();
    for source in sources::shipped().iter().filter(|source| !PRINTS.iter().any(|room| source.path.starts_with(room))) {
        let code = only_code(&source.text);
        for printing in PRINTING {
            for (at, _) in code.match_indices(printing) {
                let before = code[..at].chars().next_back();
                if !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_') {
                    faults.push(format!("{}:{}: {printing}", source.path, line_of(&code, at)));
                }
            }
        }
    }
    expect_none(
        &faults,
        "Only aiperf/src/cli prints or exits, and the displays in aiperf/src/ui; below it there are values, errors, snapshots and the log:",
    );
}

#[test]
fn nobody_s_machine_is_in_a_file() {
    let mut faults = Vec::new();
    for source in sources::all() {
        if MACHINE_ALLOWED.iter().any(|(path, _)| *path == source.path) {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            if let Some(folder) = MACHINE.iter().find(|folder| names_folder(line, folder)) {
                faults.push(format!("{}:{}: {folder}/…", source.path, number + 1));
            }
        }
    }
    expect_none(&faults, "These files name a folder that only some machine has:");
}

/// Whether the folder itself or something in it is named, not just a longer path or word that contains it.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let inside = |letter: char| letter.is_alphanumeric() || "_-.}]>~".contains(letter);
        let before = line[..at].chars().next_back();
        let after = line[at + folder.len()..].chars().next();
        !before.is_some_and(|letter| inside(letter) || letter == '/') && after == Some('/')
    })
}

#[test]
fn the_rules_see_what_they_forbid() {
    assert!(is_banned("time_utils") && is_banned("PluginManager") && is_banned("imp"));
    assert!(!is_banned("import") && !is_banned("Commonwealth") && !is_banned("utility_bill"));
    assert!(names_folder("see /work/notes", "/work") && names_folder("\"/tmp/x\"", "/tmp"));
    assert!(
        !names_folder("frame/work/x", "/work")
            && !names_folder("[place]/work/x", "/work")
            && !names_folder("https://a.b/tmpl", "/tmp")
    );
}
