//! The engines and their versions.

use super::PAGES;
use super::values::VERSION_KNOWN;
use crate::call::Call;
use crate::error::{Answer, Refusal};
use crate::filter;
use crate::registry;
use serde_json::{Value as Json, json};

/// A database engine.
#[derive(Debug)]
pub struct Engine {
    /// `aurora-postgresql`.
    pub name: &'static str,
    /// As DescribeDBEngineVersions words it.
    pub description: &'static str,
    /// The port when none is asked for.
    pub port: u16,
    /// The license model of its instances.
    pub license: &'static str,
    /// The versions, oldest first.
    pub versions: &'static [&'static str],
    /// The one that is taken when none is asked for.
    pub default: &'static str,
    /// Logs that it can export.
    pub logs: &'static [&'static str],
}

/// Versions from the release notes ("Aurora PostgreSQL database engine versions", "MySQL on Amazon RDS versions" and so on): those that
/// templates name, not all that ever were.
pub const ENGINES: &[Engine] = &[
    Engine {
        name: "aurora-postgresql",
        description: "Aurora (PostgreSQL)",
        port: 5432,
        license: "postgresql-license",
        versions: &[
            "11.9", "11.21", "12.9", "12.16", "12.22", "13.7", "13.8", "13.9", "13.10", "13.11",
            "13.12", "13.14", "13.15", "13.16", "13.18", "13.20", "14.5", "14.6", "14.7", "14.8",
            "14.9", "14.10", "14.11", "14.12", "14.13", "14.15", "14.17", "15.2", "15.3", "15.4",
            "15.5", "15.6", "15.7", "15.8", "15.10", "15.12", "15.13", "16.1", "16.2", "16.3",
            "16.4", "16.6", "16.8", "16.9", "17.4", "17.5",
        ],
        default: "16.8",
        logs: &["instance", "iam-db-auth-error", "postgresql"],
    },
    Engine {
        name: "aurora-mysql",
        description: "Aurora MySQL",
        port: 3306,
        license: "general-public-license",
        versions: &[
            "5.7.mysql_aurora.2.11.1",
            "5.7.mysql_aurora.2.11.4",
            "5.7.mysql_aurora.2.12.0",
            "5.7.mysql_aurora.2.12.4",
            "8.0.mysql_aurora.3.02.0",
            "8.0.mysql_aurora.3.03.0",
            "8.0.mysql_aurora.3.03.1",
            "8.0.mysql_aurora.3.04.0",
            "8.0.mysql_aurora.3.04.1",
            "8.0.mysql_aurora.3.04.2",
            "8.0.mysql_aurora.3.04.3",
            "8.0.mysql_aurora.3.05.2",
            "8.0.mysql_aurora.3.06.0",
            "8.0.mysql_aurora.3.06.1",
            "8.0.mysql_aurora.3.07.0",
            "8.0.mysql_aurora.3.07.1",
            "8.0.mysql_aurora.3.08.0",
            "8.0.mysql_aurora.3.08.2",
            "8.0.mysql_aurora.3.09.0",
            "8.0.mysql_aurora.3.10.0",
            "8.0.mysql_aurora.3.10.3",
            "8.0.mysql_aurora.3.10.4",
        ],
        default: "8.0.mysql_aurora.3.10.3",
        logs: &[
            "audit",
            "error",
            "general",
            "iam-db-auth-error",
            "instance",
            "slowquery",
        ],
    },
    Engine {
        name: "postgres",
        description: "PostgreSQL",
        port: 5432,
        license: "postgresql-license",
        versions: &[
            "11.22", "12.15", "12.17", "12.19", "12.22", "13.7", "13.10", "13.11", "13.13",
            "13.15", "13.16", "13.20", "14.5", "14.6", "14.7", "14.8", "14.9", "14.10", "14.11",
            "14.12", "14.13", "14.15", "14.17", "14.18", "15.2", "15.3", "15.4", "15.5", "15.6",
            "15.7", "15.8", "15.10", "15.12", "15.13", "16.1", "16.2", "16.3", "16.4", "16.6",
            "16.8", "16.9", "17.2", "17.4", "17.5", "18.1", "18.3",
        ],
        default: "18.3",
        logs: &["iam-db-auth-error", "postgresql", "upgrade"],
    },
    Engine {
        name: "mysql",
        description: "MySQL Community Edition",
        port: 3306,
        license: "general-public-license",
        versions: &[
            "5.7.38", "5.7.43", "5.7.44", "8.0.28", "8.0.32", "8.0.33", "8.0.34", "8.0.35",
            "8.0.36", "8.0.37", "8.0.39", "8.0.40", "8.0.41", "8.0.42", "8.0.43", "8.0.45",
            "8.4.3", "8.4.4", "8.4.5", "8.4.6", "8.4.9",
        ],
        default: "8.4.9",
        logs: &[
            "audit",
            "error",
            "general",
            "iam-db-auth-error",
            "slowquery",
        ],
    },
    Engine {
        name: "mariadb",
        description: "MariaDB Community Edition",
        port: 3306,
        license: "general-public-license",
        versions: &[
            "10.5.18", "10.5.23", "10.5.27", "10.6.10", "10.6.14", "10.6.16", "10.6.19", "10.6.21",
            "10.11.4", "10.11.6", "10.11.8", "10.11.9", "10.11.11", "11.4.3", "11.4.4", "11.4.5",
            "11.8.3",
        ],
        default: "11.8.3",
        logs: &[
            "audit",
            "error",
            "general",
            "iam-db-auth-error",
            "slowquery",
        ],
    },
    Engine {
        name: "sqlserver-ex",
        description: "Microsoft SQL Server Express Edition",
        port: 1433,
        license: "license-included",
        versions: &[
            "14.00.3465.1.v1",
            "15.00.4430.1.v1",
            "15.00.4470.1.v1",
            "16.00.4185.3.v1",
        ],
        default: "15.00.4470.1.v1",
        logs: &["error"],
    },
    Engine {
        name: "sqlserver-web",
        description: "Microsoft SQL Server Web Edition",
        port: 1433,
        license: "license-included",
        versions: &[
            "14.00.3465.1.v1",
            "15.00.4430.1.v1",
            "15.00.4470.1.v1",
            "16.00.4185.3.v1",
        ],
        default: "15.00.4470.1.v1",
        logs: &["agent", "error"],
    },
    Engine {
        name: "sqlserver-se",
        description: "Microsoft SQL Server Standard Edition",
        port: 1433,
        license: "license-included",
        versions: &[
            "14.00.3465.1.v1",
            "15.00.4430.1.v1",
            "15.00.4470.1.v1",
            "16.00.4185.3.v1",
        ],
        default: "15.00.4470.1.v1",
        logs: &["agent", "error"],
    },
    Engine {
        name: "oracle-se2",
        description: "Oracle Standard Edition Two",
        port: 1521,
        license: "license-included",
        versions: &[
            "19.0.0.0.ru-2024-10.rur-2024-10.r1",
            "19.0.0.0.ru-2025-01.rur-2025-01.r1",
            "19.0.0.0.ru-2025-04.rur-2025-04.r1",
        ],
        default: "19.0.0.0.ru-2025-04.rur-2025-04.r1",
        logs: &["alert", "audit", "listener", "oemagent", "trace"],
    },
];

