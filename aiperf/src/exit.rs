//! Exit codes: a contract with scripts. `--help` and the README list them from here.

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done. Some requests may have failed; results are complete or marked partial.
    Success,
    /// A run that has no result: every request failed, or nothing could be sent.
    Failed,
    /// The command line, a manifest or a plan is wrong. Nothing was sent.
    Usage,
    /// A plugin is missing, broken or refused. Nothing was sent.
    Plugin,
    /// Interrupted twice: results may be incomplete.
    Interrupted,
}

impl Exit {
    /// All of them, for the documentation.
    pub const ALL: [Self; 5] = [Self::Success, Self::Failed, Self::Usage, Self::Plugin, Self::Interrupted];

    /// The number the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Plugin => 3,
            Self::Interrupted => 130,
        }
    }

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Success => "done; some requests may have failed, a run ended by Ctrl-C is marked partial",
            Self::Failed => "no result: every request failed, a check found faults, or results could not be written",
            Self::Usage => "the command line or a file it names is wrong; nothing was sent",
            Self::Plugin => "a plugin is missing, broken or refused; nothing was sent",
            Self::Interrupted => "interrupted twice; results may be incomplete",
        }
    }
}
