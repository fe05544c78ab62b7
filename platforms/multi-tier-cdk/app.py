#!/usr/bin/env python3
"""The multi-tier payment platform: three Fargate services, each deployed blue/green by CodeDeploy."""
import os

import aws_cdk as cdk

from multi_tier.stack import MultiTierStack

app = cdk.App()
suffix = app.node.try_get_context("environmentSuffix") or "dev"
MultiTierStack(
    app,
    f"multi-tier-{suffix}",
    suffix=suffix,
    env=cdk.Environment(
        account=os.environ.get("CDK_DEFAULT_ACCOUNT"),
        region=os.environ.get("CDK_DEFAULT_REGION", "us-east-1"),
    ),
)
cdk.Tags.of(app).add("Environment", suffix)
cdk.Tags.of(app).add("Project", "payment-processing")
app.synth()
