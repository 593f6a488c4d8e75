//! Manifests in order, and each way in which one can be out of order, told with its place.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const GOOD: &str = r#"schema_version: "1.0"
plugin:
  name: my-plugins
  version: 1.2.3
endpoint:
  echo:
    class: my_plugins:Echo
    description: Says it again.
    metadata: {endpoint_path: /echo, metrics_title: null, supports_streaming: true, produces_tokens: true, tokenizes_input: true}
transport:
  pipe:
    class: my_plugins:Pipe
    priority: -3
    metadata: {transport_type: pipe, url_schemes: [pipe]}
data_exporter:
  log:
    class: my_plugins:Log
"#;

fn read(text: &str) -> Result<Manifest, Vec<String>> {
    Manifest::parse(text.to_owned(), Path::new("p.yaml"))
        .map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

/// The faults of the good manifest after one change.
fn changed(from: &str, to: &str) -> Vec<String> {
    assert!(GOOD.contains(from), "{from}");
    read(&GOOD.replacen(from, to, 1)).expect_err("a fault")
}

#[test]
fn a_good_manifest_is_read_with_defaults_filled_in() {
    let manifest = read(GOOD).unwrap();
    assert_eq!(
        (manifest.package.name.as_str(), manifest.package.version.to_string()),
        ("my-plugins", "1.2.3".to_owned())
    );
    let told = |entry: &Declared| format!("{} {} {} {}", entry.category, entry.name, entry.class, entry.priority);
    assert_eq!(
        manifest.entries.iter().map(told).collect::<Vec<_>>(),
        ["endpoint echo my_plugins:Echo 0", "transport pipe my_plugins:Pipe -3", "data_exporter log my_plugins:Log 0"]
    );
    let metadata = &manifest.entries[0].metadata;
    assert_eq!((&metadata["endpoint_path"], &metadata["supports_audio"]), (&json!("/echo"), &json!(false)));
    assert_eq!(metadata["service_kind"], "openai");
    assert!(manifest.warnings.is_empty());
}

#[test]
fn each_fault_is_told_with_its_line_and_column_and_what_to_do() {
    let cases = [
        ("    description: Says", "    descripton: Says"),
        ("    priority: -3\n", "    priority: -3\n    priority: 4\n"),
        ("    priority: -3\n", "    priority: high\n"),
        ("    class: my_plugins:Log\n", "    description: no class\n"),
        ("my_plugins:Echo", "my_plugins.Echo"),
        ("version: 1.2.3", "version: 1.2"),
        ("  version: 1.2.3\n", ""),
        ("name: my-plugins", "name: my plugins"),
        ("endpoint:\n", "endpiont:\n"),
        ("  echo:\n", "  e/cho:\n"),
        ("supports_streaming", "supports_streeming"),
        ("supports_streaming: true", "supports_streaming: maybe"),
        ("supports_streaming: true, ", ""),
        ("url_schemes: [pipe]", "url_schemes: pipe"),
        ("schema_version: \"1.0\"", "schema_version: \"2.0\""),
        ("schema_version: \"1.0\"\n", ""),
        ("  log:\n    class: my_plugins:Log\n", "  log: my_plugins:Log\n"),
        ("transport:\n", "transport: [\n"),
        ("  version: 1.2.3\n", "  version: 1.2.3\n  library: ../lib.so\n"),
        ("    class: my_plugins:Log\n", "    class: my_plugins:Log\n    metadata: {level: 1}\n"),
        ("data_exporter:\n", "endpoint:\n"),
    ];
    let told: Vec<_> =
        cases.iter().map(|(from, to)| format!("{:?}\n  {}", to, changed(from, to).join("\n  "))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn all_faults_are_told_at_once_in_the_order_of_the_file() {
    let text = GOOD
        .replace("version: 1.2.3", "version: one")
        .replace("my_plugins:Echo", "Echo")
        .replace("priority: -3", "priorty: -3")
        .replace("data_exporter:", "exporter:");
    let faults = Manifest::parse(text, Path::new("p.yaml")).unwrap_err();
    assert_eq!(faults.iter().map(|fault| fault.at.unwrap().line).collect::<Vec<_>>(), [4, 7, 13, 15]);
}

#[test]
fn what_is_no_manifest_at_all_says_so_and_stops() {
    let many = (0..100).map(|n| format!("junk{n}: 1\n")).collect::<String>();
    let faults = read(&many).expect_err("faults");
    assert_eq!(faults.len(), 21);
    assert_eq!(faults[20], "p.yaml: has more faults; these are the first 20");
    for text in ["", "just words", "- a\n- list", "\u{0}"] {
        assert_eq!(read(text).expect_err("a fault").len(), 1, "{text:?}");
    }
}

#[test]
fn a_second_document_is_told_with_its_place() {
    for second in ["---\nui:\n", "...\n---\n~", "---\n[", "---\n"] {
        let faults = read(&format!("{GOOD}{second}")).expect_err("a fault");
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("p.yaml:1") || faults[0].starts_with("p.yaml:2"), "{second:?}: {}", faults[0]);
    }
    assert_eq!(
        read(&format!("{GOOD}---\nui:\n")).expect_err("a fault"),
        ["p.yaml:19:1: a second document begins here; a file is one"]
    );
}

#[test]
fn an_entry_may_not_stand_twice_however_it_is_spelt() {
    let text = GOOD.replace("  log:\n", "  My-Log:\n    class: my_plugins:Log\n  my_log:\n");
    assert_eq!(
        read(&text).expect_err("a fault"),
        ["p.yaml:18:3: data_exporter: `my_log` is here a second time; keep one"]
    );
}

#[test]
fn numbers_where_text_is_meant_are_read_as_they_stand() {
    let text = GOOD.replace("\"1.0\"", "1.0").replace("name: my-plugins", "name: 42");
    assert_eq!(read(&text).unwrap().package.name.as_str(), "42");
}

#[test]
fn a_newer_minor_of_the_format_is_read_with_a_warning() {
    let manifest = read(&GOOD.replace("\"1.0\"", "\"1.7\"")).unwrap();
    assert_eq!(manifest.warnings.len(), 1);
    assert!(manifest.warnings[0].contains("1.7 is newer than 1.0"), "{:?}", manifest.warnings);
}

#[test]
fn files_that_are_no_text_or_far_too_large_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    let faults = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let faults = Manifest::read(&path).expect_err("a fault");
        assert_eq!(faults.len(), 1);
        faults[0].to_string().replace(&path.display().to_string(), "p")
    };
    assert_eq!(faults(b"plugin:\n  name: \xff\n"), "p:2:9: is not UTF-8 text here");
    let large = vec![b' '; SIZE_LIMIT as usize + 1];
    assert_eq!(faults(&large), "p: is 1048577 bytes; a manifest has at most 1048576");
    std::fs::remove_file(&path).unwrap();
    assert!(Manifest::read(&path).unwrap_err()[0].to_string().contains("cannot be read: No such file"));
}

