//! How packages are: `doctor`, `lock`, and what a run refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use aiperf_abi::data::descriptor::{MAGIC, SIZE};
use serde_json::{Value, json};

use crate::place::{Place, library};

const PACKAGE: &str = "data/aiperf/plugins/echo";

fn with_echo() -> Place {
    let place = Place::new();
    place.built_echo(PACKAGE);
    place
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("one's own file");
}

/// `aiperf profile` of the engine inside, with these flags besides.
fn profile(place: &Place, flags: &str) -> crate::place::Ran {
    place.ended(&mut place.command(&format!(
        "profile --model m --url sim://?ttft=0&itl=0 --request-count 1 --isl 8 --tokenizer builtin {flags}"
    )))
}

#[test]
fn a_package_in_order_is_healthy_in_every_respect() {
    let place = with_echo();
    let ran = place.plugins("doctor");
    assert!(ran.quiet().ends_with("\n1 package, nothing is wrong\n"), "{}", ran.stdout);
    let json = place.plugins("doctor --json").json();
    let findings = json["packages"][0]["findings"].as_array().expect("a list");
    let checks: Vec<_> = findings.iter().filter_map(|finding| finding["check"].as_str()).collect();
    assert_eq!(checks, ["manifest", "permissions", "library", "needs", "classes", "version", "digest", "loads"]);
    assert_eq!((&json["healthy"], &json["packages"][0]["healthy"]), (&json!(true), &json!(true)));
}

/// A library that is a plugin to all who read it, and ends the process of who loads it.
pub(crate) fn deadly(library: &Path, deed: &str) {
    let folder = library.parent().expect("a folder");
    let source = folder.join("deadly.rs");
    fs::write(
        &source,
        format!(
            "#[used] #[unsafe(link_section = \".init_array\")] static DEED: extern \"C\" fn() = deed;\n\
             extern \"C\" fn deed() {{ {deed} }}\n\
             #[unsafe(no_mangle)] pub static AIPERF_PLUGIN_DESCRIPTOR: [u8; {}] = *include_bytes!(\"descriptor\");\n",
            SIZE
        ),
    )
    .expect("written");
    let honest = aiperf::plugin::inspect::inspect(library).expect("a plugin").descriptor;
    let json = serde_json::to_vec(&honest).expect("JSON");
    let length = u32::try_from(json.len()).expect("a short text").to_le_bytes();
    let mut bytes = [MAGIC.as_slice(), &length, &json].concat();
    bytes.resize(SIZE, 0);
    fs::write(folder.join("descriptor"), bytes).expect("written");
    let rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "--crate-type", "cdylib", "-o"])
        .arg(library)
        .arg(&source)
        .output()
        .expect("rustc runs");
    assert!(rustc.status.success(), "{}", String::from_utf8_lossy(&rustc.stderr));
}

#[test]
fn a_library_that_kills_who_loads_it_kills_a_child_only() {
    let place = with_echo();
    let file = place.path(PACKAGE).join(library("aiperf_echo"));
    for (deed, expected) in [
        ("std::process::abort()", "it crashed with SIGABRT (signal 6), in a process of its own"),
        ("unsafe { std::ptr::null_mut::<u8>().write_volatile(0) }", "it crashed with SIG"),
        ("std::process::exit(0)", "it ended the process, with code 0"),
        ("", "has no plugin header that fits"),
    ] {
        place.built_echo(PACKAGE);
        deadly(&file, deed);
        let ran = place.plugins("doctor");
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""), "{deed}");
        let told = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("✗ loads") && told.contains(expected), "{deed}: {}", ran.stdout);
    }
}

