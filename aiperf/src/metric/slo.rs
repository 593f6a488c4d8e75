//! Service level objectives: what a request must meet to count as good.

use std::sync::Arc;

use super::applicability::Applicability;
use super::catalog::{self, CATALOG};
use super::definition::{Flags, Metric, Source};
use crate::facts::Facts;
use crate::plugin::name;

/// The objectives of a run; a good request meets every one.
#[derive(Debug, Clone, Default)]
pub struct Slos(Arc<[Slo]>);

/// One metric and its bound.
#[derive(Debug, Clone, Copy)]
pub struct Slo {
    metric: &'static Metric,
    /// In the unit the metric is shown in.
    threshold: f64,
}

/// Objectives that make no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SloError {
    /// No colon.
    #[error("`{0}`: expected METRIC:THRESHOLD, several of them separated by spaces")]
    Form(String),
    /// No such metric.
    #[error("there is no metric `{tag}`{hint}")]
    Unknown {
        /// As it was given.
        tag: String,
        /// The nearest name, as a question.
        hint: String,
    },
    /// A metric of the whole run.
    #[error("`{0}` is no number of a single request, so no request can meet it")]
    NotPerRequest(String),
    /// A threshold that is no number.
    #[error("`{text}` is no threshold for {tag}: expected a number of {unit}, 0 or above")]
    Threshold {
        /// The metric.
        tag: &'static str,
        /// Its unit.
        unit: &'static str,
        /// As it was given.
        text: String,
    },
    /// A metric that this run will not have.
    #[error("{0} has no value in this run (no stream, or an endpoint without tokens): every request would fail it")]
    NotInThisRun(&'static str),
}

impl Slos {
    /// From `METRIC:THRESHOLD ...`, thresholds in display units.
    ///
    /// # Errors
    /// When one is not understood.
    pub fn parse(text: &str) -> Result<Self, SloError> {
        text.split([' ', ',', '\t', '\n'])
            .filter(|word| !word.is_empty())
            .map(Slo::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses objectives that no request of such a run could meet.
    ///
    /// # Errors
    /// When there is one.
    pub fn check(&self, applicability: Applicability) -> Result<(), SloError> {
        match self.0.iter().find(|slo| !applicability.covers(slo.metric)) {
            Some(slo) => Err(SloError::NotInThisRun(slo.metric.tag)),
            None => Ok(()),
        }
    }

    /// Whether a request meets all of them; `None` where there are none. A failed request, and one without a value for
    /// one of the metrics, does not.
    pub fn are_met(&self, facts: &Facts) -> Option<bool> {
        (!self.is_empty()).then(|| facts.error.is_none() && self.0.iter().all(|slo| slo.is_met(facts)))
    }

    /// Metric tag and threshold of each, for the plan.
    pub fn thresholds(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        self.0.iter().map(|slo| (slo.metric.tag, slo.threshold))
    }
}

impl serde::Serialize for Slos {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.thresholds())
    }
}

impl Slo {
    fn parse(word: &str) -> Result<Self, SloError> {
        let (tag, text) = word.split_once(':').ok_or_else(|| SloError::Form(word.to_owned()))?;
        let per_request =
            |metric: &Metric| matches!(metric.source, Source::Record(_)) && !metric.flags.meets(Flags::ERROR_ONLY);
        let Some(metric) = catalog::metric(tag) else {
            let known = CATALOG.iter().filter(|metric| per_request(metric)).map(|metric| metric.tag);
            return Err(SloError::Unknown { tag: tag.to_owned(), hint: name::suggestion(tag, known) });
        };
        if !per_request(metric) {
            return Err(SloError::NotPerRequest(tag.to_owned()));
        }
        match text.parse::<f64>() {
            Ok(threshold) if threshold.is_finite() && threshold >= 0.0 => Ok(Self { metric, threshold }),
            _ => Err(SloError::Threshold { tag: metric.tag, unit: metric.unit.label(), text: text.to_owned() }),
        }
    }

    fn is_met(&self, facts: &Facts) -> bool {
        let Source::Record(of) = self.metric.source else { return false };
        of(facts).map(|raw| self.metric.unit.shown(raw)).is_some_and(|value| {
            if self.metric.flags.meets(Flags::LARGER_IS_BETTER) {
                value >= self.threshold
            } else {
                value <= self.threshold
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::tests::streamed;
    use crate::metric::applicability::tests::run;

    const MS: u64 = 1_000_000;

    fn met(slos: &str, facts: &Facts) -> Option<bool> {
        Slos::parse(slos).expect("objectives").are_met(facts)
    }

    #[test]
    fn every_objective_must_be_met_in_display_units() {
        let facts = streamed(0, &[100 * MS, 140 * MS], 5);
        assert_eq!(met("time_to_first_token:100", &facts), Some(true));
        assert_eq!(met("time_to_first_token:99.9", &facts), Some(false));
        assert_eq!(met("time_to_first_token:100 inter_token_latency:10", &facts), Some(true));
        assert_eq!(met("time_to_first_token:100 inter_token_latency:9", &facts), Some(false));
        assert_eq!(met("", &facts), None);
    }

    #[test]
    fn of_what_is_better_when_larger_there_must_be_enough() {
        let facts = streamed(0, &[100 * MS, 140 * MS], 5);
        assert_eq!(met("output_token_throughput_per_user:100", &facts), Some(true));
        assert_eq!(met("output_token_throughput_per_user:101", &facts), Some(false));
    }

    #[test]
    fn what_has_no_value_or_failed_is_not_good() {
        assert_eq!(met("inter_token_latency:1000", &streamed(0, &[MS], 1)), Some(false));
        let failed = Facts { error: Some(Default::default()), ..streamed(0, &[MS], 1) };
        assert_eq!(met("time_to_first_token:1000", &failed), Some(false));
    }

    #[test]
    fn what_is_not_understood_is_said_with_the_nearest_name() {
        let error = |text| Slos::parse(text).expect_err("refused").to_string();
        assert!(
            error("time_to_frist_token:100").contains("time_to_first_token"),
            "{}",
            error("time_to_frist_token:100")
        );
        assert!(error("time_to_first_token").contains("METRIC:THRESHOLD"));
        assert!(error("time_to_first_token:fast").contains("a number of ms"));
        assert!(error("request_throughput:3").contains("single request"));
        assert_eq!(
            Slos::parse("time_to_first_token:1").expect("one").check(run(false, true)),
            Err(SloError::NotInThisRun("time_to_first_token"))
        );
    }
}
