//! A rate that follows points in time, linear in between. Keeps the law of the arrival pattern whatever the rate does: a
//! spacing of the pattern at one request per second is stretched until that many requests are due.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize as Read, Serialize};

/// A rate at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Read)]
#[serde(deny_unknown_fields)]
pub struct RatePoint {
    /// Seconds from the start of the phase.
    pub time_s: f64,
    /// Requests per second.
    pub qps: f64,
}

/// Rates over time. Before the first point the rate is that of the first, after the last that of the last.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct RateSeries {
    points: Vec<RatePoint>,
    /// Requests due until each point.
    #[serde(skip)]
    due: Vec<f64>,
}

impl RateSeries {
    /// Of a JSON list of `{"time_s": …, "qps": …}`.
    ///
    /// # Errors
    /// Where the text is no such list, times fall, or no request is ever due; with the place.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    /// The moment of the last point, seconds.
    pub fn end_s(&self) -> f64 {
        self.points.last().map_or(0.0, |last| last.time_s)
    }

    /// Whether nothing is due after the last point.
    pub fn dries_up(&self) -> bool {
        self.points.last().is_none_or(|last| last.qps == 0.0)
    }

    fn of(points: Vec<RatePoint>) -> Self {
        let mut due = Vec::with_capacity(points.len());
        let mut before: Option<(RatePoint, f64)> = None;
        for point in &points {
            let so_far = match before {
                None => point.qps * point.time_s,
                Some((last, so_far)) => so_far + (last.qps + point.qps) / 2.0 * (point.time_s - last.time_s),
            };
            due.push(so_far);
            before = Some((*point, so_far));
        }
        Self { points, due }
    }

    /// Requests due until a moment.
    fn due_until(&self, time_s: f64) -> f64 {
        let next = self.points.partition_point(|point| point.time_s <= time_s);
        let Some(last) = next.checked_sub(1).map(|index| self.points[index]) else {
            return self.points[0].qps * time_s;
        };
        let since = time_s - last.time_s;
        let grown = self.points.get(next).map_or(0.0, |next| slope(last, *next) * since);
        self.due[next - 1] + (last.qps + grown / 2.0) * since
    }

    /// The first moment until which so many are due.
    fn moment_of(&self, due: f64) -> Option<f64> {
        let next = self.due.partition_point(|until| *until < due);
        let Some(last) = next.checked_sub(1).map(|index| self.points[index]) else {
            let first = self.points[0].qps;
            return Some(if first > 0.0 { due / first } else { 0.0 });
        };
        let missing = due - self.due[next - 1];
        match self.points.get(next) {
            None => (last.qps > 0.0).then(|| last.time_s + missing / last.qps),
            Some(next) => {
                // The root of qps·x + slope/2·x² = missing that does not cancel.
                let root = (last.qps * last.qps + 2.0 * slope(last, *next) * missing).max(0.0).sqrt();
                Some((last.time_s + 2.0 * missing / (last.qps + root)).min(next.time_s))
            }
        }
    }
}

fn slope(from: RatePoint, to: RatePoint) -> f64 {
    (to.qps - from.qps) / (to.time_s - from.time_s)
}

impl<'de> Deserialize<'de> for RateSeries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Points)
    }
}

struct Points;

impl<'de> Visitor<'de> for Points {
    type Value = RateSeries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of {\"time_s\": SECONDS, \"qps\": PER_SECOND}")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RateSeries, A::Error> {
        let mut points: Vec<RatePoint> = Vec::new();
        while let Some(point) = list.next_element::<RatePoint>()? {
            let RatePoint { time_s, qps } = point;
            if time_s < 0.0 || qps < 0.0 {
                return Err(Error::custom("`time_s` and `qps` are 0 or above"));
            }
            if let Some(last) = points.last().filter(|last| last.time_s > time_s) {
                let last = last.time_s;
                return Err(Error::custom(format_args!(
                    "time_s {time_s} comes after {last}: the points stand in order"
                )));
            }
            points.push(point);
        }
        let series = RateSeries::of(points);
        match series.dries_up() && series.due.last().is_none_or(|all| *all == 0.0) {
            true => Err(Error::custom("no request is ever due: at least one point needs a `qps` above 0")),
            false => Ok(series),
        }
    }
}

