//! Which room uses which, as ARCHITECTURE.md draws it. A room is a module of a crate's root, or one below it where the
//! longer name stands here; a file belongs to the longest name that fits.

/// A package and its rooms, each with the rooms that it may use.
pub struct Package {
    /// The crate's root, from the repository's.
    pub entry: &'static str,
    pub rooms: &'static [(&'static str, &'static [&'static str])],
}

const CORE: &str = "core/src/lib.rs";
const HOST: &str = "host-native/src/lib.rs";
const CALLS: &str = "sdk-shim/calls/src/lib.rs";
const WIRE: &str = "sdk-shim/wire/src/lib.rs";

pub const PACKAGES: [Package; 4] = [
    Package {
        entry: CORE,
        rooms: &[
            ("model", &[]),
            ("limits", &[]),
            ("syntax", &["model", "limits"]),
            ("analysis", &["syntax", "model", "limits"]),
            ("rules", &["analysis", "syntax", "model", "limits"]),
            ("compile", &["rules", "analysis", "syntax", "model", "limits"]),
            ("facts", &["model"]),
            ("snapshot", &["facts", "rules", "syntax", "model", "limits"]),
            ("vocabulary", &["facts", "rules"]),
            ("unknown_names", &["vocabulary", "limits", "facts", "rules", "syntax", "model"]),
            ("pages", &["model"]),
            ("eval", &["unknown_names", "facts", "rules", "syntax", "model", "limits"]),
            (
                "engine",
                &[
                    "unknown_names",
                    "pages",
                    "vocabulary",
                    "eval",
                    "snapshot",
                    "facts",
                    "compile",
                    "rules",
                    "analysis",
                    "model",
                ],
            ),
            (
                "raw",
                &["engine", "pages", "vocabulary", "eval", "snapshot", "compile", "rules", "syntax", "model", "limits"],
            ),
        ],
    },
    Package {
        entry: HOST,
        rooms: &[
            ("output", &[]),
            ("mapping", &[]),
            ("files", &[]),
            ("pem", &[]),
            ("connecting", &[]),
            ("keys", &[]),
            ("page_key", &["keys"]),
            ("build", &[]),
            ("guest", &["mapping"]),
            ("http", &["keys", "pem"]),
            ("config", &["guest", "http", "keys"]),
            ("replica", &["config", "connecting", "files", "keys", "mapping", "pem"]),
            ("primary", &["build", "http", "keys", "output"]),
            ("telemetry", &["http", "replica", "output"]),
            ("reports", &["config", "replica", "telemetry"]),
            (
                "app",
                &[
                    "config",
                    "files",
                    "guest",
                    "http",
                    "keys",
                    "output",
                    "page_key",
                    "primary",
                    "replica",
                    "reports",
                    "telemetry",
                ],
            ),
            ("dev", &["app", "config", "primary", "replica"]),
            (
                "cli",
                &[
                    "app",
                    "build",
                    "config",
                    "connecting",
                    "dev",
                    "guest",
                    "http",
                    "keys",
                    "output",
                    "pem",
                    "primary",
                    "replica",
                ],
            ),
        ],
    },
    Package {
        entry: CALLS,
        rooms: &[
            ("keys", &[]),
            ("refusal", &[]),
            ("limits", &[]),
            ("head", &["keys", "limits", "refusal"]),
            ("body", &["limits", "refusal"]),
            ("convert", &["body", "limits", "refusal"]),
            ("question", &["convert", "refusal"]),
            ("explain", &["question", "convert", "refusal"]),
            ("signer", &["keys"]),
            ("page", &["signer", "keys", "refusal"]),
            ("authzen", &["body", "limits", "convert", "dialogue", "refusal", "signer"]),
        ],
    },
    Package {
        entry: WIRE,
        rooms: &[
            ("lenient", &[]),
            ("value", &["lenient"]),
            ("data", &["value"]),
            ("check", &["lenient", "value"]),
            ("agent", &["value"]),
            ("authzen", &["paths"]),
        ],
    },
];

/// Crates of others that have few rooms: name, package, rooms.
pub const OUTSIDE: [(&str, &str, &[&str]); 4] = [
    ("wasmtime", HOST, &["guest"]),
    ("redb", HOST, &["primary"]),
    ("reqwest", HOST, &["replica", "cli", "config", "connecting"]),
    ("rustls", HOST, &["http", "pem", "connecting", "replica", "cli"]),
];

/// Arrows that are still to be turned: package, from, to. The list only gets shorter.
pub const EXCEPTIONS: [(&str, &str, &str); 16] = [
    (CORE, "limits", "facts"),
    (CORE, "analysis", "rules"),
    (CORE, "snapshot", "compile"),
    (CORE, "eval", "compile"),
    (HOST, "build", "http"),
    (HOST, "dev", "cli"),
    (HOST, "guest", "http"),
    (HOST, "guest", "primary"),
    (HOST, "http", "config"),
    (HOST, "keys", "config"),
    (HOST, "page_key", "replica"),
    (HOST, "primary", "config"),
    (HOST, "primary", "replica"),
    (HOST, "replica", "build"),
    (HOST, "replica", "guest"),
    (HOST, "telemetry", "config"),
];
