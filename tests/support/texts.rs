//! The sentences in a source: string literals that people read, outside of comments, attributes and tests.

/// Every literal with at least two words, in order of source, each on one line, without what stands in tests.
pub fn sentences(source: &str) -> Vec<String> {
    // Tests stand at the end of a file.
    let source = source.split("\n#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(next) = rest.find(['"', '\'', '/', '#']) {
        let (before, at) = rest.split_at(next);
        rest = match at.as_bytes() {
            [b'/', b'/', ..] => after_line(at),
            [b'#', b'[', ..] => after_attribute(at),
            [b'\'', ..] => after_character(at),
            [b'"', ..] => {
                let is_bytes = before.ends_with('b');
                let (text, rest) =
                    if before.ends_with('r') { at[1..].split_once('"') } else { literal(at) }.unwrap_or((&at[1..], ""));
                let text = one_line(text);
                if !is_bytes && is_sentence(&text) {
                    found.push(text);
                }
                rest
            }
            [b'#', b'"', ..] if before.ends_with('r') || before.ends_with("br") => {
                at[2..].split_once("\"#").map_or("", |(_, rest)| rest)
            }
            _ => &at[1..],
        };
    }
    found
}

fn after_line(text: &str) -> &str {
    text.find('\n').map_or("", |end| &text[end..])
}

fn after_attribute(text: &str) -> &str {
    let mut depth = 0;
    let mut rest = &text[1..];
    while let Some(next) = rest.find(['[', ']', '"']) {
        let at = &rest[next..];
        match at.as_bytes().first() {
            Some(b'[') => depth += 1,
            Some(b']') => depth -= 1,
            _ => {
                rest = literal(at).map_or("", |(_, rest)| rest);
                continue;
            }
        }
        rest = &at[1..];
        if depth == 0 {
            break;
        }
    }
    rest
}

/// After a character literal, or after the quote of a lifetime.
fn after_character(text: &str) -> &str {
    let inside = &text[1..];
    if inside.starts_with('\\') {
        return inside[2..].split_once('\'').map_or("", |(_, rest)| rest);
    }
    let mut characters = inside.chars();
    match (characters.next(), characters.next()) {
        (Some(_), Some('\'')) => characters.as_str(),
        _ => inside,
    }
}

/// What stands between the quote that `text` begins with and the next one, and what follows.
fn literal(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '"' if !is_escaped => return Some((&text[1..at], &text[at + 1..])),
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    None
}

/// Line breaks that the source alone has are gone, those of the text are written as they are in the source.
fn one_line(text: &str) -> String {
    let mut lines = text.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |joined, line| joined + line.trim_start()).replace('\n', "\\n")
}

/// Two words of letters beside each other, at least.
fn is_sentence(text: &str) -> bool {
    let is_word = |word: &str| word.chars().filter(|c| c.is_alphabetic()).count() >= 2;
    let words: Vec<&str> = text.split(' ').collect();
    words.windows(2).any(|pair| is_word(pair[0]) && is_word(pair[1]))
}

#[cfg(test)]
mod tests {
    use super::sentences;

    #[test]
    fn finds_what_people_read() {
        let source = r##"
            //! not "this one here"
            #[expect(lint, reason = "not this either")]
            fn f<'a>(c: char) -> &'a str {
                let _ = ('"', '\'', b"not these bytes", r#"nor this raw one"#, "/api/path", r"but this one");
                format!("`{name}` isn't a fact: \
                         write \"so\"")
            }
            #[cfg(test)]
            mod tests { const T: &str = "not of tests"; }
        "##;
        let source = source.replace("\n            #[cfg", "\n#[cfg");
        assert_eq!(sentences(&source), ["but this one", "`{name}` isn't a fact: write \\\"so\\\""]);
    }
}
