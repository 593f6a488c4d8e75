//! Mixtures of lengths: pairs of input and output length, each with its share of the requests, as the user writes them.

use aiperf_abi::{LengthPair as Pair, Spread};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::spread::Draw;
use crate::random::Stream;

/// How far from 100 percent the shares may add up: they are written by people.
const TOLERANCE: f64 = 0.01;

const FORMS: &str = "expected ISL,OSL:PERCENT;… or ISL|STDDEV,OSL|STDDEV:PERCENT;… or [(ISL,OSL):PERCENT,…] or \
                     {\"pairs\":[{\"isl\":…,\"osl\":…,\"prob\":…}]}";

/// Pairs of lengths, of which one is drawn for each turn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mixture {
    /// At least one; their shares add up to 100.
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    pairs: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    isl: f64,
    osl: f64,
    prob: f64,
    #[serde(default)]
    isl_stddev: f64,
    #[serde(default)]
    osl_stddev: f64,
}

impl Mixture {
    /// Reads any of the written forms.
    ///
    /// # Errors
    /// What is wrong and what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let pairs = if text.starts_with('{') {
            let document: Document = serde_json::from_str(text).map_err(|error| format!("{error}; {FORMS}"))?;
            let pair = |written: Written| Pair {
                isl: Spread { mean: written.isl, stddev: written.isl_stddev },
                osl: Spread { mean: written.osl, stddev: written.osl_stddev },
                percent: written.prob,
            };
            document.pairs.into_iter().map(pair).collect()
        } else if let Some(list) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            let mut pairs = Vec::new();
            for item in list.split('(').map(str::trim).filter(|item| !item.is_empty()) {
                let item = item.trim_end_matches(',').trim_end();
                let (lengths, percent) = item.split_once(')').ok_or_else(|| wrong(item))?;
                pairs.push(pair(lengths, percent.trim().strip_prefix(':').ok_or_else(|| wrong(item))?)?);
            }
            pairs
        } else {
            let items = text.split(';').map(str::trim).filter(|item| !item.is_empty());
            let read = |item: &str| {
                let (lengths, percent) = item.rsplit_once(':').ok_or_else(|| wrong(item))?;
                pair(lengths, percent)
            };
            items.map(read).collect::<Result<Vec<_>, _>>()?
        };
        Self::of(pairs)
    }

    fn of(pairs: Vec<Pair>) -> Result<Self, String> {
        for pair in &pairs {
            let lengths = [pair.isl, pair.osl];
            if lengths.iter().any(|length| length.check("a length").is_err()) {
                return Err("a length is not above 0, or its standard deviation is below 0".to_owned());
            }
            if !(0.0..=100.0).contains(&pair.percent) {
                return Err(format!("a share is {}, but it must be between 0 and 100 percent", pair.percent));
            }
        }
        let sum: f64 = pairs.iter().map(|pair| pair.percent).sum();
        match pairs.is_empty() {
            true => Err(FORMS.to_owned()),
            false if (sum - 100.0).abs() > TOLERANCE => {
                Err(format!("the shares add up to {sum}, but must to 100 percent"))
            }
            false => Ok(Self { pairs }),
        }
    }

    /// Mean input tokens of what is drawn.
    pub fn mean_input(&self) -> f64 {
        let shares: f64 = self.pairs.iter().map(|pair| pair.percent).sum();
        self.pairs.iter().map(|pair| pair.percent * pair.isl.mean).sum::<f64>() / shares
    }

    /// All of them.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }
}

/// One of several pairs, by its share; none where there are none.
pub(super) fn drawn(pairs: &[Pair], stream: &mut Stream) -> Option<Pair> {
    let last = *pairs.last()?;
    let sum: f64 = pairs.iter().map(|pair| pair.percent).sum();
    let mut left = stream.random_range(0.0..1.0) * sum;
    for pair in pairs {
        left -= pair.percent;
        if left < 0.0 {
            return Some(*pair);
        }
    }
    Some(last)
}

fn wrong(item: &str) -> String {
    format!("`{item}` cannot be read; {FORMS}")
}

/// `ISL|STDDEV,OSL|STDDEV` and a share.
fn pair(lengths: &str, percent: &str) -> Result<Pair, String> {
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong(&format!("{lengths}:{percent}")));
    let spread = |text: &str| {
        let (mean, stddev) = text.split_once('|').unwrap_or((text, "0"));
        Ok::<_, String>(Spread { mean: number(mean)?, stddev: number(stddev)? })
    };
    let (isl, osl) = lengths.split_once(',').ok_or_else(|| wrong(lengths))?;
    Ok(Pair { isl: spread(isl)?, osl: spread(osl)?, percent: number(percent)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::RootSeed;
    use proptest::prelude::*;

    #[test]
    fn all_forms_say_the_same() {
        let spread = |mean, stddev| Spread { mean, stddev };
        let pairs = |sd| {
            vec![
                Pair { isl: spread(128.0, sd), osl: spread(64.0, 0.0), percent: 60.0 },
                Pair { isl: spread(512.0, 0.0), osl: spread(256.0, 0.0), percent: 40.0 },
            ]
        };
        for (text, sd) in [
            ("128,64:60;512,256:40", 0.0),
            (" 128|10 , 64 : 60 ; 512|0,256:40;", 10.0),
            ("[(128,64):60,(512,256):40]", 0.0),
            ("[(128|10,64):60, (512,256):40]", 10.0),
            (r#"{"pairs":[{"isl":128,"osl":64,"prob":60,"isl_stddev":10},{"isl":512,"osl":256,"prob":40}]}"#, 10.0),
        ] {
            assert_eq!(Mixture::parse(text).map(|mixture| mixture.pairs), Ok(pairs(sd)), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            ("", "expected ISL,OSL:PERCENT"),
            ("128:60", "`128` cannot be read; expected ISL,OSL"),
            ("128,64:60;512,256:30", "the shares add up to 90, but must to 100 percent"),
            ("0,64:100", "a length is not above 0"),
            ("5,6:-1;5,6:101", "a share is -1"),
            ("{\"pairs\":[{\"isl\":1}]}", "missing field `osl`"),
        ] {
            let error = Mixture::parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn shares_are_kept() {
        let mixture = Mixture::parse("1,1:70;2,2:30").unwrap();
        let mut stream = RootSeed::new(1).stream("x");
        let first = (0..10_000).filter(|_| drawn(mixture.pairs(), &mut stream).unwrap().isl.mean == 1.0).count();
        assert!((6_800..7_200).contains(&first), "{first}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), like in "[\\[({:;,|0-9.)\\]} ]{0,40}") {
            let _ = Mixture::parse(&text);
            let _ = Mixture::parse(&like);
        }
    }
}