#[test]
fn doctor_says_what_is_wrong_and_ends_with_1() {
    let place = with_echo();
    place.manifest("data/aiperf/plugins/a-broken", "schema_version: '1.0'\nplugin: {name: x, verzion: 1}\n");
    place.package("data/aiperf/plugins/b-none", "none", &[("csv", 0, "none:Csv")]);
    place.built_echo("data/aiperf/plugins/f-again");
    mode(&place.path("data/aiperf/plugins/b-none/lib.so"), 0o666);
    fs::write(place.path("aiperf-plugins.lock"), "version: 1\npackages: {}\n").expect("written");
    let ran = place.plugins("doctor");
    assert_eq!(ran.code, Some(1));
    let text = ran.whole();
    // What the C library is called, and where lines break behind a path, is not for a snapshot.
    let text = text.replace(&library("aiperf_echo"), "[library]");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let digest = text.find("sha256 ").map(|at| text[at..at + 71].to_owned()).expect("a digest");
    let text = text.replace(&digest, "[digest]");
    let text = ["✓", "✗", "---"].iter().fold(text, |text, mark| text.replace(mark, &format!("\n  {mark}")));
    let lines: Vec<_> = text.lines().filter(|line| !line.contains("✓ needs")).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_others_can_write_is_not_used_unless_it_is_asked_for() {
    let place = with_echo();
    let folder = place.path(PACKAGE);
    for path in [folder.join(library("aiperf_echo")), folder.join("plugins.yaml"), folder.clone(), place.path("data")] {
        let before = fs::metadata(&path).expect("it is there").permissions().mode();
        mode(&path, before | 0o002);
        let ran = place.plugins("endpoint echo");
        assert_eq!(ran.code, Some(2), "{}", path.display());
        assert!(ran.stderr.contains("A package that offers it is set aside"), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("can be written by everybody, who could put other code in its place"),
            "{}",
            ran.stderr
        );
        assert_eq!(place.plugins("endpoint echo --allow-insecure-plugin-path").code, Some(0));
        mode(&path, before);
        place.plugins("endpoint echo").quiet();
    }
}

#[test]
fn a_lock_holds_a_run_to_the_packages_it_names() {
    let place = with_echo();
    assert_eq!(place.plugins("lock --check").code, Some(2), "there is none");
    assert_eq!(place.plugins("lock").quiet(), "Locked 1 package in aiperf-plugins.lock\n  aiperf-plugin-echo 0.1.0\n");
    assert_eq!(place.plugins("lock --check").quiet(), "1 package is as locked in aiperf-plugins.lock\n");
    assert_eq!(profile(&place, "--plugin-lock aiperf-plugins.lock").code, Some(0));

    let what = |place: &Place| -> Vec<Value> {
        let ran = place.plugins("lock --check --json");
        assert_eq!(ran.code, Some(1), "{}", ran.stdout);
        ran.json()["differences"].as_array().expect("a list").clone()
    };
    place.package("data/aiperf/plugins/new", "new", &[("x", 0, "new:X")]);
    assert_eq!(what(&place), [json!({"package": "new", "what": "added", "found": "1.2.3"})]);
    fs::remove_dir_all(place.path("data/aiperf/plugins/new")).expect("removed");

    let file = place.path(PACKAGE).join(library("aiperf_echo"));
    let mut bytes = fs::read(&file).expect("a library");
    bytes.push(0);
    fs::write(&file, bytes).expect("written");
    assert_eq!(what(&place)[0]["what"], "library");
    let refused = profile(&place, "--plugin-lock aiperf-plugins.lock");
    assert_eq!(refused.code, Some(3));
    assert!(
        refused.stderr.contains("aiperf-plugin-echo: the library is another than the one that is locked"),
        "{}",
        refused.stderr
    );
    assert_eq!(profile(&place, "").code, Some(0), "nobody asked");

    fs::remove_dir_all(place.path(PACKAGE)).expect("removed");
    assert_eq!(what(&place), [json!({"package": "aiperf-plugin-echo", "what": "missing", "locked": "0.1.0"})]);
}

#[test]
fn a_required_package_stops_the_start_and_another_is_left_out() {
    let place = with_echo();
    // An exporter whose library is none: of all that take part, the only one that this run would load.
    place.package("data/aiperf/plugins/broken", "broken", &[("mine", 0, "broken:Mine")]);
    let optional = profile(&place, "");
    assert_eq!(optional.code, Some(0), "{}", optional.stderr);
    assert!(optional.stdout.contains("data_exporter `mine` of package broken"), "{}", optional.stdout);
    for (package, expected) in [
        ("broken", "is not a shared library"),
        ("Aiperf-Plugin-Ecko", "it is not installed (did you mean `aiperf-plugin-echo`?)"),
    ] {
        let required = profile(&place, &format!("--require-plugin {package}"));
        assert_eq!(required.code, Some(3), "{package}: {}", required.stderr);
        assert!(required.stderr.contains(expected), "{}", required.stderr);
    }
    assert_eq!(profile(&place, "--require-plugin aiperf-plugin-echo").code, Some(0));
    place.plugins("disable aiperf-plugin-echo").quiet();
    let disabled = profile(&place, "--require-plugin aiperf-plugin-echo");
    assert_eq!(disabled.code, Some(3));
    assert!(disabled.stderr.contains("it is disabled; `aiperf plugins enable"), "{}", disabled.stderr);
}
