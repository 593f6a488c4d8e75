//! The floors of the host and the arrows that are allowed beside the rule. Data only.

/// Every room of the host, and its floor. An arrow (an import) points to a lower floor.
pub(crate) const ROOMS: &[(&str, u8)] = &[
    ("main", 6),
    ("cli", 6),
    ("run", 5),
    ("conformance", 5),
    ("builtin", 4),
    ("config", 4),
    ("plan", 4),
    ("communication", 3),
    ("dataset", 3),
    ("export", 3),
    ("handler", 3),
    ("metric", 3),
    ("record", 3),
    ("service", 3),
    ("telemetry", 3),
    ("timing", 3),
    ("ui", 3),
    ("worker", 3),
    ("endpoint", 2),
    ("plugin", 2),
    ("tokenizer", 2),
    ("transport", 2),
    // Nouns know other nouns, and nothing else.
    ("credit", NOUNS),
    ("exchange", NOUNS),
    ("facts", NOUNS),
    ("reply", NOUNS),
    // These know nobody.
    ("aside", 0),
    ("clock", 0),
    ("exit", 0),
    ("priority", 0),
    ("random", 0),
    ("secret", 0),
];

/// The floor whose rooms may know each other.
pub(crate) const NOUNS: u8 = 1;

/// An arrow between two rooms of one floor: from files under a path, to modules under a path, and why it is needed. Only a
/// file of unit tests may be listed with an arrow that points up.
pub(crate) struct Level {
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    pub(crate) because: &'static str,
}

pub(crate) const LEVEL: &[Level] = &[
    Level { from: "main.rs", to: "cli", because: "the binary is one call of it" },
    Level { from: "plan/", to: "config", because: "a plan is what the configuration says, resolved" },
    Level {
        from: "plan/detection.rs",
        to: "builtin::table",
        because: "what a file is, its loaders are asked, and they are made here as everywhere",
    },
    Level { from: "plan/error.rs", to: "builtin::table", because: "such a loader may be broken" },
    Level {
        from: "endpoint/reading.rs",
        to: "transport::sse",
        because: "the dialects share one reader of streams, and its framing is the transport's knowledge",
    },
    Level {
        from: "endpoint/reading.rs",
        to: "transport::failure",
        because: "an error event in a stream becomes the same failure as an error of the connection",
    },
    Level {
        from: "transport/in_engine",
        to: "tokenizer",
        because: "the engine inside the process answers in tokens, as a server does",
    },
    Level {
        from: "plugin/registry/tests.rs",
        to: "builtin",
        because: "who wins a name is tested against the built-in manifest that is shipped",
    },
];
