//! What a metric is: its names, unit, place on the screen, when it applies, and where its value comes from.
//! The metrics themselves are in `catalog`.

use crate::facts::Facts;

/// One metric, defined once. All values are in raw units (see [`Unit`]) until they are shown.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Stable name in files, e.g. `time_to_first_token`.
    pub tag: &'static str,
    /// Name for people.
    pub header: &'static str,
    /// The field's abbreviation, where there is little room.
    pub short_header: Option<&'static str>,
    /// Unit in files and on the console.
    pub unit: Unit,
    /// Place in its console table, small first; absent: last.
    pub order: Option<u32>,
    /// Console table it belongs to.
    pub group: Group,
    /// When it applies and how it is read.
    pub flags: Flags,
    /// The formula in words.
    pub formula: &'static str,
    /// Where its value comes from.
    pub source: Source,
}

/// Where the value of a metric comes from.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// One number per request, kept as a distribution.
    Record(fn(&Facts) -> Option<f64>),
    /// Several numbers per request, kept as one distribution over all of them.
    List(fn(&Facts) -> Vec<f64>),
    /// One number over all requests, folded as they come.
    Tally(Fold, fn(&Facts) -> Option<f64>),
    /// One number from the sums (of records) and values (of tallies) of the named metrics, in that order, and the
    /// length of the phase window in seconds. Skipped where one of them has no value.
    Derived(&'static [&'static str], fn(&[f64], f64) -> Option<f64>),
    /// How many requests met every objective of the run.
    Good,
}

/// How a tally takes in a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// Adds it; starts at 0.
    Sum,
    /// Keeps the smallest.
    Min,
    /// Keeps the largest.
    Max,
}

/// Unit a metric is shown in, and the raw unit it is computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Raw nanoseconds, shown as they are.
    Nanoseconds,
    /// Raw nanoseconds, shown as milliseconds.
    Milliseconds,
    /// Raw nanoseconds, shown as seconds.
    Seconds,
    /// Whole tokens.
    Tokens,
    /// Whole requests.
    Requests,
    /// Anything that is counted and has no unit of its own.
    Count,
    /// Whole images.
    Images,
    /// Raw bytes, shown as 1024 of them.
    Kilobytes,
    /// Tokens per second.
    TokensPerSecond,
    /// Tokens per second as one user sees them.
    TokensPerSecondPerUser,
    /// Requests per second.
    RequestsPerSecond,
    /// Images per second.
    ImagesPerSecond,
    /// Raw nanoseconds for one image, shown as milliseconds.
    MillisecondsPerImage,
    /// Hundredths.
    Percent,
    /// A plain quotient.
    Ratio,
}

impl Unit {
    /// How it is written.
    pub fn label(self) -> &'static str {
        match self {
            Self::Nanoseconds => "ns",
            Self::Milliseconds => "ms",
            Self::Seconds => "sec",
            Self::Tokens => "tokens",
            Self::Requests => "requests",
            Self::Count => "count",
            Self::Images => "images",
            Self::Kilobytes => "KB",
            Self::TokensPerSecond => "tokens/sec",
            Self::TokensPerSecondPerUser => "tokens/sec/user",
            Self::RequestsPerSecond => "requests/sec",
            Self::ImagesPerSecond => "images/sec",
            Self::MillisecondsPerImage => "ms/image",
            Self::Percent => "%",
            Self::Ratio => "ratio",
        }
    }

    /// A raw value as it is shown.
    pub fn shown(self, raw: f64) -> f64 {
        match self {
            Self::Milliseconds | Self::MillisecondsPerImage => raw / 1e6,
            Self::Kilobytes => raw / 1024.0,
            Self::Seconds => raw / 1e9,
            _ => raw,
        }
    }

    /// Whether the value of one request is a whole number when shown.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Nanoseconds | Self::Tokens | Self::Requests | Self::Count | Self::Images)
    }

    /// Steps per raw unit in a histogram: small enough that rounding to a step stays far below 0.1 % of any value
    /// that occurs (a picosecond of time, a billionth of a rate).
    pub fn steps(self) -> f64 {
        match self {
            Self::Tokens | Self::Requests | Self::Count | Self::Images => 1.0,
            Self::Nanoseconds | Self::Milliseconds | Self::MillisecondsPerImage | Self::Seconds => 1e3,
            _ => 1e9,
        }
    }
}

/// Console table a metric belongs to, in the order the tables are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// What a user who does not wait for the client sees: measured from the intended send time.
    Effective,
    /// Times of the transport.
    HttpTiming,
    /// What the server itself counted.
    Usage,
    /// The main table.
    Default,
    /// In files only.
    None,
}

impl Group {
    /// The word in a report; `None` for metrics that are not printed.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Effective => Some("effective"),
            Self::HttpTiming => Some("http_timing"),
            Self::Usage => Some("usage"),
            Self::Default => Some("default"),
            Self::None => None,
        }
    }
}

/// When a metric applies and how it is read; a set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// Only where replies come as a stream.
    pub const STREAMING_ONLY: Self = Self(1);
    /// Only where the endpoint produces tokens.
    pub const PRODUCES_TOKENS_ONLY: Self = Self(1 << 1);
    /// Only where the input is text whose tokens are counted.
    pub const TOKENIZES_INPUT_ONLY: Self = Self(1 << 2);
    /// From failed requests instead of valid ones; left out where there was no failure.
    pub const ERROR_ONLY: Self = Self(1 << 3);
    /// Says something about reasoning.
    pub const SUPPORTS_REASONING: Self = Self(1 << 4);
    /// Compares the server's counts with ours; pointless where ours are the server's.
    pub const USAGE_DIFF_ONLY: Self = Self(1 << 5);
    /// More is better.
    pub const LARGER_IS_BETTER: Self = Self(1 << 6);
    /// For developers: not settled yet.
    pub const EXPERIMENTAL: Self = Self(1 << 7);
    /// For developers: a step on the way to other metrics.
    pub const INTERNAL: Self = Self(1 << 8);
    /// Only where the run says what a good request is.
    pub const GOODPUT_ONLY: Self = Self(1 << 9);

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether any flag of `other` is set.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Builds table rows; all `const`, so that the table is plain data.
impl Metric {
    /// A metric with everything optional left out, in the main table.
    pub const fn new(tag: &'static str, header: &'static str, unit: Unit, source: Source) -> Self {
        Self {
            tag,
            header,
            short_header: None,
            unit,
            order: None,
            group: Group::Default,
            flags: Flags::NONE,
            formula: "",
            source,
        }
    }

    /// With its abbreviation.
    #[must_use]
    pub const fn short(mut self, short_header: &'static str) -> Self {
        self.short_header = Some(short_header);
        self
    }

    /// At a place in a console table.
    #[must_use]
    pub const fn at(mut self, group: Group, order: u32) -> Self {
        self.group = group;
        self.order = Some(order);
        self
    }

    /// In files only.
    #[must_use]
    pub const fn unlisted(mut self) -> Self {
        self.group = Group::None;
        self
    }

    /// With flags, in addition to those it has.
    #[must_use]
    pub const fn flags(mut self, flags: Flags) -> Self {
        self.flags = self.flags.and(flags);
        self
    }

    /// With its formula in words.
    #[must_use]
    pub const fn formula(mut self, formula: &'static str) -> Self {
        self.formula = formula;
        self
    }
}
