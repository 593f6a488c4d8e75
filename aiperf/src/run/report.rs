//! From sums to the final report: the metrics, how complete they are, and what a reader should know about them.

use aiperf_abi::{AuditGrade, FileInfo, Plot, Report, Results, TimeSlice, Value};
use rand::Rng;

use super::Finished;
use super::audit::{Evidence, Watch, audit};
use super::calibration::store;
use super::parts::Audience;
use super::recording::Recorded;
use crate::clock::Clock;
use crate::credit::Phase;
use crate::export::file::write_whole;
use crate::export::{Layout, PhaseResult};
use crate::metric::notices::about_steadiness;
use crate::metric::{Aggregate, Window, notices};
use crate::plan::{Measurement, Plan};
use crate::random::RootSeed;
use crate::timing::IssueCounts;

/// What the report says about the run beside its numbers.
pub struct Setting {
    /// What was measured.
    pub plan: Measurement,
    /// Where its results go.
    pub layout: Layout,
    /// What is known before the end.
    pub notices: Vec<String>,
    /// Files that exist already.
    pub files: Vec<FileInfo>,
    /// The plugins of the run.
    pub plugins: Vec<Value>,
    /// Who looks at its results.
    pub audience: Audience,
    /// What the accelerators said of themselves; null where nobody asked.
    pub telemetry: Value,
    /// The command line, without secrets.
    pub command: String,
}

/// Why a run did not come to its own end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stopped {
    /// Ctrl-C or a termination signal.
    ByUser,
    /// `--failed-request-threshold`.
    TooManyFailed,
    /// A timing strategy, arrival pattern or ramp failed, and said this.
    WithoutSchedule(String),
    /// A plugin on the sending path, or the endpoint while it parsed, did not come back; who, and how long.
    Stuck(String),
}

impl Stopped {
    /// In words.
    pub fn reason(&self) -> String {
        match self {
            Self::ByUser => "ended by the user".to_owned(),
            Self::TooManyFailed => "more requests failed than --failed-request-threshold allows".to_owned(),
            Self::Stuck(who) => format!("a plugin did not come back, and what was in flight is lost: {who}"),
            Self::WithoutSchedule(error) => format!("the schedule could not go on: {error}"),
        }
    }
}

/// How the phase went.
#[derive(Debug, Clone)]
pub struct End {
    /// Its start, nanoseconds of the run's clock.
    pub start_ns: u64,
    /// Why it did not come to its own end, if it did not.
    pub stopped: Option<Stopped>,
    /// What was issued.
    pub counts: IssueCounts,
    /// How often a worker waited for the recorder.
    pub queue_full: u64,
    /// What was seen of the client.
    pub watch: Watch,
}

/// Makes the report and gives it to the exporters.
pub fn finish(plan: &Plan, setting: Setting, recorded: Recorded, end: &End, clock: Clock) -> Finished {
    let window = Window { start_ns: end.start_ns, end_ns: recorded.last_end_ns.max(end.start_ns) };
    let mut metrics = recorded.aggregate.finish(window);
    metrics.extend(recorded.added);
    let (succeeded, failed) = recorded.aggregate.counts();
    let mut report = Report::default();
    report.aiperf_version = env!("CARGO_PKG_VERSION").to_owned();
    report.benchmark_id = benchmark_id(plan.seed, clock.wall_ns(end.start_ns));
    report.metrics_title = plan.target.metadata.metrics_title.clone().unwrap_or_else(|| "Metrics".to_owned());
    let one_of_several = plan.load.measurements.len() > 1;
    if one_of_several {
        report.metrics_title = format!("{}, phase {}", report.metrics_title, setting.plan.name);
    }
    report.notices = setting.notices;
    report.notices.extend(about_the_schedule(end));
    report.notices.extend(notices(&metrics));
    report.metrics = metrics;
    report.notices.extend(recorded.failures.iter().map(|failure| format!("Not everything was kept: {failure}.")));
    if let (warmup, Some(window)) = &recorded.warmup {
        report.warmup_metrics = warmup.finish(*window);
    }
    report.window_ns = (clock.wall_ns(window.start_ns), clock.wall_ns(window.end_ns));
    time_resolved(&mut report, plan, &recorded.aggregate, window, clock);
    report.audit = audit(&Evidence {
        plan: &setting.plan.profiling,
        counts: end.counts,
        metrics: &report.metrics,
        seconds: window.seconds(),
        queue_full: end.queue_full,
        watch: end.watch,
        // It was made over the sockets of this transport.
        calibration: store::path()
            .filter(|_| plan.target.transport == "http")
            .and_then(|path| store::of_this_machine(&path)),
    });
    report.notices.extend(report.audit.findings.iter().map(|finding| format!("Client: {finding}.")));
    report.error_summary = recorded.aggregate.errors();
    report.was_cancelled = end.stopped.is_some();
    report.incomplete_reason = end.stopped.as_ref().map(Stopped::reason);
    report.is_complete = end.stopped.is_none();
    report.start_time = local_time(clock.wall_ns(window.start_ns));
    report.end_time = local_time(clock.wall_ns(window.end_ns));
    report.input_config = plan.to_json();
    report.run_info = serde_json::json!({
        "benchmark_id": report.benchmark_id,
        "random_seed": plan.seed,
        "trial": 0,
        "cli_command": setting.command,
        "plugins": setting.plugins,
    });
    if one_of_several {
        report.run_info["phase"] = setting.plan.name.clone().into();
    }
    report.artifact_dir = setting.layout.dir().display().to_string();
    report.file_stem = setting.layout.stem().clone();

    if !setting.telemetry.is_null() {
        report.sections.insert("gpu_telemetry".to_owned(), setting.telemetry);
    }
    let mut failures = recorded.watchers.summarize(&mut report);
    // Places are those of their tables: what was added stands among ours.
    report.metrics.sort_by_key(|metric| metric.order.unwrap_or(u32::MAX));

    let (written, more) = recorded.exporters.finish(&report);
    failures.extend(more);
    let mut files = written;
    files.extend(setting.files);
    let mut problems: Vec<String> =
        recorded.failures.into_iter().chain(failures).map(|failure| failure.to_string()).collect();
    let Audience { consoles, mut handlers, plots } = setting.audience;
    let (drawn, undrawn) = draw(plots, &report, &setting.layout);
    files.extend(drawn);
    problems.extend(undrawn);
    problems.extend(handlers.handle(&results(&report, plan, &setting.layout)));
    if plan.output.require_trust && report.audit.grade == AuditGrade::Poor {
        problems.push("--require-trust: the client was a bottleneck, see `Client` above".to_owned());
    }
    if let Some(stopped) = end.stopped.as_ref().filter(|stopped| **stopped != Stopped::ByUser) {
        problems.push(format!("the run was ended: {}", stopped.reason()));
    }
    let measured = PhaseResult {
        name: setting.plan.name.clone(),
        phase: Phase::Profiling,
        window_ns: report.window_ns,
        counts: (succeeded, failed),
        errors: report.error_summary.clone(),
        was_cancelled: report.was_cancelled,
        files: files.clone(),
    };
    let warmed_up = recorded.warmup.1.map(|window| PhaseResult {
        phase: Phase::Warmup,
        window_ns: (clock.wall_ns(window.start_ns), clock.wall_ns(window.end_ns)),
        counts: recorded.warmup.0.counts(),
        errors: recorded.warmup.0.errors(),
        was_cancelled: false,
        files: Vec::new(),
        ..measured.clone()
    });
    let phases = warmed_up.into_iter().chain([measured]).collect();
    let warnings = Vec::new();
    Finished {
        report,
        files,
        problems,
        warnings,
        succeeded,
        failed,
        consoles,
        console_file: setting.layout.console(),
        phases,
    }
}

