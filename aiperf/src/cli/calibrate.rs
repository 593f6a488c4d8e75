//! `aiperf calibrate`: how exactly and how fast this machine measures, told and kept for later reports. And the server
//! it measures, which is this program too.

use std::fmt::Write;
use std::io::Read;
use std::net::TcpListener;
use std::time::Duration;

use aiperf_abi::Calibration;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::failure::Failure;
use super::output;
use crate::config::values;
use crate::exit::Exit;
use crate::run::calibration::server::{Script, serve};
use crate::run::calibration::{self, CalibrationError, Moment, Options, STEPS, store};

/// The hidden command that is the server.
pub const SERVER: &str = "reference-server";

/// Everything `aiperf calibrate` takes.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// How long to measure, all together
    #[arg(long, value_name = "SECONDS", default_value_t = 15.0, value_parser = values::positive)]
    duration: f64,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What the server is told.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Time to the first token, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0.0, value_parser = values::non_negative)]
    ttft: f64,

    /// Time between two tokens, milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0.0, value_parser = values::non_negative)]
    itl: f64,

    /// Tokens of each reply
    #[arg(long, value_name = "N", default_value_t = 16)]
    tokens: u32,
}

/// Runs the command.
///
/// # Errors
/// When nothing could be measured, or it cannot be kept.
pub fn run(args: &CalibrateArgs) -> Result<Exit, Failure> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::saying(Exit::Failed, format!("cannot find this program to start it as a server: {error}"))
    })?;
    let scratch = std::env::temp_dir().join(format!("aiperf-calibrate-{}", std::process::id()));
    let step = Duration::from_secs_f64(args.duration / STEPS as f64);
    let options = Options { server: (program, SERVER), step, scratch };
    let shown = Shown::new();
    let made = calibration::calibrate(&options, &mut |moment| shown.show(moment));
    shown.bar.finish_and_clear();
    // What the runs left was for this calibration only.
    let _ = std::fs::remove_dir_all(&options.scratch);
    let made = made.map_err(failure)?;
    let kept = store::path().ok_or_else(|| {
        Failure::saying(Exit::Failed, "there is no data folder to keep it in: neither HOME nor XDG_DATA_HOME is set")
    })?;
    store::keep(&made, &kept).map_err(|error| Failure::new(Exit::Failed, &error))?;
    match args.json {
        true => output::stdout(&format!("{:#}\n", serde_json::json!(made))),
        false => {
            let place = kept.display();
            output::stdout(&format!("{}\nKept in {place}; reports of runs on this machine carry it.\n", text(&made)));
        }
    }
    Ok(Exit::Success)
}

fn failure(error: CalibrationError) -> Failure {
    match error {
        CalibrationError::Plan(error) => error.into(),
        CalibrationError::Run(error) => error.into(),
        CalibrationError::Interrupted => Failure::new(Exit::Interrupted, &error),
        CalibrationError::Server(_) | CalibrationError::Unusable { .. } => Failure::new(Exit::Failed, &error),
    }
}

/// A bar on a terminal, a line for each run elsewhere.
struct Shown {
    bar: ProgressBar,
    told: std::cell::Cell<Option<usize>>,
}

/// Steps of the bar within one run: finer than a terminal can draw.
const FINE: usize = 100;

impl Shown {
    fn new() -> Self {
        let bar = match console::user_attended_stderr() {
            true => ProgressBar::new((STEPS * FINE) as u64),
            false => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template("{bar:20} {percent:>3}%  {msg}");
        bar.set_style(style.expect("the template is constant and right"));
        Self { bar, told: std::cell::Cell::new(None) }
    }

    fn show(&self, now: Moment) {
        let is_new = self.told.replace(Some(now.step)) != Some(now.step);
        if is_new {
            let words = format!("{} of {STEPS}: {} requests at once", now.step + 1, now.concurrency);
            if self.bar.is_hidden() {
                output::stderr(&format!("{words}\n"));
            }
            self.bar.set_message(words);
        }
        self.bar.set_position((now.step * FINE + (now.done * FINE as f64) as usize) as u64);
    }
}

fn text(made: &Calibration) -> String {
    let Calibration { machine, errors, .. } = made;
    let mut text = format!("{}, {} processors\n\n", machine.processor, machine.processors);
    text.push_str("What aiperf measures, less what the server did, milliseconds\n");
    let _ = writeln!(
        text,
        "{:>12} {:>11} {:>9} {:>10} {:>10} {:>10} {:>10}",
        "concurrency", "requests/s", "requests", "TTFT p50", "TTFT p99", "ITL p50", "ITL p99"
    );
    for error in errors {
        let (ttft, itl) = (error.ttft_error_ms, error.itl_error_ms);
        let _ = writeln!(
            text,
            "{:>12} {:>11.0} {:>9} {:>10.3} {:>10.3} {:>10.3} {:>10.3}",
            error.concurrency, error.requests_per_second, error.requests, ttft.p50, ttft.p99, itl.p50, itl.p99
        );
    }
    let _ = writeln!(
        text,
        "\nLargest rates, beside a server that works on the same processors:\n{:>12.0} requests/s of one token each\n{:>12.0} tokens/s",
        made.max_requests_per_second, made.max_tokens_per_second
    );
    text
}

/// Is the server until the standard input ends: tells its port, and at the end what it served, as JSON.
///
/// # Errors
/// When the system gives no port.
pub fn run_server(args: &ServerArgs) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| Failure::saying(Exit::Failed, format!("the server cannot serve: {error}"));
    let ms = |ms: f64| Duration::from_secs_f64(ms / 1e3);
    let script = Script { ttft: ms(args.ttft), itl: ms(args.itl), tokens: args.tokens };
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    output::stdout(&format!("{}\n", listener.local_addr().map_err(failed)?.port()));
    let (end, until) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        // Nobody writes: it ends when whoever started the server closes it or is gone.
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        drop(end);
    });
    let served = serve(listener, script, until).map_err(failed)?;
    output::stdout(&format!("{}\n", serde_json::json!(served)));
    Ok(Exit::Success)
}
