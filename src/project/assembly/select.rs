//! Which stacks a pattern names, as on the CDK's command line: `Prod/*` takes the stacks of one stage, `**` all.

/// Whether a stack's path fits. `*` stands for any text within one part of a path, `**` for any text at all.
pub fn matches(pattern: &str, path: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("**") {
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        return rest.is_empty() || tails(path).any(|tail| matches(rest, tail));
    }
    if let Some(rest) = pattern.strip_prefix('*') {
        let part = path.find('/').unwrap_or(path.len());
        return tails(path)
            .take_while(|tail| path.len() - tail.len() <= part)
            .any(|tail| matches(rest, tail));
    }
    match (pattern.chars().next(), path.chars().next()) {
        (None, None) => true,
        (Some(wanted), Some(found)) if wanted == found => {
            matches(&pattern[wanted.len_utf8()..], &path[found.len_utf8()..])
        }
        _ => false,
    }
}

/// The text and all that is left of it after each of its characters.
fn tails(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.char_indices().map(|(start, _)| start);
    starts.chain([text.len()]).map(move |start| &text[start..])
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stays_within_a_part_of_the_path() {
        for (pattern, path, fits) in [
            ("Net", "Net", true),
            ("Net", "Network", false),
            ("Prod/*", "Prod/Net", true),
            ("Prod/*", "Prod/Eu/Net", false),
            ("Prod/**", "Prod/Eu/Net", true),
            ("*", "Net", true),
            ("*", "Prod/Net", false),
            ("**", "Prod/Net", true),
            ("**/Net", "Net", true),
            ("**/Net", "Prod/Eu/Net", true),
            ("*/Net", "Prod/Net", true),
            ("P*d/N*", "Prod/Net", true),
            ("P*d/N*", "Prod/Data", false),
        ] {
            assert_eq!(matches(pattern, path), fits, "{pattern} {path}");
        }
    }
}
