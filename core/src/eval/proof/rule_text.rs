//! A rule's text as its author wrote it, found again by its line.

use std::collections::BTreeMap;

use crate::{
    compile::Source,
    limits::EXPLAIN_RULE_BYTES_MAX,
    model::{Explanation, explanation::By},
    rules::rule::Program,
};

/// Text of every rule that the explanation names, by its number. `sources`: those the program was compiled from.
pub fn texts(program: &Program, sources: &[Source<'_>], explanation: &Explanation) -> BTreeMap<u32, String> {
    let ways = explanation.steps.iter().flat_map(|step| &step.ways);
    let numbers = ways.filter_map(|way| match way.by {
        By::Rule { number, line: 1.., .. } => Some(number),
        _ => None,
    });
    numbers.filter_map(|number| Some((number, of_rule(program, sources, number)?))).collect()
}

fn of_rule(program: &Program, sources: &[Source<'_>], number: u32) -> Option<String> {
    let rule = program.rules.get(number as usize)?;
    let text = sources.get(rule.file as usize)?.text;
    let start = text.split_inclusive('\n').take(rule.line.checked_sub(1)? as usize).map(str::len).sum::<usize>();
    let from = text.get(start..)?;
    is_alone(from.lines().next()?).then(|| statement(from))
}

/// Does nothing else begin on the line? A rule is known by its line alone, and another's text would mislead.
fn is_alone(line: &str) -> bool {
    let opens_block =
        ["actor ", "resource ", "global ", "test "].iter().any(|word| line.trim_start().starts_with(word));
    let (mut in_string, mut is_escaped) = (false, false);
    let end = line.find(|c: char| {
        let ends = !in_string && (c == ';' || c == '#');
        in_string ^= c == '"' && !is_escaped;
        is_escaped = in_string && c == '\\' && !is_escaped;
        ends
    });
    let rest = end.and_then(|end| line.get(end..)).unwrap_or_default().trim_start_matches(';');
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '}');
    !opens_block && (rest.is_empty() || rest.starts_with('#'))
}

/// From the beginning of a line to the first `;` outside of strings and comments, on one line.
fn statement(text: &str) -> String {
    let mut out = String::new();
    let (mut in_string, mut in_comment, mut is_escaped) = (false, false, false);
    for c in text.chars() {
        if in_comment {
            in_comment = c != '\n';
            continue;
        }
        match c {
            '"' if !is_escaped => in_string = !in_string,
            '#' if !in_string => {
                in_comment = true;
                continue;
            }
            ';' if !in_string => {
                out.push(c);
                break;
            }
            _ => {}
        }
        is_escaped = in_string && c == '\\' && !is_escaped;
        if c.is_whitespace() && !in_string {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.push(c);
        }
        if out.len() >= EXPLAIN_RULE_BYTES_MAX {
            out.push('…');
            break;
        }
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{is_alone, statement};

    #[test]
    fn a_text_is_shown_only_of_a_rule_that_has_its_line_for_itself() {
        for (line, expected) in [
            ("  \"read\" if \"viewer\"; # a; b", true),
            ("a(x) if b(x, \";\") and", true),
            ("  \"read\" if \"viewer\"; }", true),
            ("a(x) if b(x); c(x) if d(x);", false),
            ("resource Doc { roles = [\"a\"]; \"x\" if \"a\"; }", false),
        ] {
            assert_eq!(is_alone(line), expected, "{line}");
        }
    }

    #[test]
    fn a_rule_is_its_text_on_one_line() {
        for (text, expected) in [
            ("  \"read\" if \"viewer\";\n next", "\"read\" if \"viewer\";"),
            ("a(x) if # why; not\n  b(x) and\n  c(x, \"; # \");", "a(x) if b(x) and c(x, \"; # \");"),
            ("a(x) if b(x)", "a(x) if b(x)"),
            ("a(\"\\\";\");", "a(\"\\\";\");"),
        ] {
            assert_eq!(statement(text), expected);
        }
    }
}
