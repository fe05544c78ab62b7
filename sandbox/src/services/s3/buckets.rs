//! Buckets. Their names are one for all accounts and regions of a partition.

use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Paging, Tags, run};
use crate::law::Law;
use crate::registry;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

/// A bucket.
pub(super) const BUCKET: Kind = Kind {
    name: "s3/bucket",
    id: Id::Member("Name"),
    arn: "arn:{partition}:s3:::{id}",
    defaults: Some(|call| {
        // What new buckets have since April 2023 (Amazon S3 User Guide, "Default settings for new S3 buckets FAQ") and since January 2023
        // ("Default encryption FAQ").
        json!({
            "BucketRegion": call.region,
            "PublicAccessBlock": {
                "BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true,
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        })
    }),
    tags: Tags::Unseen("Tags"),
    not_found: Fault::new("NoSuchBucket", "The specified bucket does not exist").status(404),
    in_use: Fault::new(
        "BucketNotEmpty",
        "The bucket you tried to delete is not empty",
    )
    .status(409),
    operations: &[
        run("CreateBucket", create),
        run("DeleteBucket", delete),
        run("HeadBucket", |call| {
            let bucket = bucket(call)?;
            Ok(json!({
                "BucketArn": bucket.arn, "BucketRegion": bucket.text("BucketRegion"), "AccessPointAlias": false,
            }))
        }),
        run("GetBucketLocation", |call| {
            // Of us-east-1 nothing is told (GetBucketLocation, LocationConstraint).
            let bucket = bucket(call)?;
            let region = bucket.text("BucketRegion");
            Ok(match region {
                "us-east-1" => json!({}),
                region => json!({"LocationConstraint": region}),
            })
        }),
        run("ListBuckets", list),
    ],
    ..Kind::NEW
};

/// How a bucket may be called.
pub(super) const NAME: Law = Law {
    name: "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, and is no IP address",
    operations: &["CreateBucket"],
    source: "Amazon S3 User Guide, General purpose bucket naming rules",
    fault: Fault::new("InvalidBucketName", "The specified bucket is not valid."),
    check: Some(|call, law| {
        let name = call.text("Bucket").unwrap_or_default();
        let fits = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
        let inner = name
            .chars()
            .all(|char| fits(char) || matches!(char, '.' | '-'));
        let ends = name.starts_with(fits) && name.ends_with(fits);
        let address = name.parse::<std::net::Ipv4Addr>().is_ok();
        let prefix = ["xn--", "sthree-", "amzn-s3-demo-"];
        let suffix = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
        let taken = prefix.iter().any(|one| name.starts_with(one))
            || suffix.iter().any(|one| name.ends_with(one));
        if (3..=63).contains(&name.len())
            && inner
            && ends
            && !address
            && !name.contains("..")
            && !taken
        {
            return Ok(());
        }
        Err(law.fault.with(&[]))
    }),
};

/// Where a bucket is made.
pub(super) const LOCATION: Law = Law {
    name: "a region's endpoint makes buckets of that region alone, which us-east-1 never names",
    operations: &["CreateBucket"],
    source: "Amazon S3 API Reference, CreateBucket, LocationConstraint; Error responses, IllegalLocationConstraintException",
    fault: Fault::new(
        "IllegalLocationConstraintException",
        "The {constraint} location constraint is incompatible for the region specific endpoint this request was sent to.",
    ),
    check: Some(|call, law| {
        let asked = call
            .text("CreateBucketConfiguration.LocationConstraint")
            .unwrap_or_default();
        // `EU` is the old name of eu-west-1.
        let asked = if asked == "EU" { "eu-west-1" } else { asked };
        match (call.region.as_str(), asked) {
            ("us-east-1", "") => Ok(()),
            (region, asked) if region == asked => Ok(()),
            (_, asked) => {
                let constraint = if asked.is_empty() {
                    "unspecified"
                } else {
                    asked
                };
                Err(law.fault.with(&[("constraint", constraint)]))
            }
        }
    }),
};

/// A name is had once.
pub(super) const TAKEN: Law = Law {
    name: "a bucket's name is had once in a partition, whoever has it",
    operations: &["CreateBucket"],
    source: "Amazon S3 API Reference, CreateBucket: BucketAlreadyExists, BucketAlreadyOwnedByYou (in us-east-1 the owner is answered as if it were new)",
    fault: Fault::new(
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.",
    ),
    check: Some(|call, law| {
        let name = call.text("Bucket").unwrap_or_default();
        match key_of(call, name) {
            None => Ok(()),
            Some(key) if key.account != call.account => {
                Err(told(law.fault.with(&[]), &[("BucketName", name)]))
            }
            Some(key) if key.region == "us-east-1" && call.region == "us-east-1" => Ok(()),
            Some(_) => {
                let message = "Your previous request to create the named bucket succeeded and you already own it.";
                let refusal = Refusal::new("BucketAlreadyOwnedByYou", message);
                Err(told(refusal, &[("BucketName", name)]))
            }
        }
    }),
};

/// A bucket is asked where it is.
pub(super) const ELSEWHERE: Law = Law {
    name: "a bucket is asked at the endpoint of its region",
    operations: &[],
    source: "Amazon S3 User Guide, Making requests: Request redirection; Error responses, PermanentRedirect",
    fault: Fault::new(
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
    )
    .status(301),
    check: None,
};

/// ACLs are off unless asked for.
pub(super) const ACL: Law = Law {
    name: "a bucket whose owner owns all objects has no ACLs",
    operations: &["CreateBucket", "PutBucketAcl"],
    source: "Amazon S3 User Guide, Controlling ownership of objects and disabling ACLs: AccessControlListNotSupported, InvalidBucketAclWithObjectOwnership",
    fault: Fault::new(
        "AccessControlListNotSupported",
        "The bucket does not allow ACLs",
    ),
    check: Some(|call, law| {
        let grants = call.input.keys().any(|name| name.starts_with("Grant"));
        let canned = call
            .text("ACL")
            .is_some_and(|acl| acl != "private" && acl != "bucket-owner-full-control");
        if call.operation == "CreateBucket" {
            let ownership = call
                .text("ObjectOwnership")
                .unwrap_or("BucketOwnerEnforced");
            if (canned || grants) && ownership == "BucketOwnerEnforced" {
                let message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting";
                return Err(Refusal::new("InvalidBucketAclWithObjectOwnership", message));
            }
            return Ok(());
        }
        let bucket = bucket(call)?;
        let written = grants || canned || call.input.contains_key("AccessControlPolicy");
        match written && ownership(bucket) == "BucketOwnerEnforced" {
            true => Err(law.fault.with(&[])),
            false => Ok(()),
        }
    }),
};

/// Who owns the objects of a bucket.
pub(super) fn ownership(bucket: &Record) -> String {
    let rules = crate::path::texts(&bucket.body, "OwnershipControls.Rules[].ObjectOwnership");
    // Without the setting, as buckets of old.
    rules
        .into_iter()
        .next()
        .unwrap_or_else(|| "ObjectWriter".into())
}

/// A refusal that names more than its message.
pub(super) fn told(mut refusal: Refusal, members: &[(&str, &str)]) -> Refusal {
    for (name, value) in members {
        refusal.members.insert((*name).to_owned(), json!(value));
    }
    refusal
}

/// The bucket of a name, whoever has it.
pub(super) fn key_of(call: &Call, name: &str) -> Option<Key> {
    let arn = format!("arn:{}:s3:::{name}", call.partition());
    call.world
        .by_arn(&arn)
        .filter(|key| key.kind == BUCKET.name)
        .cloned()
}

/// Where the bucket of the request is kept.
pub(super) fn the_bucket(call: &Call) -> Result<Key, Refusal> {
    reach(call, call.text("Bucket").unwrap_or_default())
}

/// Where a bucket is kept that the caller may reach: at its own region's endpoint, of its own account or by a policy.
pub(super) fn reach(call: &Call, name: &str) -> Result<Key, Refusal> {
    // Some requests of other services name it by its ARN.
    let name = name.rsplit_once(":::").map_or(name, |(_, name)| name);
    let none = || told(BUCKET.not_found.with(&[]), &[("BucketName", name)]);
    let key = key_of(call, name).ok_or_else(none)?;
    let bucket = call.world.get(&key).ok_or_else(none)?;
    if key.account != call.account && !bucket.body.contains_key("Policy") {
        return Err(Refusal::new("AccessDenied", "Access Denied").status(403));
    }
    let expected = call.text("ExpectedBucketOwner");
    if expected.is_some_and(|owner| owner != key.account) {
        return Err(Refusal::new("AccessDenied", "Access Denied").status(403));
    }
    // Who does not sign names no region.
    let anywhere = call.access_key.is_empty() || call.operation == "GetBucketLocation";
    if key.region != call.region && !anywhere {
        let domain = match call.partition() {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        let endpoint = format!("s3.{}.{domain}", key.region);
        let more = [
            ("Bucket", name),
            ("Endpoint", &endpoint),
            ("Region", &key.region),
        ];
        return Err(told(ELSEWHERE.fault.with(&[]), &more));
    }
    Ok(key)
}

/// The bucket of the request.
pub(super) fn bucket<'a>(call: &'a Call) -> Result<&'a Record, Refusal> {
    let key = the_bucket(call)?;
    call.world
        .get(&key)
        .ok_or_else(|| BUCKET.not_found.with(&[]))
}