impl Engine {
    /// Is its storage a cluster's?
    pub fn aurora(&self) -> bool {
        self.name.starts_with("aurora-")
    }

    /// The version that is meant: exactly one, or the newest that begins so (`16`: the newest 16.x).
    pub fn resolve(&self, asked: Option<&str>) -> Result<&'static str, Refusal> {
        let Some(asked) = asked.filter(|asked| !asked.is_empty()) else {
            return Ok(self.default);
        };
        let begins = |version: &&&str| {
            **version == asked
                || version
                    .strip_prefix(asked)
                    .is_some_and(|rest| rest.starts_with('.'))
        };
        if asked == self.major(self.default) {
            return Ok(self.default);
        }
        self.versions.iter().rfind(begins).copied().ok_or_else(|| {
            VERSION_KNOWN
                .fault
                .with(&[("id", asked), ("engine", self.name)])
        })
    }

    /// Where a version stands among all.
    pub fn rank(&self, version: &str) -> Option<usize> {
        self.versions.iter().position(|known| *known == version)
    }

    /// The major version: `16`, `8.0`, `15.00`.
    pub fn major<'a>(&self, version: &'a str) -> &'a str {
        let parts = if self.name.ends_with("postgresql")
            || self.name == "postgres"
            || self.name.starts_with("oracle")
        {
            1
        } else {
            2
        };
        let mut dots = version.match_indices('.').map(|(at, _)| at);
        match dots.nth(parts - 1) {
            Some(at) => &version[..at],
            None => version,
        }
    }

    /// The parameter group family: `aurora-postgresql16`, `mysql8.0`, `sqlserver-ex-15.0`.
    pub fn family(&self, version: &str) -> String {
        let major = self.major(version);
        if self.name.starts_with("sqlserver") {
            format!(
                "{}-{}",
                self.name,
                major.trim_end_matches('0').trim_end_matches('.').to_owned() + ".0"
            )
        } else if self.name.starts_with("oracle") {
            format!("{}-{major}", self.name)
        } else {
            format!("{}{major}", self.name)
        }
    }

    /// The default option group: `default:mysql-8-0`.
    pub fn option_group(&self, version: &str) -> String {
        format!(
            "default:{}-{}",
            self.name,
            self.major(version).replace('.', "-")
        )
    }
}

