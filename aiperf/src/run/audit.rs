//! Whether the client was fit to measure: how late it was itself, how busy, how far behind. Judges the client alone; what the
//! server did is in the metrics. Reads what the system says of this process where the system says anything.

use std::time::Duration;

use aiperf_abi::{Audit, AuditGrade, Calibration, MetricResult};

use crate::plan::{PhasePlan, Timing};
use crate::timing::IssueCounts;

/// What was seen of the client while a phase went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Watch {
    started: Option<CpuTime>,
    /// CPU seconds of the whole process.
    pub cpu_seconds: Option<f64>,
    /// Largest delay of a task that was due.
    pub runtime_lag: Duration,
}

/// CPU time of this process so far, seconds.
#[derive(Debug, Clone, Copy)]
struct CpuTime(f64);

/// What is judged.
pub struct Evidence<'a> {
    /// The phase as planned.
    pub plan: &'a PhasePlan,
    /// What was issued.
    pub counts: IssueCounts,
    /// The metrics of the phase.
    pub metrics: &'a [MetricResult],
    /// Length of the phase.
    pub seconds: f64,
    /// How often a worker waited for the recorder.
    pub queue_full: u64,
    /// What was seen of the client.
    pub watch: Watch,
    /// What is known of this machine.
    pub calibration: Option<Calibration>,
}

/// From where on a share of the machine's processors, or a lag, is doubtful, and from where on it is too much.
const CPU_SHARE: [f64; 2] = [0.70, 0.90];
const LAG_MS: [f64; 2] = [5.0, 20.0];
const RUNTIME_LAG_MS: [f64; 2] = [20.0, 100.0];
const SLIPPED_SHARE: [f64; 2] = [0.001, 0.01];
/// Doubtful only: the calibration's server took its part of the same processors, so a machine may be good for more.
const LOAD_SHARE: [f64; 2] = [0.70, f64::INFINITY];
/// Files a run has open beside its connections.
const OTHER_FILES: u64 = 64;

impl Watch {
    /// The phase begins.
    pub fn start() -> Self {
        Self { started: cpu_time(), ..Self::default() }
    }

    /// A task that was due ran this much later.
    pub fn saw_lag(&mut self, lag: Duration) {
        self.runtime_lag = self.runtime_lag.max(lag);
    }

    /// The phase ends.
    pub fn stop(&mut self) {
        if let (Some(CpuTime(before)), Some(CpuTime(after))) = (self.started, cpu_time()) {
            self.cpu_seconds = Some(after - before);
        }
    }
}

/// Judges the client.
pub fn audit(evidence: &Evidence<'_>) -> Audit {
    let mut audit = Audit::default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut findings = Findings::default();

    audit.client_cpu_share = evidence.watch.cpu_seconds.map(|cpu| cpu / evidence.seconds.max(1e-9) / cores as f64);
    if let Some(share) = audit.client_cpu_share {
        findings.judge(share, CPU_SHARE, || {
            format!("aiperf itself used {:.0} % of the machine's {cores} processors", share * 100.0)
        });
    }
    audit.runtime_lag_max_ms = evidence.watch.runtime_lag.as_secs_f64() * 1e3;
    findings.judge(audit.runtime_lag_max_ms, RUNTIME_LAG_MS, || {
        format!("a task that was due had to wait {:.1} ms for a processor", audit.runtime_lag_max_ms)
    });
    // Where a limit holds a schedule back, waiting for a slot is the server's doing.
    let limited = evidence.plan.concurrency.or(evidence.plan.prefill_concurrency).is_some();
    let held_back = limited && evidence.plan.timing != Timing::Concurrency;
    let lag = evidence.metrics.iter().find(|metric| metric.tag == "credit_to_start_latency").filter(|_| !held_back);
    audit.schedule_lag_p99_ms = lag.and_then(|metric| metric.distribution.as_ref()?.percentile(99.0));
    if let Some(lag) = audit.schedule_lag_p99_ms {
        findings.judge(lag, LAG_MS, || format!("one request in a hundred was sent {lag:.1} ms late or later"));
    }
    audit.schedule_slipped_seconds = evidence.counts.slipped_ns as f64 / 1e9;
    findings.judge(audit.schedule_slipped_seconds / evidence.seconds.max(1e-9), SLIPPED_SHARE, || {
        format!(
            "the client stood still and moved its schedule back by {:.3} s in all; the rate reached is below the one asked for",
            audit.schedule_slipped_seconds
        )
    });
    if let Timing::RequestRate { rate, .. } = evidence.plan.timing {
        audit.wanted_rate = Some(rate);
    }
    audit.recorder_waits = evidence.queue_full;
    findings.judge(evidence.queue_full as f64, [1.0, 100.0], || {
        format!(
            "workers waited {} times because replies came faster than they could be parsed and counted",
            evidence.queue_full
        )
    });
    if let Some(calibration) = &evidence.calibration {
        audit.calibrated_load_share = load_share(evidence, calibration);
        audit.calibration = evidence.calibration.clone();
    }
    findings.judge(audit.calibrated_load_share.unwrap_or_default(), LOAD_SHARE, || {
        format!(
            "the load was {:.0} % of the largest one this machine was calibrated to drive",
            audit.calibrated_load_share.unwrap_or_default() * 100.0
        )
    });
    audit.open_files_limit = open_files_limit();
    let wanted = evidence.plan.concurrency.unwrap_or(evidence.counts.issued - evidence.counts.returned);
    if let Some(limit) = audit.open_files_limit.filter(|limit| wanted + OTHER_FILES > *limit) {
        findings.add(
            AuditGrade::Poor,
            format!("{wanted} connections need more than the {limit} open files that are allowed (`ulimit -n`)"),
        );
    }
    (audit.grade, audit.findings) = (findings.grade, findings.words);
    audit
}