/// A walk along a series.
#[derive(Debug)]
pub struct Walk {
    series: RateSeries,
    /// Seconds from the start of the phase.
    at_s: f64,
}

impl Walk {
    /// From the start.
    pub fn new(series: RateSeries) -> Self {
        Self { series, at_s: 0.0 }
    }

    /// Seconds to the next request, `spacing` being that of the pattern at one request per second. `None`: none is due ever.
    pub fn next(&mut self, spacing: f64) -> Option<f64> {
        if spacing <= 0.0 {
            return Some(0.0);
        }
        let due = self.series.due_until(self.at_s) + spacing;
        let moment = self.series.moment_of(due)?.max(self.at_s);
        let interval = moment - self.at_s;
        self.at_s = moment;
        Some(interval)
    }

    /// The schedule was moved back: the series goes on meanwhile.
    pub fn skip(&mut self, seconds: f64) {
        self.at_s += seconds;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn moments(json: &str, count: usize) -> Vec<f64> {
        let mut walk = Walk::new(RateSeries::parse(json).unwrap());
        let mut at = 0.0;
        let steps = std::iter::from_fn(|| {
            at += walk.next(1.0)?;
            Some(at)
        });
        steps.take(count).collect()
    }

    #[test]
    fn the_rate_is_linear_between_points_and_stays_at_the_last() {
        // 0 to 10 per second in 10 s: t²/2 requests are due until t, 50 in all, then 10 per second.
        let all = moments(r#"[{"time_s": 0, "qps": 0}, {"time_s": 10, "qps": 10}]"#, 70);
        for (number, at) in all.iter().enumerate() {
            let due = (number + 1) as f64;
            let expected = if due <= 50.0 { (2.0 * due).sqrt() } else { 10.0 + (due - 50.0) / 10.0 };
            assert!((at - expected).abs() < 1e-9, "{due}: {at}, expected {expected}");
        }
    }

    #[test]
    fn a_jump_a_pause_and_an_end_are_kept() {
        let all = moments(
            r#"[{"time_s":1,"qps":2},{"time_s":1,"qps":0},{"time_s":5,"qps":0},{"time_s":5,"qps":4},{"time_s":6,"qps":0}]"#,
            10,
        );
        assert_eq!(all.len(), 4, "2 until 1 s, none until 5 s, then 2 more, and none ever after: {all:?}");
        assert!((all[0] - 0.5).abs() < 1e-9 && (all[1] - 1.0).abs() < 1e-9, "{all:?}");
        assert!((5.0..6.0).contains(&all[2]) && (all[3] - 6.0).abs() < 1e-6, "{all:?}");
    }

    #[test]
    fn what_is_no_series_is_told_with_its_place() {
        for (json, place, words) in [
            ("[{\"time_s\": 0,\n \"qpm\": 1}]", (2, 6), "unknown field `qpm`"),
            ("[{\"time_s\": 2, \"qps\": 1},\n {\"time_s\": 1, \"qps\": 1}]", (2, 25), "comes after 2"),
            ("[{\"time_s\": 0, \"qps\": -1}]", (1, 26), "0 or above"),
            ("[]", (1, 2), "no request is ever due"),
            ("{\"time_s\": 0}", (1, 0), "a list of"),
            ("[{\"time_s\": 0}]", (1, 14), "missing field `qps`"),
        ] {
            let error = RateSeries::parse(json).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!((error.line(), error.column()), place, "{error}");
        }
    }

    fn series() -> impl Strategy<Value = RateSeries> {
        let point = (0.0..5.0f64, prop_oneof![Just(0.0), 0.01..100.0f64]);
        proptest::collection::vec(point, 1..8).prop_map(|steps| {
            let mut time_s = 0.0;
            let point = |(step, qps): (f64, f64)| {
                time_s += step;
                RatePoint { time_s, qps }
            };
            RateSeries::of(steps.into_iter().map(point).collect())
        })
    }

    proptest! {
        #[test]
        fn so_many_are_due_at_each_moment_as_were_asked_for(series in series(), due in 0.01..200.0f64) {
            if let Some(moment) = series.moment_of(due) {
                let back = series.due_until(moment);
                prop_assert!((back - due).abs() < 1e-6 * due.max(1.0), "{due} became {back}");
            } else {
                prop_assert!(series.dries_up() && series.due_until(series.end_s()) < due + 1e-9);
            }
        }
    }
}
