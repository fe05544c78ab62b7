//! Sizes that Fargate has.

use payctl_model::Value;

use super::view::{View, declares, items, tell};
use crate::graph::Node;
use crate::template::Diagnostic;

/// CPU units, with the least memory, the most and the step between, in MiB.
///
/// Source: ECS Developer Guide, "Troubleshoot Amazon ECS task definition invalid CPU or memory errors".
const SIZES: &[(i64, i64, i64, i64)] = &[
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16_384, 1024),
    (4096, 8192, 30_720, 1024),
    (8192, 16_384, 61_440, 4096),
    (16_384, 32_768, 122_880, 8192),
];

pub(super) fn check(view: &View<'_>, found: &mut Vec<Diagnostic>) {
    for task in view.all("AWS::ECS::TaskDefinition") {
        let is_fargate = items(task, "RequiresCompatibilities")
            .iter()
            .any(|one| one.as_str() == Some("FARGATE"));
        if is_fargate {
            found.extend(wrong_size(task));
            found.extend(wrong_network(task));
        }
    }
}

fn wrong_size(task: &Node) -> Option<Diagnostic> {
    for (property, what) in [("Cpu", "CPU units"), ("Memory", "memory")] {
        if !declares(task, property) {
            let message =
                format!("a Fargate task needs {what} for the whole task: there is no {property}");
            return tell(
                task,
                "",
                Diagnostic::error("fargate-size", message).help(advice(None)),
            );
        }
    }
    let at = |path: &str| task.shape.at(&path.into());
    let cpu = at("Cpu").and_then(|value| units(value, "vcpu", 1024.0))?;
    let memory = at("Memory").and_then(|value| units(value, "gb", 1024.0))?;
    let Some(size) = SIZES.iter().find(|(known, ..)| *known == cpu) else {
        // AWS adds greater ones over time.
        let is_new = SIZES.last().is_some_and(|(greatest, ..)| cpu > *greatest);
        let message = format!("Fargate has no task of {cpu} CPU units");
        return (!is_new)
            .then(|| {
                tell(
                    task,
                    "Cpu",
                    Diagnostic::error("fargate-size", message).help(advice(None)),
                )
            })
            .flatten();
    };
    let (_, least, most, step) = *size;
    // A quarter of a CPU goes with 0.5, 1 or 2 GB, not with 1.5.
    let fits = (least..=most).contains(&memory)
        && (memory - least) % step == 0
        && !(cpu == 256 && memory == 1536);
    let message = format!("Fargate has no task of {cpu} CPU units with {memory} MiB of memory");
    (!fits)
        .then(|| {
            tell(
                task,
                "Memory",
                Diagnostic::error("fargate-size", message).help(advice(Some(size))),
            )
        })
        .flatten()
}

fn wrong_network(task: &Node) -> Option<Diagnostic> {
    let mode = match task.shape.get("NetworkMode") {
        None => "bridge",
        Some(mode) => mode.as_str()?,
    };
    let message = format!("a Fargate task has the network mode awsvpc, this one has {mode}");
    (mode != "awsvpc")
        .then(|| {
            let diagnostic = Diagnostic::error("fargate-network-mode", message);
            tell(
                task,
                "NetworkMode",
                diagnostic.help("write NetworkMode: awsvpc"),
            )
        })
        .flatten()
}

fn advice(size: Option<&(i64, i64, i64, i64)>) -> String {
    match size {
        Some((256, ..)) => "with 256 CPU units go 512, 1024 or 2048 MiB".to_owned(),
        Some((cpu, least, most, step)) => {
            format!("with {cpu} CPU units go {least} to {most} MiB in steps of {step}")
        }
        None => {
            let known: Vec<String> = SIZES.iter().map(|(cpu, ..)| cpu.to_string()).collect();
            format!("CPU units can be {}", known.join(", "))
        }
    }
}

/// `1024`, or `1 vCPU`, `.5 vCPU`, `2 GB`, as ECS takes both (ECS API Reference, RegisterTaskDefinition, `cpu` and `memory`).
fn units(value: &Value, unit: &str, each: f64) -> Option<i64> {
    let text = value.to_text()?.trim().to_ascii_lowercase();
    match text.strip_suffix(unit) {
        #[allow(clippy::cast_possible_truncation)] // At most a few hundred thousand.
        Some(number) => Some((number.trim().parse::<f64>().ok()? * each).round() as i64),
        None => text.parse().ok(),
    }
}