#[test]
fn a_library_is_a_file_or_a_bare_name_and_never_outside() {
    let path = |text: &str| text.parse::<LibraryFile>().map(|library| library.path().display().to_string());
    let decorated = |name: &str| library_file(name);
    assert_eq!(path("libx.so").unwrap(), "libx.so");
    assert_eq!(path("x").unwrap(), decorated("x"));
    assert_eq!(path("lib/x").unwrap(), format!("lib/{}", decorated("x")));
    for outside in ["", "/usr/lib/x.so", "../x.so", "a/../../x.so"] {
        assert!(path(outside).is_err(), "{outside}");
    }
}

#[test]
fn a_value_is_found_again_by_the_keys_that_lead_to_it() {
    let manifest = read(GOOD).unwrap();
    let at = |keys: &[&str]| manifest.locate(keys).map(|at| (at.line, at.column));
    assert_eq!(at(&["endpoint", "echo", "class"]), Some((7, 12)));
    assert_eq!(at(&["plugin", "version"]), Some((4, 12)));
    // What does not exist is pointed to by what it would stand in.
    assert_eq!(at(&["plugin", "library"]), at(&["plugin"]));
}

#[test]
fn the_schema_for_editors() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&json_schema()).unwrap());
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    let schema = json_schema().to_value();
    let good: Value = serde_yaml::from_str(GOOD).unwrap();
    let builtin: Value = serde_yaml::from_str(include_str!("../../builtin/plugins.yaml")).unwrap();
    for manifest in [good, builtin] {
        assert_eq!(objections(&schema, &schema, &manifest), Vec::<String>::new());
    }
    let bad: Value = serde_yaml::from_str(&GOOD.replace("class: my_plugins:Echo", "klass: x")).unwrap();
    assert_eq!(objections(&schema, &schema, &bad).len(), 2, "{:?}", objections(&schema, &schema, &bad));
}

