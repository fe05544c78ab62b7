//! `AWS::EC2::NetworkAclEntry`: one rule of a network ACL. AWS gives it no id; here it is `acl-…|egress|100`.

use async_trait::async_trait;

use super::NETWORK_ACLS_BY_ID;
use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;

/// `AWS::EC2::NetworkAclEntry`.
pub struct NetworkAclEntry;

static DEFINITION: Definition = Definition {
    create: Create {
        build: Some(input),
        ..Create::of("CreateNetworkAclEntry", "")
    },
    reads: &[Read {
        key: Key::Id(&[0]),
        select: Some(entry),
        ..Read::of(&NETWORK_ACLS_BY_ID)
    }],
    updates: &[Change {
        mode: Mode::All,
        fixed: &[("Egress", Fixed::Flag(false))],
        ..Change::of("ReplaceNetworkAclEntry", &[])
    }],
    delete: Delete::of(
        "DeleteNetworkAclEntry",
        &["NetworkAclId", "RuleNumber", "Egress"],
        &[
            "InvalidNetworkAclEntry.NotFound",
            "InvalidNetworkAclID.NotFound",
        ],
    ),
    find: Find::Search(search),
    rules: &[
        Rule::Computed("Id", id_of),
        Rule::Renamed("Icmp", "IcmpTypeCode"),
        Rule::Built("RuleAction", |action| {
            let action = action.as_str().unwrap_or_default().to_ascii_lowercase();
            json!({"RuleAction": action})
        }),
    ],
    // Without its entries a list of one's own lets nothing through (VPC user guide, "Custom network ACLs"): who puts a subnet
    // behind it waits for them.
    completes: &["NetworkAclId"],
    unique: &[&["NetworkAclId", "RuleNumber", "Egress"]],
    not_told: &[
        (
            "PortRange",
            "of a protocol other than TCP and UDP EC2 ignores the ports, and tells none (API_CreateNetworkAclEntry)",
        ),
        (
            "Icmp",
            "of a protocol other than ICMP EC2 ignores type and code, and tells none (API_CreateNetworkAclEntry)",
        ),
    ],
    ..Definition::new("AWS::EC2::NetworkAclEntry", "ec2")
};

/// EC2 wants to be told the direction; CloudFormation's default is inward (template reference, `Egress`).
fn input(properties: &Map<String, Json>) -> Map<String, Json> {
    // The definition names a type and a service that the tests know: this cannot fail.
    let mut input =
        generic::input(&DEFINITION, "CreateNetworkAclEntry", properties).unwrap_or_default();
    input.entry("Egress".to_owned()).or_insert(false.into());
    input
}

/// Which entry of which list: what AWS allows once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Slot {
    acl: String,
    egress: bool,
    number: i64,
}

impl Slot {
    /// Of an entry as it was declared or told.
    fn of(entry: &Json) -> Option<Slot> {
        let number = match entry.get("RuleNumber")? {
            Json::String(text) => text.trim().parse().ok()?,
            number => number.as_i64()?,
        };
        let egress = match entry.get("Egress") {
            Some(Json::String(text)) => text.eq_ignore_ascii_case("true"),
            flag => flag == Some(&json!(true)),
        };
        Some(Slot {
            acl: described(entry, "NetworkAclId")?.to_owned(),
            egress,
            number,
        })
    }

    fn parse(id: &PhysicalId) -> Option<Slot> {
        let parts = id.parts();
        let [acl, direction, number] = parts.as_slice() else {
            return None;
        };
        Some(Slot {
            acl: (*acl).to_owned(),
            egress: *direction == "egress",
            number: number.parse().ok()?,
        })
    }

    fn id(&self) -> PhysicalId {
        let direction = if self.egress { "egress" } else { "ingress" };
        format!("{}|{direction}|{}", self.acl, self.number).into()
    }
}

fn id_of(entry: &Json) -> Option<Json> {
    Slot::of(entry).map(|slot| slot.id().as_str().into())
}

fn entry(acl: &Json, id: &PhysicalId) -> Option<Json> {
    let wanted = Slot::parse(id)?;
    let list = look(acl, "NetworkAclId")?;
    let mut entries = acl.get("Entries")?.as_array()?.iter().map(|entry| {
        let mut entry = entry.clone();
        if let Some(members) = entry.as_object_mut() {
            members.insert("NetworkAclId".to_owned(), list.clone());
        }
        entry
    });
    entries.find(|entry| Slot::of(entry).as_ref() == Some(&wanted))
}

/// An entry with the same number that says something else is somebody else's.
fn search<'a>(
    context: &'a Context,
    desired: &'a Value,
    _: &'a Incarnation,
) -> crate::definition::FindFuture<'a> {
    Box::pin(async move {
        let Some(id) = desired.expose_json().as_ref().and_then(Slot::of) else {
            return Ok(None);
        };
        let id = id.id();
        let Some(found) = generic::read(&DEFINITION, context, &id).await? else {
            return Ok(None);
        };
        let ours = match payctl_model::facts::facts().get(DEFINITION.type_name) {
            Some(facts) => {
                let options = payctl_model::compare::CompareOptions::default();
                let compared =
                    payctl_model::compare::compare(&facts, desired, &found.model, &options);
                // What EC2 ignores it does not tell either.
                let told = |path: &payctl_model::PropertyPath| found.model.at(path).is_some();
                !compared.changes.iter().any(|change| told(&change.property))
            }
            None => false,
        };
        Ok(ours.then_some(id))
    })
}

#[async_trait]
impl Resource for NetworkAclEntry {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        let Some(slot) = Slot::parse(id) else {
            return Ok(());
        };
        let input = Map::from_iter([
            ("NetworkAclId".to_owned(), json!(slot.acl)),
            ("RuleNumber".to_owned(), json!(slot.number)),
            ("Egress".to_owned(), json!(slot.egress)),
        ]);
        generic::delete_with(&DEFINITION, context, "DeleteNetworkAclEntry", input).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_known_by_list_direction_and_number() {
        let declared = json!({"NetworkAclId": "acl-1", "RuleNumber": "100", "Egress": "true"});
        let told = json!({"NetworkAclId": "acl-1", "RuleNumber": 100, "Egress": true});
        let slot = Slot::of(&declared).unwrap();
        assert_eq!(Slot::of(&told).as_ref(), Some(&slot));
        assert_eq!(slot.id().as_str(), "acl-1|egress|100");
        assert_eq!(Slot::parse(&slot.id()), Some(slot));
        let inward = Slot::of(&json!({"NetworkAclId": "acl-1", "RuleNumber": 100})).unwrap();
        assert_eq!(inward.id().as_str(), "acl-1|ingress|100");
        assert_eq!(Slot::parse(&"acl-1".into()), None);
    }

    #[test]
    fn the_input_has_a_direction_and_the_action_in_small_letters() {
        let declared = json!({"NetworkAclId": "acl-1", "RuleNumber": 100, "Protocol": 1, "RuleAction": "ALLOW", "CidrBlock": "10.0.0.0/8",
                              "Icmp": {"Code": -1, "Type": 8}});
        let sent = input(declared.as_object().unwrap());
        assert_eq!(
            Json::Object(sent),
            json!({"NetworkAclId": "acl-1", "RuleNumber": 100, "Protocol": "1", "RuleAction": "allow", "CidrBlock": "10.0.0.0/8",
                   "IcmpTypeCode": {"Code": -1, "Type": 8}, "Egress": false})
        );
    }
}
