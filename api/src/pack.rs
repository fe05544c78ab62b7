//! The embedded packs. Each is decompressed and decoded once, when its service is first asked for.

use std::io::Read;
use std::sync::OnceLock;

use flate2::read::GzDecoder;
use serde_json::Value as Json;

use crate::model::Service;

struct Pack {
    name: &'static str,
    /// The name in the SigV4 credential scope: told here so that a look-up by it decodes only the services that have it.
    signing_name: &'static str,
    model: &'static [u8],
    rules: &'static [u8],
    service: OnceLock<Option<Service>>,
    rule_set: OnceLock<Option<Json>>,
}

macro_rules! packs {
    ($($name:literal signed as $signing:literal),* $(,)?) => {
        /// Sorted by name.
        static PACKS: [Pack; [$($name),*].len()] = [$(Pack {
            name: $name,
            signing_name: $signing,
            model: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/packs/", $name, ".model.gz")),
            rules: include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/packs/", $name, ".rules.gz")),
            service: OnceLock::new(),
            rule_set: OnceLock::new(),
        }),*];
    };
}

// Written by `cargo xtask apis` from `api/packs/services.txt`.
include!(concat!(env!("CARGO_MANIFEST_DIR"), "/packs/table.rs"));

/// AWS's partitions: patterns and names of their regions, DNS suffixes.
pub(crate) static PARTITIONS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/packs/partitions.json"
));

fn pack(name: &str) -> Option<&'static Pack> {
    PACKS.iter().find(|pack| pack.name == name)
}

fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).ok()?;
    Some(plain)
}

/// The API model of a service under botocore's name of it (`ec2`, `elbv2`, `logs`), or None if it is not packed.
pub fn service(name: &str) -> Option<&'static Service> {
    let pack = pack(name)?;
    pack.service
        .get_or_init(|| {
            let mut service: Service = serde_json::from_slice(&decompress(pack.model)?).ok()?;
            service.link(pack.name);
            Some(service)
        })
        .as_ref()
}

/// The endpoint rules of a service.
pub(crate) fn rule_set(name: &str) -> Option<&'static Json> {
    let pack = pack(name)?;
    pack.rule_set
        .get_or_init(|| serde_json::from_slice(&decompress(pack.rules)?).ok())
        .as_ref()
}

/// The names of all packed services, sorted.
pub fn names() -> impl Iterator<Item = &'static str> {
    PACKS.iter().map(|pack| pack.name)
}

/// The services that sign under a name: `elasticloadbalancing` is that of more than one.
pub(crate) fn signed_as(signing_name: &str) -> impl Iterator<Item = &'static Service> {
    let named = PACKS
        .iter()
        .filter(move |pack| pack.signing_name == signing_name);
    named.filter_map(|pack| service(pack.name))
}

/// All packed services: decodes every one of them.
pub fn services() -> impl Iterator<Item = &'static Service> {
    names().filter_map(service)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    #[test]
    fn every_pack_decodes_and_every_reference_resolves() {
        assert!(names().count() >= 27);
        for name in names() {
            let service = service(name).unwrap_or_else(|| panic!("{name} does not decode"));
            assert!(rule_set(name).is_some(), "{name} has no endpoint rules");
            let known =
                |shape: &str| assert!(service.shapes.contains_key(shape), "{name} lacks {shape}");
            for operation in service.operations.values() {
                operation
                    .input
                    .iter()
                    .chain(&operation.output)
                    .for_each(|r| known(&r.shape));
                operation.errors.iter().for_each(|r| known(&r.shape));
            }
            for shape in service.shapes.values() {
                shape
                    .members
                    .iter()
                    .chain(shape.member.as_deref())
                    .for_each(|m| known(&m.shape));
                shape
                    .key
                    .as_deref()
                    .into_iter()
                    .chain(shape.value.as_deref())
                    .for_each(|m| known(&m.shape));
                match shape.kind {
                    Kind::List => assert!(shape.member.is_some()),
                    Kind::Map => assert!(shape.key.is_some() && shape.value.is_some()),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn paginators_are_packed() {
        let paginator = service("ec2")
            .and_then(|ec2| ec2.paginator("DescribeVpcs"))
            .expect("packed");
        assert_eq!(paginator.input_token, ["NextToken"]);
        assert_eq!(paginator.output_token, ["NextToken"]);
        assert_eq!(paginator.result_key, ["Vpcs"]);
    }
}