/// As much of a JSON Schema validator as our schema needs; what it does not know, it says.
fn objections(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let Some(rules) = schema.as_object() else {
        return if *schema == json!(false) { vec![format!("{value} is not allowed")] } else { Vec::new() };
    };
    let mut found = Vec::new();
    for (rule, argument) in rules {
        match rule.as_str() {
            "$ref" => {
                let pointer = argument.as_str().unwrap().trim_start_matches('#');
                found.extend(objections(root, root.pointer(pointer).unwrap(), value));
            }
            "anyOf" => {
                let tried: Vec<_> =
                    argument.as_array().unwrap().iter().map(|one| objections(root, one, value)).collect();
                if tried.iter().all(|objections| !objections.is_empty()) {
                    found.extend(tried.concat());
                }
            }
            "type" => {
                let types = argument.as_array().cloned().unwrap_or_else(|| vec![argument.clone()]);
                if !types.iter().any(|wanted| is_of(value, wanted.as_str().unwrap())) {
                    found.push(format!("{value} is none of {types:?}"));
                }
            }
            "required" => {
                let missing = |key: &&Value| value.is_object() && value.get(key.as_str().unwrap()).is_none();
                found
                    .extend(argument.as_array().unwrap().iter().filter(missing).map(|key| format!("{key} is missing")));
            }
            "properties" => {
                let known = argument.as_object().unwrap().iter();
                found.extend(
                    known.flat_map(|(key, one)| value.get(key).map(|value| objections(root, one, value))).flatten(),
                );
            }
            "additionalProperties" => {
                let known = rules.get("properties").and_then(Value::as_object);
                for (key, value) in value.as_object().into_iter().flatten() {
                    if known.is_none_or(|known| !known.contains_key(key)) {
                        found.extend(objections(root, argument, value));
                    }
                }
            }
            "items" => {
                found
                    .extend(value.as_array().into_iter().flatten().flat_map(|value| objections(root, argument, value)));
            }
            "$schema" | "$defs" | "title" | "description" | "default" | "format" | "pattern" => {}
            other => panic!("the schema has a rule this test does not know: {other}"),
        }
    }
    found
}

fn is_of(value: &Value, wanted: &str) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("{other}"),
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "\\PC*") {
        let _ = read(&text);
    }

    #[test]
    fn a_manifest_with_any_stretch_replaced_is_read_or_refused(
        start in 0..GOOD.len(), length in 0..40_usize, with in "[\\PC\n:{}\\[\\]&*!|>'\"%@` -]{0,12}"
    ) {
        let end = (start + length).min(GOOD.len());
        let text = format!("{}{with}{}", &GOOD[..start], &GOOD[end..]);
        if let Err(faults) = read(&text) {
            prop_assert!(!faults.is_empty());
        }
    }
}
