//! Composite alarms: their rules, and the states that follow from the alarms that these name.

use super::alarms::KIND;
use crate::call::Call;
use crate::error::Fault;
use crate::law::Law;
use crate::world::{Key, Record, Step};
use std::collections::BTreeSet;

const PAGE: &str = "CloudWatch API Reference, PutCompositeAlarm, AlarmRule";
/// Alarms of one rule, and elements: "child alarms, TRUE or FALSE statements, and parentheses".
const CHILDREN: usize = 100;
const ELEMENTS: usize = 500;
/// Parentheses and NOTs within each other.
const DEPTH: usize = 100;
/// A change of an alarm is seen by those that watch it after so many seconds.
const SOON: f64 = 1.0;

/// A rule, as it is evaluated.
#[derive(Debug, Clone, PartialEq)]
enum Rule {
    Always(bool),
    /// An alarm, by name or ARN, is in a state.
    Is(&'static str, String),
    Not(Box<Rule>),
    All(Vec<Rule>),
    Any(Vec<Rule>),
}

/// What a rule consists of.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Word(String),
    Quoted(String),
}

const STATES: [&str; 3] = ["ALARM", "OK", "INSUFFICIENT_DATA"];

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, after) = match first {
            '(' => (Some(Token::Open), &rest[1..]),
            ')' => (Some(Token::Close), &rest[1..]),
            '"' | '\'' => {
                let inner = &rest[1..];
                let (name, after) = inner
                    .split_once(first)
                    .ok_or("a name's quotation mark is not closed")?;
                (Some(Token::Quoted(name.to_owned())), after)
            }
            space if space.is_whitespace() => (None, &rest[space.len_utf8()..]),
            _ => {
                let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '\'');
                let end = rest.find(ends).unwrap_or(rest.len());
                (Some(Token::Word(rest[..end].to_owned())), &rest[end..])
            }
        };
        found.extend(token);
        rest = after;
    }
    Ok(found)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn word(&self) -> Option<&str> {
        match self.tokens.get(self.at) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is_it = self.tokens.get(self.at) == Some(token);
        self.at += usize::from(is_it);
        is_it
    }

    fn chain(&mut self, operator: &str, depth: usize) -> Result<Vec<Rule>, String> {
        let mut parts = Vec::new();
        loop {
            parts.push(match operator {
                "OR" => match self.chain("AND", depth)? {
                    mut one if one.len() == 1 => one.remove(0),
                    all => Rule::All(all),
                },
                _ => self.one(depth)?,
            });
            if self.word() != Some(operator) {
                return Ok(parts);
            }
            self.at += 1;
        }
    }

    fn rule(&mut self, depth: usize) -> Result<Rule, String> {
        let mut any = self.chain("OR", depth)?;
        Ok(if any.len() == 1 {
            any.remove(0)
        } else {
            Rule::Any(any)
        })
    }

    fn one(&mut self, depth: usize) -> Result<Rule, String> {
        let depth = depth.checked_sub(1).ok_or("it is nested too deeply")?;
        if self.takes(&Token::Open) {
            let rule = self.rule(depth)?;
            if !self.takes(&Token::Close) {
                return Err("a parenthesis is not closed".into());
            }
            return Ok(rule);
        }
        let word = self.word().unwrap_or_default().to_owned();
        self.at += 1;
        match word.as_str() {
            "NOT" => Ok(Rule::Not(Box::new(self.one(depth)?))),
            "TRUE" => Ok(Rule::Always(true)),
            "FALSE" => Ok(Rule::Always(false)),
            _ => {
                let state = STATES.into_iter().find(|state| *state == word);
                let state =
                    state.ok_or("ALARM, OK, INSUFFICIENT_DATA, TRUE or FALSE is expected")?;
                if !self.takes(&Token::Open) {
                    return Err(format!("the alarm of {state} is missing"));
                }
                let mut names: Vec<String> = Vec::new();
                while !self.takes(&Token::Close) {
                    match self.tokens.get(self.at) {
                        Some(Token::Word(name) | Token::Quoted(name)) => names.push(name.clone()),
                        _ => return Err(format!("the parenthesis of {state} is not closed")),
                    }
                    self.at += 1;
                }
                match names.as_slice() {
                    [name] if !name.is_empty() => Ok(Rule::Is(state, name.clone())),
                    _ => Err(format!("{state} takes the name or ARN of one alarm")),
                }
            }
        }
    }
}