/// The identifier that stands for an account as an owner: 64 hexadecimal digits.
pub(super) fn canonical_user(account: &str) -> String {
    crate::call::digest(&["canonical user", account])
}

fn create(call: &mut Call) -> Answer {
    let name = call.text("Bucket").unwrap_or_default().to_owned();
    let location = match call.region.as_str() {
        "us-east-1" => format!("/{name}"),
        _ => format!("http://{name}.s3.amazonaws.com/"),
    };
    if key_of(call, &name).is_none() {
        let tags = call
            .input
            .get("CreateBucketConfiguration")
            .and_then(|configuration| configuration.get("Tags"));
        let mut members = Map::from_iter([("Name".to_owned(), json!(name))]);
        members.extend(tags.map(|tags| ("Tags".to_owned(), tags.clone())));
        if let Some(ownership) = call.text("ObjectOwnership") {
            let rules = json!({"Rules": [{"ObjectOwnership": ownership}]});
            members.insert("OwnershipControls".into(), rules);
        }
        if let Some(acl) = call.text("ACL").filter(|acl| *acl != "private") {
            members.insert("CannedAcl".into(), json!(acl));
        }
        if call.input.get("ObjectLockEnabledForBucket") == Some(&json!(true)) {
            members.insert("ObjectLock".into(), json!({"ObjectLockEnabled": "Enabled"}));
            // "S3 Versioning is automatically enabled as well" (CreateBucket).
            members.insert("Versioning".into(), json!({"Status": "Enabled"}));
        }
        call.make(BUCKET.name, Json::Object(members))?;
    }
    let arn = format!("arn:{}:s3:::{name}", call.partition());
    Ok(json!({"Location": location, "BucketArn": arn}))
}

