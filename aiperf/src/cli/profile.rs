//! `aiperf profile`: flags in, a plan, a run, its results on the screen.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use aiperf_abi::{Page, Ui, UiEvent, UiProgress};
use clap::Args;

use super::console::{self, Screen};
use super::failure::Failure;
use super::merged;
use super::output;
use super::patience::patiently;
use super::plugins::{DiscoveryArgs, lock};
use crate::config::load::DEFAULT_PLUGIN_TIMEOUT_SECONDS;
use crate::config::{ProfileFlags, values};
use crate::exit::Exit;
use crate::export::file::write_whole;
use crate::plan;
use crate::plugin::library::Library;
use crate::plugin::registry::Source;
use crate::random::RootSeed;
use crate::run::watchdog::Watchdog;
use crate::run::{self, Finished, Watcher};
use crate::secret::{self, REDACTED};
use crate::ui;

/// Everything `aiperf profile` takes.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    #[command(flatten)]
    pub(super) flags: ProfileFlags,

    /// Refuse to run where the plugin packages are not those of this lock (`aiperf plugins lock` writes one)
    #[arg(long, value_name = "FILE", help_heading = "Plugins")]
    plugin_lock: Option<PathBuf>,

    /// Refuse to run without this plugin package, in order and loaded; others that are broken are left out. Repeatable
    #[arg(long, value_name = "PACKAGE", help_heading = "Plugins")]
    require_plugin: Vec<String>,

    /// How long one call into a plugin may take. Then it is left behind; the run goes on without it, or ends with what
    /// there is
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_PLUGIN_TIMEOUT_SECONDS, value_parser = values::positive, help_heading = "Plugins")]
    plugin_timeout: f64,
}

/// Runs the command. The results go to the standard output, all else to the standard error.
///
/// # Errors
/// When there is nothing to show.
pub fn run(args: Box<ProfileArgs>, discovery: DiscoveryArgs) -> Result<Exit, Failure> {
    let patience = Duration::try_from_secs_f64(args.plugin_timeout).unwrap_or(Duration::MAX);
    let watchdog = Watchdog::start(patience)
        .map_err(|error| Failure::saying(Exit::Failed, format!("cannot watch the plugins: {error}")))?;
    let watchdog = Arc::new(watchdog);
    let within = Arc::clone(&watchdog);
    patiently(&watchdog, move || benchmark(&args, &discovery, &within))
}

fn benchmark(args: &ProfileArgs, discovery: &DiscoveryArgs, watchdog: &Watchdog) -> Result<Exit, Failure> {
    let mut registry = discovery.registry()?;
    if let Some(lock) = &args.plugin_lock {
        lock::hold(&registry, lock)?;
    }
    for package in &args.require_plugin {
        let package = registry.require(package)?;
        if let Source::Library { path, .. } = &package.source {
            let told =
                |error| Failure::new(Exit::Plugin, &error).with_hint("the package is required: --require-plugin");
            Library::open_locked(path, package.locked()).map_err(told)?;
        }
    }
    let merged = match &args.flags.config {
        Some(path) => Some(merged::flags(path, &std::env::args_os().collect::<Vec<_>>())?),
        None => None,
    };
    let flags = merged.as_ref().unwrap_or(&args.flags);
    let plan = plan::resolve(flags, &registry, RootSeed::from_entropy().value())?;
    tracing::info!(
        endpoint = plan.target.endpoint,
        transport = plan.target.transport,
        urls = %plan.to_json()["endpoint"]["request_urls"],
        seed = plan.seed,
        "planned"
    );
    tracing::debug!(plan = %plan.to_json(), "in full");
    let command = command_line(std::env::args());
    let mut live = Live::default();
    let mut finished = run::execute(&plan, &registry, &command, &mut live, watchdog)?;
    if let Some(last) = finished.last_mut() {
        last.problems.extend(live.failure);
    }
    Ok(show(finished))
}

/// Tells the display how the run goes.
#[derive(Default)]
struct Live {
    screen: Option<ui::Screen>,
    last: Option<UiProgress>,
    failure: Option<String>,
}

impl Watcher for Live {
    fn show_on(&mut self, name: &str, ui: Box<dyn Ui>) -> std::io::Result<()> {
        self.screen = Some(ui::Screen::start(name, ui)?);
        Ok(())
    }

    fn measuring(&mut self, name: &str) {
        if let Some(screen) = &self.screen {
            screen.tell(UiEvent::Measuring(name.to_owned()));
        }
    }

    fn tell(&mut self, now: &UiProgress) {
        if let Some(screen) = &self.screen {
            screen.progress(UiEvent::Progress(now.clone()));
        }
        self.last = Some(now.clone());
    }

    fn draining(&mut self) {
        if let Some(screen) = &self.screen {
            screen.tell(UiEvent::Draining);
        }
    }