fn parse(text: &str) -> Result<Rule, String> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens, at: 0 };
    let rule = parser.rule(DEPTH)?;
    if parser.at < parser.tokens.len() {
        return Err("AND, OR or the end is expected".into());
    }
    Ok(rule)
}

impl Rule {
    fn children<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Rule::Always(_) => {}
            Rule::Is(_, name) => found.push(name),
            Rule::Not(rule) => rule.children(found),
            Rule::All(rules) | Rule::Any(rules) => {
                rules.iter().for_each(|rule| rule.children(found));
            }
        }
    }

    fn holds(&self, call: &Call) -> bool {
        match self {
            Rule::Always(value) => *value,
            Rule::Is(state, name) => call
                .find(KIND, name)
                .is_some_and(|alarm| alarm.is("StateValue", state)),
            Rule::Not(rule) => !rule.holds(call),
            Rule::All(rules) => rules.iter().all(|rule| rule.holds(call)),
            Rule::Any(rules) => rules.iter().any(|rule| rule.holds(call)),
        }
    }
}

/// The alarms that a rule names, by name or ARN.
fn children(rule: &str) -> Vec<String> {
    let Ok(rule) = parse(rule) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    rule.children(&mut found);
    found.into_iter().map(str::to_owned).collect()
}

/// Whether an alarm's rule names this one.
pub(super) fn depends(other: &Record, alarm: &Record) -> bool {
    children(other.text("AlarmRule"))
        .iter()
        .any(|name| *name == alarm.id || *name == alarm.arn)
}

/// A rule that CloudWatch understands.
pub(super) const EXPRESSION: Law = Law {
    name: "a composite alarm's rule is an expression, of at most 100 alarms and 500 elements",
    operations: &["PutCompositeAlarm"],
    source: PAGE,
    fault: Fault::new("ValidationError", "AlarmRule is invalid: {message}"),
    check: Some(|call, law| {
        let text = call.text("AlarmRule").unwrap_or_default();
        let wrong = match parse(text) {
            Err(message) => Some(message),
            Ok(_) if children(text).len() > CHILDREN => {
                Some(format!("it names more than {CHILDREN} alarms"))
            }
            Ok(_) => {
                let elements = tokens(text).unwrap_or_default().into_iter();
                let elements = elements.filter(|token| match token {
                    Token::Word(word) => !matches!(word.as_str(), "AND" | "OR" | "NOT"),
                    _ => true,
                });
                (elements.count() > ELEMENTS)
                    .then(|| format!("it has more than {ELEMENTS} elements"))
            }
        };
        match wrong {
            Some(message) => Err(law.fault.with(&[("message", &message)])),
            None => Ok(()),
        }
    }),
};

/// The alarms of a composite one's rule come first.
pub(super) const RULE: Law = Law {
    name: "the alarms of a composite alarm's rule exist",
    operations: &["PutCompositeAlarm"],
    source: PAGE,
    fault: Fault::new(
        "ValidationError",
        "Could not save the composite alarm as alarms [{names}] in the alarm rule do not exist",
    ),
    check: Some(|call, law| {
        let named = children(call.text("AlarmRule").unwrap_or_default());
        let missing: Vec<&str> = named
            .iter()
            .map(String::as_str)
            .filter(|name| call.find(KIND, name).is_none())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(law.fault.with(&[("names", &missing.join(", "))]))
    }),
};

/// What suppresses actions is an alarm, and how long it does is said.
pub(super) const SUPPRESSOR: Law = Law {
    name: "a suppressor exists, and comes with both of its periods",
    operations: &["PutCompositeAlarm"],
    source: "CloudWatch API Reference, PutCompositeAlarm, ActionsSuppressor, ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod",
    fault: Fault::new("ValidationError", "{message}"),
    check: Some(|call, law| {
        let periods = [
            "ActionsSuppressorWaitPeriod",
            "ActionsSuppressorExtensionPeriod",
        ];
        let given = |member: &&str| call.input.contains_key(*member);
        let message = match call.text("ActionsSuppressor") {
            Some(name) if call.find(KIND, name).is_none() => {
                format!("ActionsSuppressor {name} does not exist")
            }
            Some(_) => match periods.iter().find(|member| !given(member)) {
                Some(member) => format!("{member} must be given with ActionsSuppressor"),
                None => return Ok(()),
            },
            None => match periods.iter().find(|member| given(member)) {
                Some(member) => format!("{member} must not be given without ActionsSuppressor"),
                None => return Ok(()),
            },
        };
        Err(law.fault.with(&[("message", &message)]))
    }),
};

