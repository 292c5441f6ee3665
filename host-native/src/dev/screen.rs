//! What `dev` shows: coloured on a terminal, plain lines elsewhere. All of it can be pasted.

use std::{
    io::{IsTerminal, Write},
    net::SocketAddr,
    path::Path,
    process::ExitStatus,
};

use super::child::Child;
use crate::primary::config::DEVELOPMENT_KEY;

/// Where to write.
#[derive(Clone, Copy)]
pub struct Screen {
    is_coloured: bool,
}

const BOLD: &str = "1";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const DIM: &str = "2";

impl Screen {
    /// Standard output. `NO_COLOR` turns colours off.
    pub fn new() -> Self {
        let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Screen { is_coloured: is_wanted && std::io::stdout().is_terminal() }
    }

    /// Something takes a moment.
    pub fn step(&self, what: &str) {
        self.print(&format!("{}\n", self.colour(DIM, &format!("{what} …"))));
    }

    /// Both serve.
    pub fn ready(&self, node: SocketAddr, primary: &Child, is_sample: bool) {
        let key = format!("-H 'Authorization: Bearer {DEVELOPMENT_KEY}'");
        let upstream = primary.address();
        let mut text = format!(
            "\n{} http://{node} follows the primary at http://{upstream} (a change arrives within two seconds)\n",
            self.colour(GREEN, "ready:")
        );
        let mut block = |title: &str, lines: &[String]| {
            text.push_str(&format!("\n{}\n", self.colour(BOLD, title)));
            lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
        };
        let ask = |path: &str, body: &str| format!("curl -s {key} http://{node}/api/{path} -d '{body}'; echo");
        if is_sample {
            block(
                "Ask the node. May ann delete the repository web? Which repositories may dee read?",
                &[
                    ask(
                        "authorize",
                        r#"{"actor_type":"User","actor_id":"ann","action":"delete","resource_type":"Repository","resource_id":"web"}"#,
                    ),
                    ask(
                        "list",
                        r#"{"actor_type":"User","actor_id":"dee","action":"read","resource_type":"Repository"}"#,
                    ),
                ],
            );
        } else {
            block("Ask the node.", &[format!("curl -s {key} http://{node}/api/policy_metadata; echo")]);
        }
        block(
            "Write to the primary; ask the node again two seconds later.",
            &[format!(
                "curl -s {key} http://{upstream}/api/batch -d '{}'; echo",
                r#"[{"inserts":[{"predicate":"has_role","args":[{"type":"User","id":"dee"},{"type":"String","id":"writer"},{"type":"Repository","id":"web"}]}]}]"#
            )],
        );
        block(
            "The same from an application: Node.js (npm install oso-cloud), Python (pip install oso-cloud).",
            &[
                format!(
                    "const oso = new Oso('http://{upstream}', '{DEVELOPMENT_KEY}', {{ fallbackUrl: 'http://{node}' }});"
                ),
                format!(
                    "oso = Oso(url='http://{upstream}', api_key='{DEVELOPMENT_KEY}', fallback_url='http://{node}')"
                ),
            ],
        );
        block("Kill the primary and ask again: the node answers on.", &[format!("kill -9 {}", primary.id())]);
        text.push_str(&format!("\n{}\n", self.colour(DIM, "Ctrl-C stops both.")));
        self.print(&text);
    }

    /// The primary is gone.
    pub fn primary_ended(&self, status: ExitStatus, node: SocketAddr, again: &str) {
        let text = format!(
            "\n{} ({status}). The node at http://{node} answers on with what it has.\n\
             To bring it back, in another terminal:\n  {again}\n",
            self.colour(YELLOW, "the primary is gone")
        );
        self.print(&text);
    }

    /// Both have ended.
    pub fn stopped(&self, data: &Path) {
        self.print(&format!("stopped; data kept in {}\n", data.display()));
    }

    fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        // A screen that is gone is no reason to stop serving.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn colour(&self, code: &str, text: &str) -> String {
        if self.is_coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