/// What came back and what it was made of, as a share of the largest load that was calibrated.
fn load_share(evidence: &Evidence<'_>, calibration: &Calibration) -> Option<f64> {
    let rate = |tag: &str| evidence.metrics.iter().find(|metric| metric.tag == tag).map(|metric| metric.avg);
    // Tokens that come in one piece cost no more than a request.
    let is_stream = rate("time_to_first_token").is_some();
    let tokens = rate("output_token_throughput").filter(|_| is_stream).unwrap_or_default();
    calibration.share_of(evidence.counts.returned as f64 / evidence.seconds.max(1e-9), tokens)
}

#[derive(Default)]
struct Findings {
    grade: AuditGrade,
    words: Vec<String>,
}

impl Findings {
    fn judge(&mut self, value: f64, [doubtful, too_much]: [f64; 2], words: impl FnOnce() -> String) {
        if value >= too_much {
            self.add(AuditGrade::Poor, words());
        } else if value >= doubtful {
            self.add(AuditGrade::Fair, words());
        }
    }

    fn add(&mut self, grade: AuditGrade, words: String) {
        self.grade = self.grade.max(grade);
        self.words.push(words);
    }
}

/// User and system time of `/proc/self/stat`, in hundredths of a second whatever the machine (proc(5), `USER_HZ`).
fn cpu_time() -> Option<CpuTime> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in parentheses that may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let ticks = |field: Option<&str>| field?.parse::<f64>().ok();
    Some(CpuTime((ticks(fields.next())? + ticks(fields.next())?) / 100.0))
}

/// The soft limit of open files.
fn open_files_limit() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(timing: Timing) -> PhasePlan {
        PhasePlan {
            strategy: String::new(),
            timing,
            concurrency: Some(4),
            concurrency_ramp_seconds: None,
            prefill_concurrency: None,
            prefill_concurrency_ramp_seconds: None,
            ramp: "linear".to_owned(),
            request_count: Some(10),
            session_count: None,
            duration_seconds: None,
            grace_seconds: None,
        }
    }

    fn judged(change: impl FnOnce(&mut Evidence<'_>)) -> Audit {
        let plan = plan(Timing::Concurrency);
        let mut evidence = Evidence {
            plan: &plan,
            counts: IssueCounts::default(),
            metrics: &[],
            seconds: 10.0,
            queue_full: 0,
            watch: Watch { cpu_seconds: Some(0.1), ..Watch::default() },
            calibration: None,
        };
        change(&mut evidence);
        audit(&evidence)
    }

    #[test]
    fn an_idle_client_is_trusted() {
        let audit = judged(|_| {});
        assert_eq!((audit.grade, audit.findings.len()), (AuditGrade::Good, 0));
    }

    #[test]
    fn each_weakness_is_told_and_the_worst_decides() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let busy = judged(|evidence| evidence.watch.cpu_seconds = Some(10.0 * cores * 0.95));
        assert_eq!(busy.grade, AuditGrade::Poor);
        assert!(busy.findings[0].contains("95 %"), "{:?}", busy.findings);
        let late = judged(|evidence| evidence.watch.saw_lag(Duration::from_millis(30)));
        assert_eq!(late.grade, AuditGrade::Fair);
        let both = judged(|evidence| {
            evidence.watch.saw_lag(Duration::from_millis(30));
            evidence.counts.slipped_ns = 1_000_000_000;
            evidence.queue_full = 1;
        });
        assert_eq!((both.grade, both.findings.len()), (AuditGrade::Poor, 3), "{:?}", both.findings);
    }

    #[test]
    fn a_load_near_the_largest_that_was_calibrated_is_doubtful() {
        let calibration =
            Calibration { max_requests_per_second: 100.0, max_tokens_per_second: 1e5, ..Calibration::default() };
        let at = |requests: u64| {
            judged(|evidence| {
                evidence.calibration = Some(calibration.clone());
                (evidence.counts.issued, evidence.counts.returned) = (requests, requests);
            })
        };
        let [easy, hard] = [at(400), at(800)];
        assert_eq!((easy.grade, easy.calibrated_load_share), (AuditGrade::Good, Some(0.4)));
        assert_eq!(hard.grade, AuditGrade::Fair);
        assert!(hard.findings[0].contains("80 %"), "{:?}", hard.findings);
        assert!(hard.calibration.is_some());
    }

    #[test]
    fn more_connections_than_open_files_are_found_out() {
        let plan = PhasePlan { concurrency: Some(1 << 40), ..plan(Timing::Concurrency) };
        let audit = audit(&Evidence {
            plan: &plan,
            counts: IssueCounts::default(),
            metrics: &[],
            seconds: 10.0,
            queue_full: 0,
            watch: Watch::default(),
            calibration: None,
        });
        if audit.open_files_limit.is_some() {
            assert!(audit.findings.iter().any(|words| words.contains("ulimit")), "{:?}", audit.findings);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_system_tells_the_cpu_time_of_this_process() {
        let CpuTime(before) = cpu_time().expect("proc is there");
        let mut sum = 0_u64;
        while cpu_time().expect("proc is there").0 <= before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