/// Composite alarms go one by one.
pub(super) const ONE: Law = Law {
    name: "at most one composite alarm is deleted by a call",
    operations: &["DeleteAlarms"],
    source: "CloudWatch API Reference, DeleteAlarms: this total can include no more than one composite alarm",
    fault: Fault::new(
        "ValidationError",
        "DeleteAlarms can delete at most one composite alarm per request.",
    ),
    check: Some(|call, law| {
        let names = call.texts("AlarmNames[]");
        let composite = names.iter().filter(|name| {
            call.find(KIND, name)
                .is_some_and(|alarm| alarm.body.contains_key("AlarmRule"))
        });
        if composite.count() > 1 {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// An alarm stays while a rule names it.
pub(super) const CHILD: Law = Law {
    name: "an alarm that a composite alarm depends on is not deleted",
    operations: &["DeleteAlarms"],
    source: "CloudWatch API Reference, DeleteAlarms",
    fault: Fault::new(
        "ValidationError",
        "Cannot delete {id} as there are composite alarm(s) depending on it.",
    ),
    check: Some(|call, law| {
        for name in call.texts("AlarmNames[]") {
            let Some(alarm) = call.find(KIND, &name) else {
                continue;
            };
            if call.list(KIND).any(|other| depends(other, alarm)) {
                return Err(law.fault.with(&[("id", &name)]));
            }
        }
        Ok(())
    }),
};

/// A composite alarm is evaluated as soon as it is put, and whenever an alarm of its rule changes (PutCompositeAlarm: "The
/// alarm is then evaluated and its state is set appropriately").
pub(super) fn evaluate_soon(call: &mut Call, name: &str) {
    let at = call.now + SOON;
    call.update(KIND, name, |alarm| {
        if alarm.body.contains_key("AlarmRule") {
            alarm.steps.push(Step::event(at, "evaluate"));
        }
    });
}

/// Tells those that watch an alarm that its state is another.
pub(super) fn changed(call: &mut Call, name: &str) {
    let Some(alarm) = call.find(KIND, name) else {
        return;
    };
    let watching: Vec<String> = call
        .list(KIND)
        .filter(|other| depends(other, alarm))
        .map(|other| other.id.clone())
        .collect();
    for other in watching {
        evaluate_soon(call, &other);
    }
}

/// Whether an alarm depends on itself: CloudWatch cannot evaluate such (PutCompositeAlarm: "a loop or cycle").
fn circular(call: &Call, alarm: &Record) -> bool {
    let (mut open, mut seen) = (children(alarm.text("AlarmRule")), BTreeSet::new());
    while let Some(name) = open.pop() {
        let Some(child) = call.find(KIND, &name) else {
            continue;
        };
        if child.id == alarm.id {
            return true;
        }
        if seen.insert(child.id.clone()) {
            open.extend(children(child.text("AlarmRule")));
        }
    }
    false
}

pub(super) fn on_event(call: &mut Call, key: &Key, _: &str) {
    let Some(alarm) = call.find(KIND, &key.id) else {
        return;
    };
    let Ok(rule) = parse(alarm.text("AlarmRule")) else {
        return;
    };
    let state = if rule.holds(call) { "ALARM" } else { "OK" };
    if circular(call, alarm) || alarm.is("StateValue", state) {
        return;
    }
    let (now, id) = (call.now, key.id.clone());
    let reason = format!("The rule of {} is {} now", alarm.arn, state == "ALARM");
    call.update(KIND, &id, |alarm| {
        alarm.set("StateValue", state);
        alarm.set("StateReason", reason);
        alarm.set("StateUpdatedTimestamp", now);
        alarm.set("StateTransitionedTimestamp", now);
    });
    changed(call, &id);
}

#[cfg(test)]
mod tests {
    use super::{children, parse};

    #[test]
    fn rules_name_alarms() {
        let rule = "(ALARM(\"a b\") OR OK(c)) AND NOT INSUFFICIENT_DATA('arn:aws:x') AND TRUE";
        assert_eq!(children(rule), ["a b", "c", "arn:aws:x"]);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for rule in [
            "",
            "ALARM",
            "ALARM()",
            "ALARM(a",
            "ALARM(a) ALARM(b)",
            "ALARM(a) AND",
            "(ALARM(a)",
            "ALARM(\"a)",
            "BUSY(a)",
            "ALARM(a b)",
            &"(".repeat(100_000),
            &"NOT ".repeat(100_000),
        ] {
            assert!(parse(rule).is_err(), "{}", &rule[..rule.len().min(40)]);
        }
        assert!(parse("NOT (TRUE AND FALSE) OR OK(a)").is_ok());
    }
}
