//! What a database's secret says of it: the members that Secrets Manager's rotation functions read (user guide, "JSON structure of AWS Secrets
//! Manager secrets").

use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;
use crate::rds::{CLUSTERS, INSTANCES};

/// The kinds of databases that a secret is linked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Instance,
    Cluster,
}

/// The values of `TargetType`, and where each is described. DocumentDB's clusters and instances are described by RDS's API (DocumentDB developer guide,
/// "Amazon DocumentDB … management API": it shares RDS's endpoint).
pub(super) const TYPES: &[(&str, Kind)] = &[
    ("AWS::RDS::DBInstance", Kind::Instance),
    ("AWS::RDS::DBCluster", Kind::Cluster),
    ("AWS::DocDB::DBInstance", Kind::Instance),
    ("AWS::DocDB::DBCluster", Kind::Cluster),
];

impl Kind {
    /// The member of the secret that names the database.
    pub(super) fn member(self) -> &'static str {
        match self {
            Kind::Instance => "dbInstanceIdentifier",
            Kind::Cluster => "dbClusterIdentifier",
        }
    }
}

/// The members that a link writes, and that go with it.
const CONNECTION: &[&str] = &[
    "engine",
    "host",
    "port",
    "dbname",
    "dbInstanceIdentifier",
    "dbClusterIdentifier",
];

/// A database as a secret describes it.
pub(super) struct Target {
    pub(super) type_name: &'static str,
    pub(super) members: Map<String, Json>,
}

/// The identifier in an identifier or ARN; RDS keeps them in lower case.
pub(super) fn identifier(target: &str) -> String {
    let name = target.rsplit(':').next().unwrap_or(target);
    name.to_ascii_lowercase()
}

/// The database of this identifier; `None` where there is none.
pub(super) async fn describe(
    context: &Context,
    kind: Kind,
    target: &str,
) -> Result<Option<Target>> {
    let identifier = identifier(target);
    let load = match kind {
        Kind::Instance => &INSTANCES,
        Kind::Cluster => &CLUSTERS,
    };
    let found = crate::loaders::load(context, load, &identifier).await?;
    Ok(found
        .first()
        .map(|database| of_database(kind, &identifier, database)))
}

fn of_database(kind: Kind, identifier: &str, database: &Json) -> Target {
    let engine = described(database, "Engine").unwrap_or_default();
    let (host, port, name) = match kind {
        Kind::Instance => (
            look(database, "Endpoint.Address"),
            look(database, "Endpoint.Port"),
            look(database, "DBName"),
        ),
        Kind::Cluster => (
            look(database, "Endpoint"),
            look(database, "Port"),
            look(database, "DatabaseName"),
        ),
    };
    let mut members = Map::from_iter([
        ("engine".to_owned(), json!(engine_word(engine))),
        (kind.member().to_owned(), json!(identifier)),
    ]);
    let parts = [("host", host), ("port", port), ("dbname", name)];
    for (member, value) in parts {
        if let Some(value) = value.filter(|value| !value.is_null() && *value != json!("")) {
            members.insert(member.to_owned(), value);
        }
    }
    let document = engine == "docdb";
    let type_name = match (kind, document) {
        (Kind::Instance, false) => "AWS::RDS::DBInstance",
        (Kind::Cluster, false) => "AWS::RDS::DBCluster",
        (Kind::Instance, true) => "AWS::DocDB::DBInstance",
        (Kind::Cluster, true) => "AWS::DocDB::DBCluster",
    };
    Target { type_name, members }
}

/// What the rotation functions call an engine (user guide, "JSON structure …", `engine` of each database).
fn engine_word(engine: &str) -> &str {
    const WORDS: &[(&str, &str)] = &[
        ("aurora-postgresql", "postgres"),
        ("aurora", "mysql"),
        ("docdb", "mongo"),
        ("oracle", "oracle"),
        ("custom-oracle", "oracle"),
        ("sqlserver", "sqlserver"),
        ("custom-sqlserver", "sqlserver"),
        ("db2", "db2"),
    ];
    let found = WORDS.iter().find(|(begins, _)| engine.starts_with(begins));
    found.map_or(engine, |(_, word)| word)
}

/// A secret's value as the JSON object that it must be.
pub(super) fn members(value: &str) -> Option<Map<String, Json>> {
    match serde_json::from_str(value) {
        Ok(Json::Object(members)) => Some(members),
        _ => None,
    }
}

/// The database that a secret's value names.
pub(super) fn named(members: &Map<String, Json>) -> Option<(Kind, String)> {
    [Kind::Cluster, Kind::Instance]
        .into_iter()
        .find_map(|kind| {
            let identifier = members.get(kind.member())?.as_str()?;
            Some((kind, identifier.to_owned()))
        })
}

