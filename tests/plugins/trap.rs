//! No form of `aiperf plugins` loads a library. The proof is one that ends the process that loads it.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::Command;

use aiperf_abi::data::descriptor::{ABI_VERSION, MAGIC, SIZE};

use crate::place::Place;

const MANIFEST: &str = "schema_version: '1.0'
plugin: {name: trap, version: 0.1.0, library: libtrap.so}
endpoint:
  trap:
    class: trap:Trap
    metadata:
      {endpoint_path: /, metrics_title: null, supports_streaming: false, produces_tokens: true, tokenizes_input: true}
";

/// Builds a library with a good descriptor whose initialiser aborts.
fn build(library: &Path) {
    let json = format!(
        r#"{{"descriptor":1,"abi":"{ABI_VERSION}","package":"trap","version":"0.1.0","panic":"unwind","exports":["endpoint:Trap"]}}"#
    );
    let length = u32::try_from(json.len()).expect("short").to_le_bytes();
    let mut bytes = [&MAGIC[..], &length, json.as_bytes()].concat();
    bytes.resize(SIZE, 0);
    let source = library.with_extension("rs");
    let text = format!(
        "#[unsafe(no_mangle)] pub static AIPERF_PLUGIN_DESCRIPTOR: [u8; {SIZE}] = {bytes:?};\n\
         extern \"C\" fn trap() {{ std::process::abort() }}\n\
         #[used] #[unsafe(link_section = \".init_array\")] static TRAP: extern \"C\" fn() = trap;\n"
    );
    std::fs::write(&source, text).expect("written");
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut rustc = Command::new(rustc);
    rustc.args(["--edition", "2024", "--crate-type", "cdylib", "-o"]).arg(library).arg(&source);
    assert!(rustc.status().expect("rustc runs").success());
}

#[test]
fn no_form_of_the_command_loads_a_library_and_a_run_that_uses_it_does() {
    let place = Place::new();
    place.manifest("data/aiperf/plugins/trap", MANIFEST);
    build(&place.path("data/aiperf/plugins/trap/libtrap.so"));
    for form in [
        "",
        "--all",
        "endpoint",
        "endpoint trap",
        "list",
        "list-plugins",
        "list-implementations endpoint",
        "show trap",
        "info endpoint trap",
        "inspect trap",
        "inspect data/aiperf/plugins/trap/libtrap.so",
        "protocols",
        "which endpoint trap",
        "use endpoint trap trap",
        "use endpoint trap --clear",
        "disable trap",
        "enable trap",
        "lock",
        "lock --check",
        "--validate",
        "validate data/aiperf/plugins/trap",
        "validate data/aiperf/plugins/trap/libtrap.so",
        "schema",
        "add data/aiperf/plugins/trap/libtrap.so --force",
        "remove trap",
    ] {
        for json in ["", "--json"] {
            if json.is_empty() || !form.starts_with("remove") {
                let ran = place.plugins(&format!("{form} {json}"));
                assert_eq!(ran.code, Some(0), "{form} {json}: {}", ran.stderr);
            }
        }
    }

    place.manifest("data/aiperf/plugins/trap", MANIFEST);
    build(&place.path("data/aiperf/plugins/trap/libtrap.so"));
    let run = |endpoint: &str| {
        let url = "sim://?ttft=0&itl=0";
        let line = format!(
            "profile -m m --url {url} --endpoint-type {endpoint} --request-count 1 --isl 8 --tokenizer builtin"
        );
        place.ended(&mut place.command(&line))
    };
    assert_eq!(run("chat").code, Some(0), "an installed library is not loaded by a run that does not use it");
    assert_eq!(run("trap").code, None, "the trap works: loading it ends the process by a signal");
}