/// The engine of this name.
pub fn engine(name: &str) -> Result<&'static Engine, Refusal> {
    ENGINES
        .iter()
        .find(|engine| engine.name == name)
        .ok_or_else(|| {
            Refusal::new(
                "InvalidParameterValue",
                format!("Invalid DB engine: {name}"),
            )
        })
}

/// DescribeDBEngineVersions.
pub(super) fn describe(call: &mut Call) -> Answer {
    let call = &*call;
    let asked = call.text("Engine");
    let version = call.text("EngineVersion");
    let family = call.text("DBParameterGroupFamily");
    let defaults = call.input.get("DefaultOnly") == Some(&Json::Bool(true));
    let mut shown = Vec::new();
    for engine in ENGINES
        .iter()
        .filter(|engine| asked.is_none_or(|asked| asked == engine.name))
    {
        for (at, known) in engine.versions.iter().enumerate() {
            let of_family = engine.family(known);
            let begins = |asked: &str| {
                known == &asked
                    || known
                        .strip_prefix(asked)
                        .is_some_and(|rest| rest.starts_with('.'))
            };
            // With a major version, DefaultOnly gives that version's default.
            let default = match version {
                Some(asked) => engine
                    .resolve(Some(asked))
                    .is_ok_and(|default| default == *known),
                None => engine.default == *known,
            };
            if version.is_some_and(|asked| !begins(asked))
                || family.is_some_and(|asked| asked != of_family)
                || (defaults && !default)
            {
                continue;
            }
            let targets: Vec<Json> = engine.versions[at + 1..]
                .iter()
                .map(|newer| {
                    let major = engine.major(newer) != engine.major(known);
                    json!({"Engine": engine.name, "EngineVersion": newer, "Description": format!("{} {newer}", engine.description),
                           "AutoUpgrade": false, "IsMajorVersionUpgrade": major})
                })
                .collect();
            let mut one = json!({
                "Engine": engine.name, "EngineVersion": known, "MajorEngineVersion": engine.major(known), "DBParameterGroupFamily": of_family,
                "DBEngineDescription": engine.description, "DBEngineVersionDescription": format!("{} {known}", engine.description),
                "ValidUpgradeTarget": targets, "ExportableLogTypes": engine.logs, "SupportsLogExportsToCloudwatchLogs": true,
                "SupportsReadReplica": true, "SupportedFeatureNames": [], "Status": "available", "SupportsParallelQuery": false,
                "SupportsGlobalDatabases": engine.aurora(), "TagList": [], "SupportsBabelfish": engine.name == "aurora-postgresql",
                "SupportsCertificateRotationWithoutRestart": true,
                "SupportedCACertificateIdentifiers": ["rds-ca-ecc384-g1", "rds-ca-rsa4096-g1", "rds-ca-rsa2048-g1"],
            });
            if engine.aurora() {
                one["SupportedEngineModes"] = json!(["provisioned"]);
            }
            shown.push((format!("{} {at:03}", engine.name), one));
        }
    }
    let filters = [
        ("engine", "Engine"),
        ("engine-version", "EngineVersion"),
        ("db-parameter-group-family", "DBParameterGroupFamily"),
        ("status", "Status"),
        ("engine-mode", "SupportedEngineModes[]"),
    ];
    filter::apply(call, &filters, &mut shown)?;
    let service = registry::service("rds").unwrap_or(&super::SERVICE);
    let next = filter::page(call, service, &PAGES, false, "", &mut shown)?;
    let mut answer =
        json!({"DBEngineVersions": shown.into_iter().map(|(_, one)| one).collect::<Vec<_>>()});
    if let Some(next) = next {
        answer["Marker"] = json!(next);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_resolve_by_prefix_and_give_default_groups() {
        let postgres = engine("aurora-postgresql").unwrap();
        assert_eq!(postgres.resolve(Some("15.4")).unwrap(), "15.4");
        assert_eq!(postgres.resolve(Some("15")).unwrap(), "15.13");
        assert_eq!(postgres.resolve(None).unwrap(), postgres.default);
        assert_eq!(
            postgres.resolve(Some("1")).unwrap_err().code,
            "InvalidParameterCombination"
        );
        assert_eq!(postgres.family("15.4"), "aurora-postgresql15");
        let mysql = engine("aurora-mysql").unwrap();
        assert_eq!(
            mysql.resolve(Some("8.0")).unwrap(),
            "8.0.mysql_aurora.3.10.3"
        );
        assert_eq!(
            mysql.option_group(mysql.default),
            "default:aurora-mysql-8-0"
        );
        let server = engine("sqlserver-ex").unwrap();
        assert_eq!(server.family(server.default), "sqlserver-ex-15.0");
        assert_eq!(
            server.option_group(server.default),
            "default:sqlserver-ex-15-00"
        );
        for engine in ENGINES {
            assert!(engine.rank(engine.default).is_some(), "{}", engine.name);
        }
    }
}
