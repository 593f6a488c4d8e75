//! What each form of the command shows, as text and as JSON.

use serde_json::json;

use crate::place::Place;

/// Echo, an exporter that shadows a built-in one, and one that loses to a built-in one.
fn some() -> Place {
    let place = Place::new();
    place.built_echo("data/aiperf/plugins/echo");
    place.package("data/aiperf/plugins/files", "files", &[("csv", 0, "files:Csv"), ("json", -1, "files:Json")]);
    place
}

#[test]
fn the_lists() {
    let place = some();
    let forms =
        ["", "--all", "data_exporter", "list-plugins", "list-implementations data-exporter", "show files", "protocols"];
    let told: Vec<_> =
        forms.iter().map(|form| format!("$ aiperf plugins {form}\n{}", place.plugins(form).quiet())).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn long_class_paths_stay_whole() {
    let place = Place::new();
    let class = "nvidia_optimized_exporters:OptimizedRecordsExporter";
    place.package("data/aiperf/plugins/long", "nvidia-optimized-exporters", &[("csv", 0, class)]);
    let list = place.plugins("list-implementations data_exporter");
    let row =
        format!("csv\n  {class}\n  of nvidia-optimized-exporters, priority 0\ncsv (shadowed)\n  aiperf:CsvExporter\n");
    assert!(list.quiet().contains(&row), "{}", list.stdout);
}

#[test]
fn everything_about_one() {
    let place = some();
    let forms = ["endpoint echo", "data_exporter CSV", "data_exporter aiperf:CsvExporter", "data_exporter files:Json"];
    let told: Vec<_> =
        forms.iter().map(|form| format!("$ aiperf plugins {form}\n{}", place.plugins(form).quiet())).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn no_line_is_wider_than_80_columns_but_for_paths() {
    let place = some();
    for form in [
        "",
        "--all",
        "endpoint",
        "transport",
        "endpoint chat",
        "list-plugins",
        "list-implementations endpoint",
        "protocols",
        "protocols endpoint",
        "protocols dataset_composer",
        "record_processor",
        "doctor",
        "which data_exporter csv",
    ] {
        for line in place.plugins(form).stdout.lines().filter(|line| !line.contains("[place]")) {
            assert!(line.chars().count() <= 80, "{form}: {line}");
        }
    }
}

#[test]
fn every_form_has_a_json_document() {
    let place = some();
    let bare = place.plugins("--json").json();
    assert_eq!(bare["packages"][0]["name"], "aiperf");
    assert_eq!(bare["packages"][1]["source"]["origin"], "the user's data folder");
    assert_eq!(bare["packages"][2]["entry_count"], 2);
    assert_eq!((&bare["set_aside"], &bare["hidden"], &bare["warnings"]), (&json!([]), &json!([]), &json!([])));
    assert_eq!(place.plugins("list-plugins --json").json(), bare);
    assert_eq!(place.plugins("--all --json").json()["categories"][0]["category"], "endpoint");
    let exporters = place.plugins("data_exporter --json").json();
    let all = place.plugins("list-implementations data_exporter --json").json();
    let count = |document: &serde_json::Value| document["entries"].as_array().map_or(0, Vec::len);
    assert!(count(&exporters) >= 3 && count(&all) > count(&exporters), "the second list has the losers as well");
    assert_eq!(all["entries"][1]["shadowed_by"]["rule"], "external_beats_builtin");
    let csv = place.plugins("data_exporter csv --json").json();
    assert_eq!((&csv["type"], &csv["class"], &csv["package"]), (&json!("csv"), &json!("files:Csv"), &json!("files")));
    assert_eq!(csv["shadows"][0]["class"], "aiperf:CsvExporter");
    let echo = place.plugins("endpoint echo --json").json();
    assert_eq!(echo["metadata"]["endpoint_path"], "/echo");
    assert_eq!(place.plugins("info endpoint echo --json").json(), echo);
    assert_eq!(place.plugins("list --json").json(), place.plugins("--all --json").json());
    let builtin = place.plugins("list --builtin-only --json").json();
    assert!(!builtin.to_string().contains("aiperf-plugin-echo"));
    assert_eq!(place.plugins("show Files --json").json(), bare["packages"][2]);
    let inspected = place.plugins("inspect aiperf-plugin-echo --json").json();
    let library = &inspected["libraries"][0];
    assert_eq!(library["descriptor"]["exports"], json!(["endpoint:EchoEndpoint"]));
    assert_eq!(library["sha256"].as_str().map(str::len), Some(64));
    let protocols = place.plugins("protocols --json").json();
    let endpoint = json!(["endpoint", "aiperf_abi::Endpoint", "aiperf_abi::EndpointMetadata"]);
    let first = &protocols["protocols"][0];
    assert_eq!(json!([first["category"], first["protocol"], first["metadata"]]), endpoint);
    let arrivals = place.plugins("protocols arrival-pattern --json").json();
    assert_eq!(
        (&arrivals["flag"]["flag"], &arrivals["config_keys"][0]["of"]),
        (&json!("--arrival-pattern"), &json!("ArrivalConfig"))
    );
    let schema = place.plugins("schema").json();
    assert_eq!(schema["required"], json!(["schema_version", "plugin"]));
    assert_eq!(place.plugins("schema --json").json(), schema);
}

#[test]
fn a_name_that_does_not_exist_ends_with_2_and_the_nearest() {
    let place = some();
    let forms = [
        "endpiont",
        "endpoint eco",
        "data_exporter parquet",
        "echo",
        "list-plugin",
        "list-implementations transprot",
        "endpoint list-plugins",
        "remove ecko",
        "validate nowhere",
        "show ecko",
        "inspect ecko",
        "info endpoint eco",
        "--plugin-path nowhere",
    ];
    let told: Vec<_> = forms
        .iter()
        .map(|form| {
            let ran = place.plugins(form);
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{form}");
            format!("$ aiperf plugins {form}\n{}", ran.stderr)
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_help_names_every_form() {
    let help = Place::new().plugins("--help");
    for word in [
        "--all",
        "--validate",
        "--json",
        "list-plugins",
        "list-implementations",
        "validate",
        "add",
        "remove",
        "schema",
        "use",
        "which",
        "enable",
        "disable",
    ] {
        assert!(help.quiet().contains(word), "{word}: {}", help.stdout);
    }
}

#[test]
fn a_library_is_inspected_by_its_path_whatever_it_is() {
    let place = some();
    let library = format!("data/aiperf/plugins/echo/{}", crate::place::library("aiperf_echo"));
    let ran = place.plugins(&format!("inspect {library}"));
    for part in ["aiperf-plugin-echo 0.1.0", "aiperf-abi   1.", "panic        unwind", "endpoint:EchoEndpoint"] {
        assert!(ran.quiet().contains(part), "{part}: {}", ran.stdout);
    }
    let none = place.plugins("inspect data/aiperf/plugins/files/lib.so");
    assert_eq!(none.code, Some(1));
    assert!(none.stdout.contains("is not a shared library but a text file"), "{}", none.stdout);
    let all = place.plugins("inspect --json");
    assert_eq!((all.code, all.json()["libraries"].as_array().map(Vec::len)), (Some(1), Some(2)));
}

#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let place = some();
    let mut command = place.command("plugins --all");
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().expect("started");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ended");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
