//! What a shell is answered at a Tab: commands, flags, and the names of the registry, those of plugins included.

use crate::place::Place;

/// What may stand in the place of the last word.
fn offered(place: &Place, words: &[&str]) -> Vec<String> {
    let mut command = place.command("--");
    let last = words.len().to_string();
    command.arg("aiperf").args(words).env("AIPERF_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", last);
    command.env("_CLAP_IFS", "\n");
    let ran = place.ended(&mut command);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{words:?}");
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn names_of_plugins_are_offered_where_names_stand() {
    let place = Place::new();
    place.built_echo("data/aiperf/plugins/echo");
    assert_eq!(offered(&place, &["profile", "--endpoint-type", "ec"]), ["echo"]);
    assert_eq!(offered(&place, &["profile", "--transport", "in"]), ["in_engine"]);
    assert_eq!(offered(&place, &["profile", "--communication", "so"]), ["socket"]);
    assert_eq!(offered(&place, &["profile", "--ui", "si"]), ["simple"]);
    assert_eq!(offered(&place, &["profile", "--custom-dataset-type", "sh"]), ["sharegpt"]);
    assert_eq!(offered(&place, &["plugins", "protocols", "ui"]), ["ui"]);
    assert_eq!(offered(&place, &["profile", "--require-plugin", ""]), ["aiperf", "aiperf-plugin-echo"]);
    assert!(offered(&place, &["plugins", "endp"]).contains(&"endpoint".to_owned()));
    assert_eq!(offered(&place, &["plugins", "endpoint", "ec"]), ["echo"]);
    assert_eq!(offered(&place, &["plugins", "which", "endpoint", "ec"]), ["echo"]);
    assert_eq!(offered(&place, &["plugins", "use", "endpoint", "echo", "aiperf-p"]), ["aiperf-plugin-echo"]);
    assert_eq!(offered(&place, &["plugins", "disable", "aiperf-p"]), ["aiperf-plugin-echo"]);
    assert_eq!(offered(&place, &["plugins", "docto"]), ["doctor"]);
}

#[test]
fn each_shell_gets_its_script_and_an_unknown_one_the_list() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = place.ended(&mut place.command(&format!("completions {shell}")));
        assert!(ran.quiet().contains("AIPERF_COMPLETE"), "{shell}: {}", ran.stdout);
    }
    let unknown = place.ended(&mut place.command("completions tcsh"));
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("bash, elvish, fish, powershell, zsh"), "{}", unknown.stderr);
}
