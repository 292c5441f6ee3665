//! Variables that look like this program's and are none: a slip in a name is a setting that silently isn't there.

use clap::CommandFactory;
use understudy_core::syntax::similar::nearest;

use super::Cli;
use crate::output;

/// What names of this program's variables begin with.
const PREFIXES: [&str; 2] = ["OSO_", "UNDERSTUDY_"];

/// Says so of those of this process, for a server that is about to start.
pub fn tell() {
    for line in variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())) {
        output::error_line(format_args!("understudy: {line}"));
    }
}

/// A line for each of these names that begins as ours do and is known to no command; it names the nearest that is.
fn variables(names: impl Iterator<Item = String>) -> Vec<String> {
    let command = Cli::command();
    let commands = std::iter::once(&command).chain(command.get_subcommands());
    let known: Vec<&str> = commands
        .flat_map(clap::Command::get_arguments)
        .filter_map(|argument| argument.get_env().and_then(|name| name.to_str()))
        .collect();
    let is_ours = |name: &str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let mut unknown: Vec<String> = names.filter(|name| is_ours(name) && !known.contains(&name.as_str())).collect();
    unknown.sort();
    let line = |name: String| match nearest(&name, known.iter().copied()) {
        Some(near) => format!("{} isn't a variable of this program: did you mean {near}?", name.escape_debug()),
        None => format!("{} isn't a variable of this program: it has no effect", name.escape_debug()),
    };
    unknown.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_nearest_is_named() {
        let names = [
            "PATH",
            "OSO_ENVIROMENT",
            "OSO_PORT",
            "OSO_TLS_CERT",
            "OSO_SOMETHING_ELSE",
            "PORT",
            "UNDERSTUDY_KEYS",
            "UNDERSTUDY_KEY",
        ];
        assert_eq!(
            super::variables(names.into_iter().map(str::to_owned)),
            [
                "OSO_ENVIROMENT isn't a variable of this program: did you mean OSO_ENVIRONMENT?",
                "OSO_SOMETHING_ELSE isn't a variable of this program: it has no effect",
                "UNDERSTUDY_KEY isn't a variable of this program: did you mean UNDERSTUDY_KEYS?"
            ]
        );
    }
}
