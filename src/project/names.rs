//! Names that follow from project, environment and stack.

use uuid::Uuid;

/// A name that is safe in addresses and physical names: letters, digits and hyphens.
pub(super) fn identifier(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let kept = kept.trim_matches('-');
    if kept.is_empty() {
        "project".to_owned()
    } else {
        kept.to_owned()
    }
}

/// The AWS partition of a region.
pub fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// `AWS::StackName`: project-environment-stack.
pub fn stack_name(project: &str, environment: &str, stack: &str) -> String {
    format!("{project}-{environment}-{}", stack.replace('/', "-"))
}

/// `AWS::StackId`: an ARN as CloudFormation makes them, its UUID (version 5) made from project, environment, region and
/// stack: templates split it to make suffixes, so it must never change. `name` is the stack's name in AWS.
pub fn stack_id(
    partition: &str,
    account: &str,
    region: &str,
    project: &str,
    environment: &str,
    stack: &str,
    name: &str,
) -> String {
    let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"payctl:stack");
    let uuid = Uuid::new_v5(
        &space,
        format!("{project}/{environment}/{region}/{stack}").as_bytes(),
    );
    format!("arn:{partition}:cloudformation:{region}:{account}:stack/{name}/{uuid}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_id_never_changes() {
        assert_eq!(
            stack_id(
                "aws",
                "123456789012",
                "us-east-1",
                "payments",
                "prod",
                "primary",
                "payments-prod-primary"
            ),
            stack_id(
                "aws",
                "123456789012",
                "us-east-1",
                "payments",
                "prod",
                "primary",
                "payments-prod-primary"
            ),
        );
        insta::assert_snapshot!(stack_id(
            "aws",
            "123456789012",
            "us-east-1",
            "p",
            "e",
            "s",
            "p-e-s"
        ));
    }
}