/// Writes what the plots draw. Returns the files, and what went wrong.
fn draw(plots: Vec<(String, Box<dyn Plot>)>, report: &Report, layout: &Layout) -> (Vec<FileInfo>, Vec<String>) {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for (name, mut plot) in plots {
        let figures = match plot.draw(report) {
            Ok(figures) => figures,
            Err(error) => {
                problems.push(format!("plot `{name}` failed: {error}"));
                continue;
            }
        };
        for figure in figures {
            let path = layout.plot(&figure.name);
            match write_whole(&path, figure.svg.as_bytes()) {
                Ok(()) => files.push(FileInfo { kind: "Plot".to_owned(), path: path.display().to_string() }),
                Err(error) => problems.push(error.to_string()),
            }
        }
    }
    (files, problems)
}

/// What result handlers get.
fn results(report: &Report, plan: &Plan, layout: &Layout) -> Results {
    let records = layout.records();
    let metadata = serde_json::json!({
        "models": plan.target.model_endpoint.models,
        "endpoint_type": plan.target.endpoint,
        "urls": plan.target.model_endpoint.urls,
        "command": report.run_info["cli_command"],
    });
    Results::new(report.benchmark_id.clone(), report.clone(), metadata)
        .with_records(records.exists().then(|| records.display().to_string()))
}

/// The steady part and the slices of time, on the wall clock.
fn time_resolved(report: &mut Report, plan: &Plan, aggregate: &Aggregate, window: Window, clock: Clock) {
    let mut steady = aggregate.steady_state(window);
    if steady.found {
        (steady.start_ns, steady.end_ns) = (clock.wall_ns(steady.start_ns), clock.wall_ns(steady.end_ns));
    }
    report.notices.extend(about_steadiness(&steady, &report.metrics));
    report.steady_state = Some(steady);
    report.timeslices = aggregate
        .slices(window)
        .into_iter()
        .map(|slice| TimeSlice {
            start_ns: clock.wall_ns(slice.window.start_ns),
            end_ns: clock.wall_ns(slice.window.end_ns),
            is_complete: slice.is_complete,
            metrics: slice.metrics,
        })
        .collect();
    let wanted = plan.output.measures().slice_ns;
    if let (Some(wanted), Some(used)) = (wanted, aggregate.slice_ns().filter(|used| Some(*used) != wanted)) {
        report.notices.push(format!(
            "The run was too long for slices of {} s: they are {} s long.",
            wanted as f64 / 1e9,
            used as f64 / 1e9
        ));
    }
}

fn about_the_schedule(end: &End) -> Option<String> {
    (end.counts.never_sent > 0).then(|| {
        format!(
            "{} requests were due but never sent: --concurrency or --prefill-concurrency held them back until the end. The \
             server does not keep up with the rate.",
            end.counts.never_sent
        )
    })
}

fn benchmark_id(seed: u64, start_wall_ns: u64) -> String {
    let number = RootSeed::new(seed).stream_at("benchmark.id", start_wall_ns).next_u64();
    format!("{:012x}", number >> 16)
}

fn local_time(wall_ns: u64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(wall_ns)).map_or_else(
        |_| String::new(),
        |moment| moment.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S%.6f").to_string(),
    )
}
