//! One cell per metric of the catalog: what records add up to, and the results that follow. Knows no time but the length
//! of the window it is asked about.

use aiperf_abi::MetricResult;

use super::applicability::Applicability;
use super::catalog::CATALOG;
use super::definition::{Flags, Fold, Metric, Source};
use super::spread::Spread;
use crate::facts::Facts;

/// How much is kept of each metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Fast histograms and how far each number can be trusted: one of a run.
    Full,
    /// Little memory, and can be merged: one of many.
    Light,
    /// As light, of the metrics with a place in the main table and what they follow from.
    Headline,
}

/// What some records add up to.
#[derive(Debug, Clone)]
pub(super) struct Tallies {
    applicability: Applicability,
    /// One per metric of the catalog, in its order.
    cells: Vec<Cell>,
}

#[derive(Debug, Clone)]
enum Cell {
    /// It does not apply, or follows from others at the end.
    Empty,
    Spread(Box<Spread>),
    Tally(Option<f64>),
}

impl Tallies {
    /// Of no records.
    pub(super) fn new(applicability: Applicability, detail: Detail) -> Self {
        let cells = CATALOG
            .iter()
            .map(|metric| match applicability.covers(metric) && detail.keeps(metric) {
                true => Cell::new(metric, detail),
                false => Cell::Empty,
            })
            .collect();
        Self { applicability, cells }
    }

    /// Takes in a record. A failed one feeds nothing but the metrics of failures.
    pub(super) fn add(&mut self, facts: &Facts, good: Option<bool>) {
        for (metric, cell) in CATALOG.iter().zip(&mut self.cells) {
            if metric.is_fed_by(facts) {
                cell.add(metric, facts, good);
            }
        }
    }

    /// Takes in all records of another with the same metrics.
    pub(super) fn merge(&mut self, other: &Self) {
        for ((metric, cell), other) in CATALOG.iter().zip(&mut self.cells).zip(&other.cells) {
            match (cell, other) {
                (Cell::Spread(own), Cell::Spread(theirs)) => own.merge(theirs),
                (Cell::Tally(own), Cell::Tally(Some(theirs))) => fold(own, *theirs, metric.source),
                _ => {}
            }
        }
    }

    /// Has every distribution taken to be as correlated as that of `whole`, of which these records are a part.
    pub(super) fn trust_like(&mut self, whole: &Self) {
        for (own, whole) in self.cells.iter_mut().zip(&whole.cells) {
            if let (Cell::Spread(own), Cell::Spread(whole)) = (own, whole) {
                own.trust_like(whole);
            }
        }
    }

    /// The results of every metric that has a value, in display units and display order. `seconds` is the length of the
    /// window that throughput is counted over.
    pub(super) fn results(&self, seconds: f64) -> Vec<MetricResult> {
        let mut results: Vec<MetricResult> = CATALOG
            .iter()
            .zip(&self.cells)
            .filter(|(metric, _)| self.applicability.tells(metric))
            .filter_map(|(metric, cell)| self.result(metric, cell, seconds))
            .collect();
        results.sort_by_key(|result| result.order.unwrap_or(u32::MAX));
        results
    }

    /// Mean of a metric so far, as it is shown.
    pub(super) fn mean(&self, tag: &str) -> Option<f64> {
        let (metric, cell) = self.cell(tag)?;
        match cell {
            Cell::Spread(spread) => spread.mean().map(|mean| metric.unit.shown(mean)),
            _ => None,
        }
    }

    /// What a derived metric starts from: the sum over records, or the value of a tally.
    pub(super) fn sum(&self, tag: &str) -> Option<f64> {
        match self.cell(tag)?.1 {
            Cell::Spread(spread) => (spread.count() > 0).then(|| spread.sum()),
            Cell::Tally(value) => *value,
            Cell::Empty => None,
        }
    }

    fn result(&self, metric: &Metric, cell: &Cell, seconds: f64) -> Option<MetricResult> {
        let (avg, distribution) = match cell {
            Cell::Spread(spread) => {
                (metric.unit.shown(spread.mean()?), spread.distribution(|raw| metric.unit.shown(raw)))
            }
            _ => (metric.unit.shown(self.scalar(metric, cell, seconds)?), None),
        };
        Some(MetricResult {
            tag: metric.tag.to_owned(),
            header: metric.header.to_owned(),
            unit: metric.unit.label().to_owned(),
            order: metric.order,
            group: metric.group.name().map(str::to_owned),
            avg,
            distribution,
        })
    }

    /// A finite value; no failures is the rule and not worth one.
    fn scalar(&self, metric: &Metric, cell: &Cell, seconds: f64) -> Option<f64> {
        let value = match (metric.source, cell) {
            (Source::Derived(needs, of), _) if self.applicability.covers(metric) => {
                let values: Option<Vec<f64>> = needs.iter().map(|tag| self.sum(tag)).collect();
                of(&values?, seconds)
            }
            (_, Cell::Tally(value)) => *value,
            _ => None,
        };
        let only_failures = metric.flags.meets(Flags::ERROR_ONLY);
        value.filter(|value| value.is_finite() && !(only_failures && *value == 0.0))
    }

    fn cell(&self, tag: &str) -> Option<(&'static Metric, &Cell)> {
        CATALOG.iter().zip(&self.cells).find(|(metric, _)| metric.tag == tag)
    }
}

impl Metric {
    /// Whether a record of this outcome has a part in the metric.
    pub fn is_fed_by(&self, facts: &Facts) -> bool {
        facts.error.is_some() == self.flags.meets(Flags::ERROR_ONLY)
    }
}

impl Detail {
    fn keeps(self, metric: &Metric) -> bool {
        match self {
            Self::Full | Self::Light => true,
            Self::Headline => {
                metric.group == super::definition::Group::Default
                    || matches!(metric.source, Source::Tally(..) | Source::Good)
            }
        }
    }
}

impl Cell {
    fn new(metric: &Metric, detail: Detail) -> Self {
        match (metric.source, detail) {
            (Source::Record(_) | Source::List(_), Detail::Full) => {
                Self::Spread(Box::new(Spread::new(metric.unit.steps())))
            }
            (Source::Record(_) | Source::List(_), _) => Self::Spread(Box::new(Spread::light(metric.unit.steps()))),
            (Source::Tally(Fold::Sum, _) | Source::Good, _) => Self::Tally(Some(0.0)),
            (Source::Tally(..), _) => Self::Tally(None),
            (Source::Derived(..), _) => Self::Empty,
        }
    }

    fn add(&mut self, metric: &Metric, facts: &Facts, good: Option<bool>) {
        match (metric.source, self) {
            (Source::Record(of), Self::Spread(spread)) => {
                of(facts).into_iter().for_each(|value| spread.add(value));
            }
            (Source::List(of), Self::Spread(spread)) => of(facts).into_iter().for_each(|value| spread.add(value)),
            (Source::Tally(_, of), Self::Tally(value)) => {
                if let Some(new) = of(facts) {
                    fold(value, new, metric.source);
                }
            }
            (Source::Good, Self::Tally(Some(count))) => *count += f64::from(u8::from(good == Some(true))),
            _ => {}
        }
    }
}

fn fold(value: &mut Option<f64>, new: f64, source: Source) {
    *value = Some(value.map_or(new, |old| match source {
        Source::Tally(Fold::Min, _) => old.min(new),
        Source::Tally(Fold::Max, _) => old.max(new),
        _ => old + new,
    }));
}
