//! The checks of what answers with numbers: arrivals, ramps, samplers, the choice of a server. Each number has to be one
//! that can be, and the same seed has to give the same ones.

use aiperf_abi::testing::{mock_arrival_config, mock_ramp_config, mock_selection_config};
use aiperf_abi::{
    ArrivalPattern, DatasetSampler, Error, Ramp, RampConfig, SelectionConfig, UrlSelectionStrategy, Value, json,
};

use super::lives::expected;
use super::{Check, Fault, Lived, Make, Tried, wrong};

/// Intervals at each rate.
const INTERVALS: usize = 10_000;

impl Tried for dyn ArrivalPattern {
    fn told() -> Value {
        json!(mock_arrival_config())
    }

    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        const TO_DO: &str = "an interval is a finite number of seconds, 0 or more";
        let mut pattern = make.value()?;
        let mut answers = String::new();
        for rate in [10.0, 1000.0] {
            pattern.set_rate(rate)?;
            let mut sum = 0.0;
            for _ in 0..INTERVALS {
                let seconds = expected(pattern.next_interval(), TO_DO)?;
                if !(seconds.is_finite() && seconds >= 0.0) {
                    return wrong(format!("at {rate} requests per second it answers {seconds}; {TO_DO}"));
                }
                sum += seconds;
                answers.push_str(&format!("{seconds} "));
            }
            let mean = sum / INTERVALS as f64;
            // A pattern may have no spacing at all; any other keeps to the rate, however unevenly.
            if mean > 0.0 && !(0.5..=2.0).contains(&(mean * rate)) {
                return wrong(format!(
                    "after `set_rate({rate})` its intervals are {mean:.6} s on average; they should be {} s, so that the rate is \
                     what was asked for",
                    1.0 / rate
                ));
            }
        }
        Ok(Lived { told: format!("{INTERVALS} intervals at each of two rates"), answers })
    }
}

/// Places on a ramp that are asked for.
const PLACES: u32 = 200;

impl Tried for dyn Ramp {
    fn told() -> Value {
        json!(mock_ramp_config())
    }

    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        const TO_DO: &str = "a value lies between the two ends, and is the target from the end of the duration on";
        let (mut answers, ways) = (String::new(), [(1.0, 10.0), (10.0, 1.0), (5.0, 5.0), (0.01, 1e6)]);
        for (start, target) in ways {
            let config = RampConfig::new(start, target, 5.0, 42);
            // The ends are what the check is about, whatever the user's settings are.
            let mut ramp = make.plain(over(make.config(json!(config)), &json!(config)))?;
            let slack = 1e-9 * (start.abs() + target.abs());
            let (low, high) = (start.min(target) - slack, start.max(target) + slack);
            let steps = (0..=PLACES).map(|place| config.duration * f64::from(place) / f64::from(PLACES));
            for elapsed in steps.chain([2.0 * config.duration, 1e9]) {
                let value = expected(ramp.value_at(elapsed), TO_DO)?;
                let told = |problem: &str| {
                    wrong(format!(
                        "from {start} to {target} in 5 s it is {value} after {elapsed} s, {problem}; {TO_DO}"
                    ))
                };
                if !(low..=high).contains(&value) {
                    return told("outside its ends");
                }
                if elapsed >= config.duration && (value - target).abs() > slack {
                    return told("not at its target");
                }
                answers.push_str(&format!("{value} "));
            }
        }
        Ok(Lived { told: format!("{} ways, up, down and level", ways.len()), answers })
    }
}

/// Settings over what was there.
fn over(under: Value, over: &Value) -> Value {
    match (under, over) {
        (Value::Object(mut under), Value::Object(over)) => {
            under.extend(over.clone());
            Value::Object(under)
        }
        (under, _) => under,
    }
}

/// How many there are to choose from.
const LENGTHS: [u64; 4] = [1, 2, 10, 1000];

/// Draws from each.
const DRAWS: usize = 2500;

/// Draws among different numbers, and looks at each.
fn drawn<C: Tried + ?Sized>(
    make: &Make<'_, C>,
    what: &str,
    draw: impl Fn(&mut C, usize) -> Result<Vec<u64>, Error>,
) -> Result<Lived, Fault> {
    let mut answers = String::new();
    for len in LENGTHS {
        let config = json!(SelectionConfig::new(len, 42));
        let mut value = make.plain(over(make.config(config.clone()), &config))?;
        let to_do = "an index is below the `len` it was told";
        let indices = expected(draw(&mut value, DRAWS), to_do)?;
        if let Some((draw, index)) = indices.iter().enumerate().find(|(_, index)| **index >= len) {
            return wrong(format!("among {len} {what} its choice number {} is {index}; {to_do}", draw + 1));
        }
        answers.push_str(&format!("{indices:?}"));
    }
    Ok(Lived { told: format!("{DRAWS} choices among 1, 2, 10 and 1000 {what}"), answers })
}

impl Tried for dyn DatasetSampler {
    fn told() -> Value {
        json!(mock_selection_config())
    }

    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        drawn(make, "conversations", |sampler, count| (0..count).map(|_| sampler.next_index()).collect())
    }

    const CHECKS: &'static [Check<Self>] = &[("many at once", |make| {
        let single = Self::life(make)?.answers;
        let batches = drawn(make, "conversations", |sampler, count| {
            let mut all = vec![u64::MAX; count];
            let (first, rest) = all.split_at_mut(1);
            sampler.fill(first)?;
            sampler.fill(&mut [])?;
            sampler.fill(rest)?;
            Ok(all)
        })?;
        match batches.answers == single {
            true => Ok("`fill` gives what `next_index` gives".to_owned()),
            false => {
                wrong("`fill` gives another order than `next_index`; the host calls `fill` for many draws at once")
            }
        }
    })];
}

impl Tried for dyn UrlSelectionStrategy {
    fn told() -> Value {
        json!(mock_selection_config())
    }

    fn life(make: &Make<'_, Self>) -> Result<Lived, Fault> {
        drawn(make, "servers", |strategy, count| (0..count).map(|_| strategy.next_url_index()).collect())
    }
}