    fn finished(&mut self) {
        if let Some(screen) = self.screen.take() {
            screen.tell(UiEvent::Finished(self.last.take()));
            self.failure = screen.finish();
        }
    }
}

/// Prints the results, each in its turn, and keeps what was printed.
fn show(all: Vec<Finished>) -> Exit {
    let mut exit = Exit::Success;
    for finished in all {
        let Finished { report, files, mut problems, warnings, succeeded, failed, mut consoles, console_file, .. } =
            finished;
        let mut page = Page::new(report, files, 0);
        let (shown, unshown) = console::results(&mut consoles, &mut page, Screen::stdout());
        output::stdout(&shown);
        problems.extend(unshown);
        let (plain, _) = console::results(&mut consoles, &mut page, Screen::file());
        if let Err(error) = write_whole(&console_file, plain.as_bytes()) {
            problems.push(error.to_string());
        }
        if succeeded == 0 {
            problems.push(match failed {
                0 => "no request was finished".to_owned(),
                failed => format!("none of the {failed} requests succeeded; `Error Summary` above says why"),
            });
        }
        for warning in &warnings {
            output::stderr(&format!("warning: {warning}\n"));
        }
        for problem in &problems {
            output::stderr(&format!("error: {problem}\n"));
        }
        if !problems.is_empty() {
            exit = Exit::Failed;
        }
    }
    exit
}

/// The command line as a shell would take it again, without what is secret.
fn command_line(args: impl Iterator<Item = String>) -> String {
    let mut words = Vec::new();
    let mut before = String::new();
    for (place, arg) in args.enumerate() {
        let word = match (place, arg.split_once('=')) {
            (0, _) => "aiperf".to_owned(),
            (_, Some((flag, value))) if flag.starts_with("--") => format!("{flag}={}", value_of(flag, value)),
            _ if arg.starts_with("-H") && arg.len() > 2 => format!("-H{}", value_of("-H", &arg[2..])),
            _ => value_of(&before, &arg),
        };
        words.push(quoted(&word));
        before = arg;
    }
    words.join(" ")
}

/// The value of a flag as it may be shown.
fn value_of(flag: &str, value: &str) -> String {
    match flag {
        "--api-key" => REDACTED.to_owned(),
        "--header" | "-H" => named(value, ':', secret::is_header),
        "--plugin-option" => {
            let is_secret = |path: &str| secret::is_field(path.split_once('.').map_or(path, |(_, key)| key));
            secret::without_secrets(&named(value, '=', is_secret))
        }
        "--extra-inputs" => match serde_json::from_str(value) {
            Ok(serde_json::Value::Object(mut fields)) => {
                secret::redact_fields(&mut fields);
                serde_json::Value::Object(fields).to_string()
            }
            _ => value.split(',').map(|pair| named(pair, ':', secret::is_field)).collect::<Vec<_>>().join(","),
        },
        _ => secret::without_secrets(value),
    }
}

/// A name, a sign and a value, without the value where the name says that it is secret.
fn named(pair: &str, sign: char, is_secret: impl Fn(&str) -> bool) -> String {
    match pair.split_once(sign) {
        Some((name, _)) if is_secret(name) => format!("{name}{sign}{REDACTED}"),
        _ => pair.to_owned(),
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(args: &[&str]) -> String {
        command_line(args.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn the_command_line_can_be_pasted_into_a_shell() {
        assert_eq!(
            line(&["/opt/bin/aiperf", "profile", "--url", "sim://?ttft=50ms&itl=5ms", "--extra-inputs", "a:it's"]),
            r"aiperf profile --url 'sim://?ttft=50ms&itl=5ms' --extra-inputs 'a:it'\''s'"
        );
    }

    #[test]
    fn secrets_are_not_in_the_command_line_however_they_are_written() {
        let shown = line(&[
            "aiperf",
            "profile",
            "--api-key",
            "KEY1",
            "--api-key=KEY2",
            "--header",
            "Authorization: Bearer KEY3",
            "-H",
            "x-api-key:KEY4",
            "-Hcookie:KEY5",
            "--header=Token:KEY6",
            "-H",
            "X-Trace:on",
            "--url",
            "http://u:KEY7@h/?api_key=KEY8&v=1",
            "--url=https://KEY9@h",
            "-uhttps://h?key=KEY10",
            "--extra-inputs",
            "max_tokens:5,api_key:KEY11",
            "--extra-inputs",
            r#"{"token":"KEY12","n":1}"#,
            "--plugin-option",
            "mail.password=KEY13",
            "--plugin-option=db.url=postgres://u:KEY14@h/x",
        ]);
        assert!(!shown.contains("KEY"), "{shown}");
        assert!(shown.contains("X-Trace:on") && shown.contains("Authorization"), "{shown}");
        assert!(shown.contains("max_tokens:5") && shown.contains("v=1"), "{shown}");
    }
}
