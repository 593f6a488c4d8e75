//! What a `sim://` URL asks of its engine: the pace, the number of slots, the length of a reply, the share that fails.
//! Knows no request and no clock.

use std::time::Duration;

use aiperf_abi::{Error, Result};

/// Every key of the query, with what its value looks like.
const KEYS: &[(&str, &str)] = &[
    ("ttft", "a time like 50ms, 1.5s, 200us, or a number of milliseconds"),
    ("itl", "a time like 5ms, 1.5s, 200us, or a number of milliseconds"),
    ("slots", "a whole number from 1 to 4294967295"),
    ("osl", "a whole number from 1 to 4294967295"),
    ("fail", "a share from 0 to 1, like 0.1"),
    ("status", "an HTTP status from 400 to 599"),
];

const MILLION: u64 = 1_000_000;
/// Longer than any run, and small enough to be added to a time without care.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How an engine behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    /// From a request's admission to its first token.
    pub(super) ttft: Duration,
    /// From one token to the next.
    pub(super) itl: Duration,
    /// Requests that are worked on at the same time.
    pub(super) slots: u32,
    /// Tokens of a reply where the request does not say.
    pub(super) osl: u32,
    /// How many of a million requests are refused.
    fail_per_million: u64,
    /// What these are answered with.
    pub(super) fail_status: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ttft: Duration::from_millis(20),
            itl: Duration::from_millis(5),
            slots: 256,
            osl: 16,
            fail_per_million: 0,
            fail_status: 503,
        }
    }
}

impl Settings {
    /// What `url` asks for: defaults, and what its query says instead.
    ///
    /// # Errors
    /// When a key is unknown or a value is none; the message names both.
    pub(super) fn of_url(url: &str) -> Result<Self> {
        let mut settings = Self::default();
        for pair in Address::of(url).query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some((_, expected)) = KEYS.iter().find(|(known, _)| *known == key) else {
                return Err(unknown_key(url, key));
            };
            settings.set(key, value).ok_or_else(|| {
                Error::invalid_config(format!("`{key}={value}` in the URL `{url}`: `{key}` wants {expected}"))
            })?;
        }
        Ok(settings)
    }

    /// `None` where the value is no value of this key.
    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "ttft" => self.ttft = duration(value)?,
            "itl" => self.itl = duration(value)?,
            "slots" => self.slots = value.parse().ok().filter(|slots| *slots > 0)?,
            "osl" => self.osl = value.parse().ok().filter(|osl| *osl > 0)?,
            "fail" => {
                let share = value.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share))?;
                self.fail_per_million = (share * MILLION as f64).round() as u64;
            }
            "status" => self.fail_status = value.parse().ok().filter(|status| (400..600).contains(status))?,
            _ => return None,
        }
        Some(())
    }

    /// Whether the `nth` request, counted from 1, is one of those refused. They are spread evenly.
    pub(super) fn fails(&self, nth: u64) -> bool {
        let failed_of_first = |n: u64| u128::from(n) * u128::from(self.fail_per_million) / u128::from(MILLION);
        failed_of_first(nth) > failed_of_first(nth - 1)
    }
}

/// The parts of a URL that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address<'a> {
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
}

impl<'a> Address<'a> {
    pub(super) fn of(url: &'a str) -> Self {
        let rest = url.split_once("://").map_or(url, |(_scheme, rest)| rest);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self { host, path, query }
    }
}

fn unknown_key(url: &str, key: &str) -> Error {
    let names: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
    let nearest = names.iter().min_by_key(|name| strsim::damerau_levenshtein(name, key)).expect("there are keys");
    Error::invalid_config(format!(
        "unknown key `{key}` in the URL `{url}`; did you mean `{nearest}`? There are {}",
        names.join(", ")
    ))
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().ok()?;
    let seconds = match &text[digits.len()..] {
        "us" => number / 1e6,
        "ms" | "" => number / 1e3,
        "s" => number,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| *duration <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_read_and_the_rest_keeps_its_default() {
        let url = "sim://gpu/v1?ttft=1.5s&itl=200us&slots=4&osl=7&fail=0.25&status=429";
        let expected = Settings {
            ttft: Duration::from_millis(1500),
            itl: Duration::from_micros(200),
            slots: 4,
            osl: 7,
            fail_per_million: 250_000,
            fail_status: 429,
        };
        assert_eq!(Settings::of_url(url).unwrap(), expected);
        assert_eq!(Settings::of_url("sim://").unwrap(), Settings::default());
        let two = Settings::of_url("sim://?ttft=0&itl=2.5").unwrap();
        assert_eq!((two.ttft, two.itl), (Duration::ZERO, Duration::from_micros(2500)));
    }

    #[test]
    fn what_is_no_setting_is_an_error_that_says_where_and_what_instead() {
        let message = |url: &str| Settings::of_url(url).unwrap_err().to_string();
        let unknown = message("sim://?tftt=5ms");
        assert!(unknown.contains("`tftt`") && unknown.contains("did you mean `ttft`"), "{unknown}");
        for bad in
            ["ttft=fast", "ttft=-1ms", "itl=5m", "itl=", "slots=0", "osl=1.5", "fail=2", "status=200", "ttft=1e99s"]
        {
            let said = message(&format!("sim://?{bad}"));
            assert!(said.contains(&format!("`{bad}`")) && said.contains("wants"), "{said}");
        }
    }

    #[test]
    fn the_share_that_fails_is_exact_and_evenly_spread() {
        for (share, failed) in [("0", 0), ("0.1", 10), ("0.29", 29), ("0.5", 50), ("1", 100)] {
            let settings = Settings::of_url(&format!("sim://?fail={share}")).unwrap();
            assert_eq!((1..=100).filter(|nth| settings.fails(*nth)).count(), failed, "{share}");
        }
        let tenth = Settings::of_url("sim://?fail=0.1").unwrap();
        assert_eq!((1..=30).filter(|nth| tenth.fails(*nth)).collect::<Vec<_>>(), [10, 20, 30]);
    }

    #[test]
    fn an_address_falls_into_host_path_and_query() {
        let of = |url| {
            let Address { host, path, query } = Address::of(url);
            (host, path, query)
        };
        assert_eq!(of("sim:///v1/chat/completions?ttft=5ms"), ("", "/v1/chat/completions", "ttft=5ms"));
        assert_eq!(of("sim://a/rerank"), ("a", "/rerank", ""));
        assert_eq!(of("sim://?x=/y"), ("", "", "x=/y"));
    }
}
