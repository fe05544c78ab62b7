//! The policies of a resource: DeletionPolicy, UpdateReplacePolicy, CreationPolicy, UpdatePolicy.

use super::super::PolicyTerm;
use super::super::diagnostic::{Diagnostic, did_you_mean, warn};
use super::super::node::{Entry, Node};
use super::super::stack::DeletionPolicy;
use super::super::syntax::{USE_EXTENSIONS, Within};
use super::Loader;

/// What a policy may hold.
enum Form {
    Bool,
    Whole,
    Text,
    /// ISO 8601, such as PT15M.
    Duration,
    /// A list of some of these texts.
    Some(&'static [&'static str]),
    Map(&'static [(&'static str, Form)]),
}

type Table = &'static [(&'static [&'static str], &'static [(&'static str, Form)])];

const SIGNAL: Form = Form::Map(&[("Count", Form::Whole), ("Timeout", Form::Duration)]);
const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";
const FLEET: &str = "AWS::AppStream::Fleet";

/// Source: CloudFormation template reference, "CreationPolicy attribute".
const CREATION: Table = &[
    (
        &[GROUP],
        &[
            (
                "AutoScalingCreationPolicy",
                Form::Map(&[("MinSuccessfulInstancesPercent", Form::Whole)]),
            ),
            ("ResourceSignal", SIGNAL),
        ],
    ),
    (
        &["AWS::EC2::Instance", "AWS::CloudFormation::WaitCondition"],
        &[("ResourceSignal", SIGNAL)],
    ),
    (&[FLEET], &[("StartFleet", Form::Bool)]),
];

/// Source: CloudFormation template reference, "UpdatePolicy attribute".
const UPDATE: Table = &[
    (
        &[GROUP],
        &[
            (
                "AutoScalingReplacingUpdate",
                Form::Map(&[("WillReplace", Form::Bool)]),
            ),
            (
                "AutoScalingRollingUpdate",
                Form::Map(&[
                    ("MaxBatchSize", Form::Whole),
                    ("MinActiveInstancesPercent", Form::Whole),
                    ("MinInstancesInService", Form::Whole),
                    ("MinSuccessfulInstancesPercent", Form::Whole),
                    ("PauseTime", Form::Duration),
                    (
                        "SuspendProcesses",
                        Form::Some(&[
                            "AZRebalance",
                            "AddToLoadBalancer",
                            "AlarmNotification",
                            "HealthCheck",
                            "InstanceRefresh",
                            "Launch",
                            "ReplaceUnhealthy",
                            "ScheduledActions",
                            "Terminate",
                        ]),
                    ),
                    ("WaitOnResourceSignals", Form::Bool),
                ]),
            ),
            (
                "AutoScalingScheduledAction",
                Form::Map(&[("IgnoreUnmodifiedGroupSizeProperties", Form::Bool)]),
            ),
        ],
    ),
    (
        &["AWS::Lambda::Alias"],
        &[(
            "CodeDeployLambdaAliasUpdate",
            Form::Map(&[
                ("AfterAllowTrafficHook", Form::Text),
                ("ApplicationName", Form::Text),
                ("BeforeAllowTrafficHook", Form::Text),
                ("DeploymentGroupName", Form::Text),
            ]),
        )],
    ),
    (
        &[
            "AWS::Elasticsearch::Domain",
            "AWS::OpenSearchService::Domain",
        ],
        &[("EnableVersionUpgrade", Form::Bool)],
    ),
    (
        &["AWS::ElastiCache::ReplicationGroup"],
        &[("UseOnlineResharding", Form::Bool)],
    ),
    (
        &[FLEET],
        &[
            ("StopBeforeUpdate", Form::Map(&[("Type", Form::Bool)])),
            ("StartAfterUpdate", Form::Map(&[("Type", Form::Bool)])),
        ],
    ),
];

impl Loader {
    /// What DeletionPolicy or UpdateReplacePolicy says.
    pub(super) fn policy(&mut self, resource: &str, part: &Entry) -> Option<PolicyTerm> {
        let node = &part.value;
        if node.function().is_some() {
            let what = format!("a function in {}", part.key);
            if !self.names.extensions {
                let message = format!("{what} needs the transform AWS::LanguageExtensions");
                self.report("needs-transform", message, node.span).help =
                    Some(USE_EXTENSIONS.to_owned());
                return None;
            }
            let term = self.term(node, None, Within::Condition);
            return Some(PolicyTerm::Computed(term));
        }
        let Some(text) = node.as_text() else {
            let message = format!("{} must be a text, not {}", part.key, node.kind_name());
            self.report("bad-value", message, node.span).help =
                Some(DeletionPolicy::advice(&part.key).to_owned());
            return None;
        };
        let type_name = self
            .names
            .resources
            .get(resource)
            .cloned()
            .unwrap_or_default();
        match DeletionPolicy::of(&part.key, text, &type_name) {
            Ok(policy) => Some(PolicyTerm::Written(policy)),
            Err((message, help)) => {
                self.report("bad-value", message, node.span).help = Some(help);
                None
            }
        }
    }

    /// Reports CreationPolicy or UpdatePolicy where the resource's type has none or it says what it cannot.
    pub(super) fn check_policy(&mut self, resource: &str, part: &Entry) {
        let type_name = self
            .names
            .resources
            .get(resource)
            .cloned()
            .unwrap_or_default();
        // That the type is missing is told where the resource is read.
        if type_name.is_empty() {
            return;
        }
        let node = &part.value;
        let table = match part.key.as_str() {
            "CreationPolicy" => CREATION,
            _ => UPDATE,
        };
        let row = table
            .iter()
            .find(|(types, _)| types.contains(&type_name.as_str()));
        let Some((_, form)) = row else {
            let types: Vec<&str> = table
                .iter()
                .flat_map(|(types, _)| *types)
                .copied()
                .collect();
            let message = format!("{type_name} has no {}", part.key);
            let help = format!("remove it: {} is for {}", part.key, types.join(", "));
            if part.key == "CreationPolicy" {
                // CloudFormation does not refuse it, it has nothing to wait for.
                let warning = Diagnostic::warning("no-effect", message)
                    .at(&self.source, part.key_span)
                    .help(help);
                warn(&mut self.diagnostics, warning);
            } else {
                self.report("bad-policy", message, part.key_span).help = Some(help);
            }
            return;
        };
        if node.function().is_none() {
            self.check_form(&part.key, node, &Form::Map(form));
        }
        let signal = node.as_map().unwrap_or_default();
        if let Some(signal) = signal.iter().find(|entry| entry.key == "ResourceSignal") {
            let message = "payctl does not wait for signals (cfn-signal): the resource counts as ready when AWS says so";
            let warning =
                Diagnostic::warning("no-signals", message).at(&self.source, signal.key_span);
            warn(&mut self.diagnostics, warning);
        }
    }

    fn check_form(&mut self, what: &str, node: &Node, form: &Form) {
        // What is computed has no form yet.
        if node.function().is_some() {
            return;
        }
        let text = node.scalar_text();
        let wanted = match form {
            Form::Bool => match node.to_value().as_bool() {
                Some(_) => return,
                None => "true or false",
            },
            Form::Whole => match text.as_deref().map(str::parse::<u32>) {
                Some(Ok(_)) => return,
                _ => "a whole number",
            },
            Form::Text => match text {
                Some(_) => return,
                None => "a text",
            },
            Form::Duration => match text {
                Some(text) if is_duration(&text) => return,
                _ => "a duration such as PT15M (15 minutes)",
            },
            Form::Some(known) => match node.as_list() {
                Some(items) => {
                    for item in items.iter().filter(|item| item.function().is_none()) {
                        let text = item.scalar_text().unwrap_or_default();
                        if !known.contains(&text.as_str()) {
                            let message = format!("{what} cannot have `{text}`");
                            self.report("bad-value", message, item.span).help =
                                Some(format!("it may have: {}", known.join(", ")));
                        }
                    }
                    return;
                }
                None => "a list of texts",
            },
            Form::Map(known) => {
                for entry in self.entries(what, node) {
                    match known.iter().find(|(key, _)| *key == entry.key) {
                        Some((key, form)) => {
                            self.check_form(&format!("{what}.{key}"), &entry.value, form)
                        }
                        None => {
                            let keys: Vec<&str> = known.iter().map(|(key, _)| *key).collect();
                            let help = match did_you_mean(&entry.key, keys.iter().copied()) {
                                Some(similar) => format!("did you mean `{similar}`?"),
                                None => format!("it may have: {}", keys.join(", ")),
                            };
                            let message = format!("{what} has no `{}`", entry.key);
                            self.report("unknown-key", message, entry.key_span).help = Some(help);
                        }
                    }
                }
                return;
            }
        };
        let message = format!("{what} must be {wanted}, not {}", node.kind_name());
        let message = match node.scalar_text() {
            Some(text) => format!("{what} must be {wanted}, not `{text}`"),
            None => message,
        };
        self.report("wrong-type", message, node.span);
    }
}

/// `PT#H#M#S`, each part once at most (template reference, "CreationPolicy attribute", Timeout).
fn is_duration(text: &str) -> bool {
    let Some(mut rest) = text.strip_prefix("PT") else {
        return false;
    };
    let mut parts = 0;
    for unit in ['H', 'M', 'S'] {
        if let Some((number, after)) = rest.split_once(unit) {
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return false;
            }
            rest = after;
            parts += 1;
        }
    }
    parts > 0 && rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::is_duration;

    #[test]
    fn durations_are_hours_minutes_and_seconds() {
        for good in ["PT15M", "PT1H", "PT1H30M10S", "PT0S"] {
            assert!(is_duration(good), "{good}");
        }
        for bad in ["15M", "PT", "PT15", "PTM", "PT1M1H", "P1D", "PT-5M"] {
            assert!(!is_duration(bad), "{bad}");
        }
    }
}
