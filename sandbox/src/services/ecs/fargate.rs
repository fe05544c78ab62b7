//! What Fargate takes.

use super::client;
use crate::error::{Fault, Refusal};
use crate::law::Law;
use serde_json::{Map, Value as Json};

/// CPU and memory come in fixed pairs.
pub const FARGATE_SIZE: Law = Law {
    name: "a Fargate task has one of the CPU and memory combinations",
    operations: &["RegisterTaskDefinition"],
    source: "Amazon ECS Developer Guide, Troubleshoot invalid CPU or memory errors",
    fault: Fault::new(
        "ClientException",
        "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS documentation for the valid values.",
    ),
    check: None,
};

/// What a definition for Fargate must have.
pub const FARGATE_NEEDS: Law = Law {
    name: "a Fargate task definition has awsvpc networking, a size, and an execution role where it logs or pulls from ECR",
    operations: &["RegisterTaskDefinition"],
    source: "Amazon ECS Developer Guide, Amazon ECS task definition differences for Fargate",
    fault: Fault::new("ClientException", "{message}"),
    check: None,
};

/// `256`, `.25 vCPU`, `1024`; `512`, `1 GB`: in CPU units and MiB.
pub fn units(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    for unit in ["vcpu", "gb"] {
        if let Some(number) = lower.strip_suffix(unit) {
            let number: f64 = number.trim().parse().ok()?;
            return (number > 0.0 && number < 1000.0).then_some((number * 1024.0).round() as u64);
        }
    }
    lower.parse().ok()
}

/// Is this a size that Fargate has? (Amazon ECS Developer Guide, "Task CPU and memory" for Fargate.)
pub fn fits(cpu: u64, memory: u64) -> bool {
    let gib = |from: u64, to: u64, step: u64| {
        memory.is_multiple_of(1024)
            && (from..=to).contains(&(memory / 1024))
            && (memory / 1024 - from).is_multiple_of(step)
    };
    match cpu {
        256 => matches!(memory, 512 | 1024 | 2048),
        512 => gib(1, 4, 1),
        1024 => gib(2, 8, 1),
        2048 => gib(4, 16, 1),
        4096 => gib(8, 30, 1),
        8192 => gib(16, 60, 4),
        16384 => gib(32, 120, 8),
        _ => false,
    }
}

/// Refuses a definition for Fargate that Fargate cannot run.
///
/// # Errors
/// ClientException.
pub fn check(body: &Map<String, Json>) -> Result<(), Refusal> {
    let text = |name: &str| body.get(name).and_then(Json::as_str).unwrap_or_default();
    let needs = |message: &str| FARGATE_NEEDS.fault.with(&[("message", message)]);
    if text("networkMode") != "awsvpc" {
        return Err(needs("Fargate only supports network mode ‘awsvpc’."));
    }
    for name in ["cpu", "memory"] {
        if text(name).is_empty() {
            let message = format!("Fargate requires that '{name}' be defined at the task level.");
            return Err(needs(&message));
        }
    }
    let sizes = units(text("cpu")).zip(units(text("memory")));
    if !sizes.is_some_and(|(cpu, memory)| fits(cpu, memory)) {
        let names = [("cpu", text("cpu")), ("memory", text("memory"))];
        return Err(FARGATE_SIZE.fault.with(&names));
    }
    let containers = body.get("containerDefinitions").and_then(Json::as_array);
    let mut total = 0;
    for container in containers.into_iter().flatten() {
        let driver = container["logConfiguration"]["logDriver"].as_str();
        if driver == Some("awslogs") && text("executionRoleArn").is_empty() {
            return Err(needs(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            ));
        }
        let image = container["image"].as_str().unwrap_or_default();
        if image.contains(".dkr.ecr.") && text("executionRoleArn").is_empty() {
            return Err(needs(
                "Fargate requires task definition to have execution role ARN to support ECR images.",
            ));
        }
        if container["privileged"] == Json::Bool(true) {
            return Err(client(
                "Privileged containers are not supported on Fargate.",
            ));
        }
        total += container["cpu"].as_u64().unwrap_or_default();
    }
    if sizes.is_some_and(|(cpu, _)| total > cpu) {
        return Err(client(
            "The 'cpu' setting for a task must be equal to or greater than the sum of its containers' 'cpu' settings.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(units("256"), Some(256));
        assert_eq!(units(".25 vCPU"), Some(256));
        assert_eq!(units("2 GB"), Some(2048));
        assert!(fits(256, 512) && fits(1024, 3072) && fits(16384, 40960));
        assert!(!fits(256, 4096) && !fits(300, 512) && !fits(8192, 18432));
    }
}