/// Whether a secret's value says all this. Numbers may stand there as texts.
pub(super) fn says(members: &Map<String, Json>, wanted: &Map<String, Json>) -> bool {
    let plain = |value: &Json| match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    wanted.iter().all(|(name, value)| {
        members
            .get(name)
            .is_some_and(|has| plain(has) == plain(value))
    })
}

/// A secret's value, linked to a database: what another link wrote is gone, and the credentials stay.
pub(super) fn linked(value: &str, target: &Target) -> Result<String> {
    let credentials = members(value)
        .filter(|members| members.contains_key("username") && members.contains_key("password"));
    let Some(mut members) = credentials else {
        // Without a word of what the value is.
        return Err(Error::Failed(
            "the secret's value is no JSON object with `username` and `password`: a link to a database needs both \
             (AWS::SecretsManager::SecretTargetAttachment)"
                .to_owned(),
        ));
    };
    for kind in [Kind::Instance, Kind::Cluster] {
        members.remove(kind.member());
    }
    members.extend(target.members.clone());
    Ok(Json::Object(members).to_string())
}

/// A secret's value without what a link to this database wrote. `None`: there is nothing of it.
pub(super) fn unlinked(value: &str, identifier: &str, target: Option<&Target>) -> Option<String> {
    let mut members = members(value)?;
    let (_, named) = named(&members)?;
    if named != identifier {
        return None;
    }
    for name in CONNECTION {
        // What somebody has written there since is not the link's.
        let ours = target.is_none_or(|target| match target.members.get(*name) {
            Some(wanted) => says(
                &members,
                &Map::from_iter([((*name).to_owned(), wanted.clone())]),
            ),
            None => false,
        });
        if ours {
            members.remove(*name);
        }
    }
    Some(Json::Object(members).to_string())
}

/// A value that was generated anew, with what a link had written into the one before.
pub(super) fn carried_over(before: &str, after: String) -> String {
    let (Some(before), Some(mut new)) = (members(before), members(&after)) else {
        return after;
    };
    if named(&before).is_none() || named(&new).is_some() {
        return after;
    }
    for name in CONNECTION {
        if let (Some(value), false) = (before.get(*name), new.contains_key(*name)) {
            new.insert((*name).to_owned(), value.clone());
        }
    }
    Json::Object(new).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> Target {
        let described = json!({
            "Engine": "aurora-postgresql", "Endpoint": "db.cluster-x.rds.amazonaws.com", "Port": 5432, "DatabaseName": "payments",
        });
        of_database(Kind::Cluster, "db", &described)
    }

    #[test]
    fn a_link_adds_and_takes_away_what_is_its_own() {
        let value = r#"{"username":"u","password":"p","note":"kept"}"#;
        let linked = linked(value, &cluster()).unwrap();
        let said = members(&linked).unwrap();
        assert_eq!(said["engine"], "postgres");
        assert_eq!(said["port"], 5432);
        assert_eq!(said["dbname"], "payments");
        assert_eq!(said["note"], "kept");
        assert_eq!(named(&said).unwrap().1, "db");
        assert!(says(&said, &cluster().members));
        let undone = unlinked(&linked, "db", Some(&cluster())).unwrap();
        assert_eq!(members(&undone), members(value));
        assert_eq!(unlinked(&linked, "other", None), None);
        let undone = unlinked(&linked, "db", None).unwrap();
        assert_eq!(members(&undone), members(value));
    }

    #[test]
    fn a_value_that_is_no_object_is_refused_without_being_shown() {
        for value in ["hunter2", "[]", r#"{"username":"hunter2"}"#] {
            let error = linked(value, &cluster()).err().unwrap().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn what_a_link_wrote_outlives_a_new_password() {
        let before = linked(r#"{"username":"u","password":"p"}"#, &cluster()).unwrap();
        let after = r#"{"username":"u","password":"q"}"#.to_owned();
        let carried = members(&carried_over(&before, after.clone())).unwrap();
        assert_eq!(carried["password"], "q");
        assert!(says(&carried, &cluster().members));
        assert_eq!(carried_over(r#"{"password":"p"}"#, after.clone()), after);
        assert_eq!(carried_over("p", "q".to_owned()), "q");
    }

    #[test]
    fn engines_are_called_as_rotation_calls_them() {
        for (engine, word) in [
            ("aurora-mysql", "mysql"),
            ("postgres", "postgres"),
            ("oracle-se2", "oracle"),
            ("mariadb", "mariadb"),
            ("docdb", "mongo"),
        ] {
            assert_eq!(engine_word(engine), word);
        }
    }
}