/// Only when it is empty. Parts that wait for the end of their upload go with it.
fn delete(call: &mut Call) -> Answer {
    let key = the_bucket(call)?;
    let versions = call
        .world
        .get(&key)
        .is_some_and(|bucket| bucket.body.contains_key("Versioning"));
    if let Err(refusal) = crate::generic::remove(call, &BUCKET, &key) {
        let mut refusal = told(refusal, &[("BucketName", &key.id)]);
        if versions {
            refusal
                .message
                .push_str(". You must delete all versions in the bucket.");
        }
        return Err(refusal);
    }
    Ok(json!({}))
}

fn list(call: &mut Call) -> Answer {
    let call = &*call;
    let prefix = call.text("Prefix").unwrap_or_default();
    let region = call.text("BucketRegion");
    let all = call.world.all();
    let own = all.filter(|(key, _)| key.kind == BUCKET.name && key.account == call.account);
    let mut shown: Vec<(String, Json)> = own
        .filter(|(key, _)| region.is_none_or(|region| key.region == region))
        .filter(|(key, _)| key.id.starts_with(prefix))
        .map(|(key, bucket)| {
            let shown = json!({
                "Name": key.id, "CreationDate": bucket.created.floor(), "BucketRegion": bucket.text("BucketRegion"),
                "BucketArn": bucket.arn,
            });
            (key.id, shown)
        })
        .collect();
    let paging = Paging {
        size: "MaxBuckets",
        token: "ContinuationToken",
        next: "ContinuationToken",
        more: "",
        default: 10_000,
        bounds: (1, 10_000),
    };
    let service = registry::service("s3").unwrap_or(&super::SERVICE);
    let next = filter::page(call, service, &paging, false, "", &mut shown)?;
    let buckets: Vec<Json> = shown.into_iter().map(|(_, shown)| shown).collect();
    Ok(json!({
        "Buckets": buckets, "ContinuationToken": next, "Prefix": call.text("Prefix"),
        "Owner": {"ID": canonical_user(&call.account)},
    }))
}
