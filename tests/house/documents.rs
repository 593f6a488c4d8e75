//! The documents tell the truth: files they name exist, exit codes are those of the code, flags are known.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use aiperf::exit::Exit;

use crate::expect_none;
use crate::sources;

const DOCUMENTS: &[&str] =
    &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "plugin-template/README.md"];

/// Where a path in the text may start from: a map of the code is easier to read without the way to it.
const BASES: &[&str] = &["", "aiperf/src", "aiperf-abi/src"];

/// The parts of a text between single backquotes, blocks left out.
fn code_spans(text: &str) -> Vec<&str> {
    let outside = text.split("\n```").step_by(2);
    outside.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

/// The targets of a text's links.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// Whether a span is the path of a file or folder of the clone.
fn is_path(span: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let inside = ["aiperf/", "aiperf-abi/", "plugin-template/", "plugins/", "tests/", "scripts/", ".ci/"];
    let code = span.ends_with(".rs") || span.ends_with('/');
    span.chars().all(letters)
        && !span.starts_with('/')
        && (code || inside.iter().any(|folder| span.starts_with(folder)))
}

#[test]
fn every_file_a_document_names_exists() {
    let root = sources::root();
    let mut faults = Vec::new();
    for document in DOCUMENTS {
        let text = sources::read(document);
        let here = Path::new(document).parent().expect("a file lies in a folder");
        for link in links(&text).filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let file = link.split('#').next().expect("a split has a first part");
            if !root.join(here).join(file).exists() {
                faults.push(format!("{document}: link to {link}"));
            }
        }
        for span in code_spans(&text).into_iter().filter(|span| is_path(span)) {
            let bases = BASES.iter().map(|base| root.join(base)).chain([root.join(here)]);
            if !bases.into_iter().any(|base| base.join(span).exists()) {
                faults.push(format!("{document}: `{span}`"));
            }
        }
    }
    expect_none(&faults, "These are named in a document and do not exist:");
}

#[test]
fn the_readme_lists_the_exit_codes_of_the_code() {
    let readme = sources::read("README.md");
    let section = readme.split("\n## Exit codes\n").nth(1).expect("README.md has a section `Exit codes`");
    let rows = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let listed: Vec<_> = rows.skip(2).map(str::to_owned).collect();
    let known = Exit::ALL.map(|exit| format!("| {} | {} |", exit.code(), exit.meaning()));
    assert_eq!(listed, known, "the table in README.md (left), aiperf/src/exit.rs (right)");
}

/// The flags after `aiperf profile` in a document's blocks, which may go on over lines.
fn flags_of_profile(text: &str) -> BTreeSet<String> {
    let blocks = text.split("\n```").skip(1).step_by(2);
    let commands = blocks.flat_map(|block| block.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>());
    let profile = commands.filter_map(|line| Some(line.split_once("aiperf profile")?.1.to_owned()));
    let known_by_the_sign =
        |word: &str| word.starts_with("--").then(|| word.split('=').next().expect("has a first").to_owned());
    profile.flat_map(|line| line.split_whitespace().filter_map(known_by_the_sign).collect::<Vec<_>>()).collect()
}

#[test]
fn every_flag_in_a_document_is_one_of_the_program() {
    let help = Command::new(env!("CARGO_BIN_EXE_aiperf")).args(["profile", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let known: BTreeSet<&str> = help
        .split(|c: char| c.is_whitespace() || ",[]()=`".contains(c))
        .filter(|word| word.starts_with("--"))
        .collect();
    let mut faults = Vec::new();
    for document in DOCUMENTS {
        let text = sources::read(document).replace("cargo run --release -- profile", "aiperf profile");
        let unknown = flags_of_profile(&text).into_iter().filter(|flag| !known.contains(flag.as_str()));
        faults.extend(unknown.map(|flag| format!("{document}: {flag}")));
    }
    expect_none(&faults, "`aiperf profile --help` does not have these:");
}

#[test]
fn paths_are_told_from_other_words() {
    for path in ["aiperf-abi/src/ffi", "cli/", "transport/sse.rs", "clock.rs", "scripts/check"] {
        assert!(is_path(path), "{path}");
    }
    for word in
        ["text/event-stream", "profile_export.jsonl", "sim://", "cargo test", "/v1/chat/completions", "plugins/*"]
    {
        assert!(!is_path(word), "{word}");
    }
    assert_eq!(code_spans("a `b` c\n```\n`d`\n```\n`e`"), ["b", "e"]);
    assert_eq!(
        flags_of_profile("x\n```console\naiperf profile --a 1 \\\n  --b=2\n```\n"),
        ["--a".into(), "--b".into()].into()
    );
}
