//! `AWS::EC2::Instance`: a virtual machine.
//!
//! Some properties change only while it is stopped: it is stopped, changed and started again, as CloudFormation does it with
//! instances whose root device is a volume (template reference, "Update requires: Some interruptions"). How it is read stands in
//! `instance_described.rs`, how it changes in `instance_updates.rs`.

use async_trait::async_trait;
use payctl_model::PropertyPath;

use super::{
    CREDIT_SPECIFICATIONS, INSTANCE_SHUTDOWN, INSTANCE_TERMINATION, INSTANCE_USER_DATA, INSTANCES,
    VOLUMES_OF_INSTANCES, instance_described as told, instance_updates as updates,
};
use crate::context::Context;
use crate::error::Result;
use crate::loaders;
use crate::prelude::*;

/// `AWS::EC2::Instance`.
pub struct Instance;

/// What changes only while the instance is stopped (API_ModifyInstanceAttribute, API_ModifyInstancePlacement; EC2 user guide, "Change
/// the hostname type").
const STOPPED: &[&str] = &[
    "InstanceType",
    "EbsOptimized",
    "UserData",
    "KernelId",
    "RamdiskId",
    "Tenancy",
    "HostId",
    "Affinity",
    "PrivateDnsNameOptions",
];

pub(super) static DEFINITION: Definition = Definition {
    create: Create {
        fixed: &[
            ("MinCount", Fixed::Number(1)),
            ("MaxCount", Fixed::Number(1)),
        ],
        // Volumes are attached to a running instance: IncorrectState (EC2 API reference, "Error codes").
        settles: true,
        tags_too: &[("volume", "PropagateTagsToVolumeOnCreation")],
        own: &["PropagateTagsToVolumeOnCreation"],
        ..Create::of("RunInstances", "Instances.0")
    },
    reads: &[
        Read::of(&INSTANCES),
        Read {
            into: "AttachedVolumes",
            all: true,
            only_for: &["BlockDeviceMappings"],
            ..Read::of(&VOLUMES_OF_INSTANCES)
        },
        Read {
            into: "CreditSpecification",
            only_for: &["CreditSpecification"],
            ..Read::of(&CREDIT_SPECIFICATIONS)
        },
        Read {
            select: Some(|item, _| told::attribute(item, "UserData")),
            only_for: &["UserData"],
            ..Read::of(&INSTANCE_USER_DATA)
        },
        Read {
            select: Some(|item, _| told::attribute(item, "DisableApiTermination")),
            only_for: &["DisableApiTermination"],
            ..Read::of(&INSTANCE_TERMINATION)
        },
        Read {
            select: Some(|item, _| told::attribute(item, "InstanceInitiatedShutdownBehavior")),
            only_for: &["InstanceInitiatedShutdownBehavior"],
            ..Read::of(&INSTANCE_SHUTDOWN)
        },
    ],
    updates: &[
        Change {
            takes: &["Monitoring"],
            mode: Mode::Step(updates::monitoring),
            ..Change::of("MonitorInstances", &["InstanceIds=InstanceId"])
        },
        Change {
            takes: &["MetadataOptions"],
            ..Change::of("ModifyInstanceMetadataOptions", &["InstanceId"])
        },
        Change {
            takes: &["CreditSpecification"],
            mode: Mode::Step(updates::credits),
            ..Change::of("ModifyInstanceCreditSpecification", &[])
        },
        Change {
            takes: &["IamInstanceProfile"],
            mode: Mode::Step(updates::profile),
            ..Change::of("AssociateIamInstanceProfile", &["InstanceId"])
        },
        // "You can specify only one attribute at a time" (API_ModifyInstanceAttribute).
        Change {
            takes: &["DisableApiTermination", "InstanceInitiatedShutdownBehavior"],
            mode: Mode::OneAtATime,
            ..Change::of("ModifyInstanceAttribute", &["InstanceId"])
        },
        Change {
            takes: &["SecurityGroupIds", "SourceDestCheck"],
            mode: Mode::Step(updates::primary_interface),
            ..Change::of("ModifyInstanceAttribute", &["InstanceId"])
        },
        Change {
            takes: &["BlockDeviceMappings"],
            mode: Mode::Step(updates::devices),
            ..Change::of("ModifyInstanceAttribute", &["InstanceId"])
        },
        Change {
            takes: &["Volumes"],
            mode: Mode::Step(updates::volumes),
            ..Change::of("AttachVolume", &["InstanceId"])
        },
        Change {
            takes: &["SsmAssociations"],
            mode: Mode::Step(updates::associations),
            ..Change::of("ModifyInstanceAttribute", &["InstanceId"])
        },
        Change {
            takes: STOPPED,
            mode: Mode::Step(updates::stopped),
            ..Change::of("ModifyInstanceAttribute", &["InstanceId"])
        },
        // It says what RunInstances tags.
        Change::elsewhere(&["PropagateTagsToVolumeOnCreation"]),
    ],
    delete: Delete::of(
        "TerminateInstances",
        &["InstanceIds=InstanceId"],
        &["InvalidInstanceID.NotFound"],
    ),
    rules: &[
        Rule::Renamed("AvailabilityZone", "Placement.AvailabilityZone"),
        Rule::Renamed("Affinity", "Placement.Affinity"),
        Rule::Renamed("HostId", "Placement.HostId"),
        Rule::Renamed("HostResourceGroupArn", "Placement.HostResourceGroupArn"),
        Rule::Renamed("PlacementGroupName", "Placement.GroupName"),
        Rule::Renamed("Tenancy", "Placement.Tenancy"),
        Rule::Sent("Monitoring", "Monitoring.Enabled"),
        Rule::Computed("Monitoring", told::monitoring),
        Rule::Sent("IamInstanceProfile", "IamInstanceProfile.Name"),
        Rule::Computed("IamInstanceProfile", told::profile),
        Rule::Sent("ElasticGpuSpecifications", "ElasticGpuSpecification"),
        Rule::Sent("NetworkInterfaces.*.GroupSet", "Groups"),
        Rule::Computed("NetworkInterfaces", told::interfaces),
        Rule::Computed("BlockDeviceMappings", told::devices),
        Rule::Computed("Volumes", told::volumes),
        Rule::Told("SecurityGroupIds", "SecurityGroups.*.GroupId"),
        Rule::Told("SecurityGroups", "SecurityGroups.*.GroupName"),
        Rule::Sent("MetadataOptions.HttpTokens", "/HttpTokens"),
        Rule::Sent("MetadataOptions.HttpEndpoint", "/HttpEndpoint"),
        Rule::Sent("MetadataOptions.HttpProtocolIpv6", "/HttpProtocolIpv6"),
        Rule::Sent(
            "MetadataOptions.HttpPutResponseHopLimit",
            "/HttpPutResponseHopLimit",
        ),
        Rule::Sent(
            "MetadataOptions.InstanceMetadataTags",
            "/InstanceMetadataTags",
        ),
        Rule::Told("UserData", "UserData.Value"),
        Rule::Told("PrivateIp", "PrivateIpAddress"),
        Rule::Told("PublicIp", "PublicIpAddress"),
        Rule::Computed("SsmAssociations", |instance| {
            look(instance, "SsmAssociations")
        }),
    ],
    tags: Tags::Specification("instance"),
    status: told::status,
    // IAM is eventually consistent: a profile that was just made is "invalid" for some seconds (EC2 user guide, "IAM roles for Amazon EC2").
    propagation: &[("InvalidParameterValue", "Invalid IAM Instance Profile name")],
    after: &[
        gateway("SubnetId>VpcId"),
        gateway("NetworkInterfaces.*.SubnetId>VpcId"),
    ],
    needs: &[Need {
        property: "Volumes.*.VolumeId",
        reason: "AttachVolume takes a volume that is available (API_AttachVolume, IncorrectState)",
    }],
    // A group that an interface has cannot be deleted: DependencyViolation (API_DeleteSecurityGroup).
    holds: &["SecurityGroupIds"],
    renewed_by: &[
        // "When you stop an instance, we release its public IPv4 address" (EC2 user guide, "Stop and start").
        ("PublicIp", "InstanceType"),
        ("PublicIp", "EbsOptimized"),
        ("PublicIp", "UserData"),
        ("PublicIp", "KernelId"),
        ("PublicIp", "RamdiskId"),
        ("PublicIp", "Tenancy"),
        ("PublicIp", "HostId"),
        ("PublicDnsName", "InstanceType"),
        ("PublicDnsName", "EbsOptimized"),
        ("PublicDnsName", "UserData"),
        ("PublicDnsName", "KernelId"),
        ("PublicDnsName", "RamdiskId"),
        ("PublicDnsName", "Tenancy"),
        ("PublicDnsName", "HostId"),
        ("PublicIp", "PrivateDnsNameOptions.HostnameType"),
        ("PublicDnsName", "PrivateDnsNameOptions.HostnameType"),
        ("PrivateDnsName", "PrivateDnsNameOptions"),
    ],
    replaced_when: &[
        ("InstanceType", has_no_root_volume),
        ("EbsOptimized", has_no_root_volume),
        ("UserData", has_no_root_volume),
        ("KernelId", has_no_root_volume),
        ("RamdiskId", has_no_root_volume),
        ("HostId", has_no_root_volume),
        ("PrivateDnsNameOptions", has_no_root_volume),
        ("Tenancy", another_tenancy),
        // "You can modify only the DeleteOnTermination parameters for the attached volumes without interrupting the instance.
        // Modifying any other parameter results in instance replacement" (template reference, AWS::EC2::Instance Ebs).
        ("BlockDeviceMappings", |path, _, _| {
            path.steps().last() != Some(&payctl_model::Step::Key("DeleteOnTermination".to_owned()))
        }),
    ],
    not_told: &[
        (
            "LaunchTemplate",
            "DescribeInstances does not tell which launch template an instance comes from, only tags do, as a number",
        ),
        (
            "ElasticGpuSpecifications",
            "DescribeInstances tells associations of accelerators, without their types",
        ),
        (
            "ElasticInferenceAccelerators",
            "DescribeInstances tells associations of accelerators, without types and numbers",
        ),
        (
            "NetworkInterfaces.*.AssociatePublicIpAddress",
            "AWS tells the address that an interface has now, which a stop takes away and an Elastic IP address replaces",
        ),
        (
            "NetworkInterfaces.*.AssociateCarrierIpAddress",
            "AWS tells the address that an interface has now, not what was asked for",
        ),
    ],
    create_only: &[(
        "AdditionalInfo",
        "reserved by AWS; the EC2 API has no call that changes it",
    )],
    resets: &[
        // API_RunInstances: the defaults.
        ("DisableApiTermination", "false"),
        ("InstanceInitiatedShutdownBehavior", r#""stop""#),
        ("EbsOptimized", "false"),
        ("Monitoring", "false"),
        ("SourceDestCheck", "true"),
        // API_InstanceMetadataOptionsRequest; whether tokens are required depends on image and account.
        (
            "MetadataOptions",
            r#"{"HttpEndpoint": "enabled", "HttpProtocolIpv6": "disabled", "InstanceMetadataTags": "disabled"}"#,
        ),
    ],
    ..Definition::new("AWS::EC2::Instance", "ec2")
};

const fn gateway(mine: &'static str) -> After {
    After {
        type_name: "AWS::EC2::VPCGatewayAttachment",
        mine,
        theirs: "VpcId",
        milestone: Milestone::Ready,
        reason: "an instance with a public address depends on the gateway's attachment (CloudFormation user guide, \"DependsOn \
                 attribute\": \"When a DependsOn attribute is required\")",
    }
}

/// An instance whose root device is no volume cannot be stopped (EC2 user guide, "Root volumes for your EC2 instances").
fn has_no_root_volume(_: &PropertyPath, _: Option<&Value>, live: &Value) -> bool {
    let devices = live.get("BlockDeviceMappings").and_then(Value::as_list);
    devices.is_none_or(<[Value]>::is_empty)
}

/// Only from `dedicated` to `host` is there a way (API_ModifyInstancePlacement, Tenancy; EC2 user guide, "Change the tenancy").
fn another_tenancy(_: &PropertyPath, declared: Option<&Value>, live: &Value) -> bool {
    let declared = declared.and_then(Value::as_str);
    let live = live.get("Tenancy").and_then(Value::as_str);
    !(live == Some("dedicated") && declared == Some("host"))
}

#[async_trait]
impl Resource for Instance {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// `NoDevice: {}` of a template is an empty text in the API (API_BlockDeviceMapping).
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        let mut desired = desired.clone();
        if let Some(Value::List(devices)) = desired
            .as_map_mut()
            .and_then(|properties| properties.get_mut("BlockDeviceMappings"))
        {
            for device in devices.iter_mut().filter_map(Value::as_map_mut) {
                if let Some(none) = device.get_mut("NoDevice") {
                    *none = "".into();
                }
            }
        }
        generic::create(&DEFINITION, context, &desired, incarnation).await
    }

    /// What Systems Manager knows of it is asked only where a template declares it. What was to change while it is stopped is
    /// not told until it runs again: then a run that was cut off in between is completed by the next one.
    async fn read(&self, context: &Context, id: &PhysicalId) -> Result<Option<Observed>> {
        let Some(mut description) = generic::description(&DEFINITION, context, id).await? else {
            return Ok(None);
        };
        if loaders::is_declared(&["SsmAssociations"])
            && let Some(members) = description.as_object_mut()
        {
            let associations = told::associations(context, id).await?;
            members.insert("SsmAssociations".to_owned(), associations);
        }
        let unfinished = told::unfinished(&description);
        let mut observed = generic::observed(&DEFINITION, id, &description)?;
        if let Some(model) = observed
            .as_mut()
            .and_then(|observed| observed.model.as_map_mut())
        {
            model.retain(|name, _| !unfinished.contains(name));
        }
        Ok(observed)
    }
}
