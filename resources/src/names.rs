//! Generated physical names: `project-env-stack-LogicalId-SUFFIX` within what the service allows; the suffix is never cut.

use payctl_model::{Address, Incarnation};

/// What a service allows as a name.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// The property that holds it.
    pub property: &'static str,
    /// The greatest length, in characters.
    pub max: usize,
    /// Characters allowed besides letters, digits and `-`.
    pub also: &'static str,
    /// Whether upper case is not allowed (or not kept).
    pub lower: bool,
    /// What stands before the name: `/aws/`, `alias/`.
    pub prefix: &'static str,
    /// What the name must end with where a property is true.
    pub ending: Option<(&'static str, &'static str)>,
}

impl Name {
    /// Letters, digits and hyphens.
    pub const fn of(property: &'static str, max: usize) -> Name {
        Name {
            property,
            max,
            also: "",
            lower: false,
            prefix: "",
            ending: None,
        }
    }

    /// The same in lower case.
    pub const fn lower(property: &'static str, max: usize) -> Name {
        Name {
            property,
            max,
            also: "",
            lower: true,
            prefix: "",
            ending: None,
        }
    }
}

/// A name for one incarnation of a resource.
pub fn generate(
    name: &Name,
    project: &str,
    environment: &str,
    address: &Address,
    incarnation: &Incarnation,
) -> String {
    let stack = address.stack.replace('/', "-");
    let readable = [project, environment, &stack, &address.logical_id].join("-");
    let mut text = String::with_capacity(readable.len());
    for character in readable.chars() {
        let allowed = character.is_ascii_alphanumeric() || name.also.contains(character);
        match character {
            _ if allowed => text.push(character),
            // Two hyphens in a row are refused by several services (RDS, ELB).
            _ if !text.ends_with('-') => text.push('-'),
            _ => {}
        }
    }
    let suffix = incarnation.suffix();
    let room = name
        .max
        .saturating_sub(name.prefix.len() + suffix.len() + 1);
    // All ASCII: what is not became a hyphen.
    text.truncate(room);
    let text = text.trim_matches('-');
    let text = if text.starts_with(|first: char| first.is_ascii_digit()) {
        format!("p{}", &text[1..])
    } else {
        text.to_owned()
    };
    let joined = if text.is_empty() {
        suffix.to_owned()
    } else {
        format!("{text}-{suffix}")
    };
    let joined = if name.lower {
        joined.to_ascii_lowercase()
    } else {
        joined
    };
    format!("{}{joined}", name.prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_suffix_whatever_is_cut() {
        let address = Address::new("us-east-1", "primary/nested", "LoadBalancer");
        let incarnation = Incarnation("abcdefghijklmnopqrstuvwxyz".into());
        let long = generate(
            &Name::of("Name", 255),
            "payments",
            "prod",
            &address,
            &incarnation,
        );
        assert_eq!(
            long,
            "payments-prod-primary-nested-LoadBalancer-abcdefghijkl"
        );
        let short = generate(
            &Name::lower("Name", 32),
            "pay_ments",
            "prod",
            &address,
            &incarnation,
        );
        assert_eq!(short, "pay-ments-prod-prim-abcdefghijkl");
        assert!(
            generate(&Name::of("Name", 12), "p", "e", &address, &incarnation)
                .ends_with("abcdefghijkl")
        );
    }
}
