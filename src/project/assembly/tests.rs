//! Assemblies as the CDK writes them, and what is wrong with some.

use std::path::Path;

use super::*;

const TEMPLATE: &str = "{\"Resources\": {}}";

/// A folder with these files.
fn assembly(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn error(files: &[(&str, &str)]) -> String {
    let folder = assembly(files);
    let read = Assembly::read(folder.path());
    let error = read.and_then(|assembly| assembly.check()).unwrap_err();
    let text = format!("{error} ({})", error.help());
    text.replace(&folder.path().display().to_string(), "cdk.out")
}

const STAGES: &str = r#"{"version": "55.0.0", "artifacts": {
    "assembly-Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod", "displayName": "Prod"}},
    "Alone": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
        "properties": {"templateFile": "Alone.template.json", "parameters": {"Size": 2}, "terminationProtection": true}},
    "Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}}
}}"#;

const PROD: &str = r#"{"version": "55.0.0", "artifacts": {
    "ProdNet1.assets": {"type": "cdk:asset-manifest", "properties": {"file": "ProdNet1.assets.json"}},
    "ProdNet1": {"type": "aws:cloudformation:stack", "environment": "aws://111122223333/eu-west-1",
        "properties": {"templateFile": "ProdNet1.template.json", "stackName": "Prod-Net", "tags": {"team": "net"}},
        "dependencies": ["ProdNet1.assets"], "displayName": "Prod/Net (Prod-Net)"},
    "ProdApp2": {"type": "aws:cloudformation:stack", "environment": "aws://111122223333/eu-west-1",
        "properties": {"templateFile": "ProdApp2.template.json", "stackName": "Prod-App"},
        "metadata": {"/Prod/App": [{"type": "aws:cdk:stack-tags", "data": [{"Key": "team", "Value": "app"}]}]},
        "additionalMetadataFile": "more.json",
        "dependencies": ["ProdNet1"], "displayName": "Prod/App"}
}}"#;

const ASSETS: &str = r#"{"version": "55.0.0", "files": {"aa": {"source": {"path": "../asset.aa", "packaging": "zip"},
    "destinations": {"one": {"bucketName": "b", "objectKey": "aa.zip"}}}}}"#;

fn stages() -> tempfile::TempDir {
    assembly(&[
        ("manifest.json", STAGES),
        ("Alone.template.json", TEMPLATE),
        ("assembly-Prod/manifest.json", PROD),
        ("assembly-Prod/ProdNet1.assets.json", ASSETS),
        (
            "assembly-Prod/more.json",
            r#"{"/Prod/App/X": [{"type": "aws:cdk:warning", "data": "old"}, {"type": "aws:cdk:stack-tags", "data": [{"key": "a", "value": "b"}]}]}"#,
        ),
    ])
}

#[test]
fn stages_are_read_in_depth() {
    let folder = stages();
    let assembly = Assembly::read(folder.path()).unwrap();
    let [alone, app, net] = assembly.stacks.as_slice() else {
        panic!("{:?}", assembly.stacks);
    };
    assert_eq!(
        (alone.path.as_str(), alone.name.as_str()),
        ("Alone", "Alone")
    );
    assert_eq!((&alone.account, &alone.region), (&None, &None));
    assert!(alone.termination_protection);
    assert_eq!(alone.parameters["Size"], "2");
    assert_eq!(
        (app.path.as_str(), app.name.as_str()),
        ("Prod/App", "Prod-App")
    );
    assert_eq!(
        app.tags,
        BTreeMap::from([("team".into(), "app".into()), ("a".into(), "b".into())])
    );
    assert!(app.assets.files.is_empty());
    assert_eq!(
        (net.path.as_str(), net.name.as_str()),
        ("Prod/Net", "Prod-Net")
    );
    assert_eq!(
        net.template,
        folder.path().join("assembly-Prod/ProdNet1.template.json")
    );
    assert_eq!(net.region.as_deref(), Some("eu-west-1"));
    assert_eq!(net.tags["team"], "net");
    assert!(net.assets.files.contains_key("aa"));
}

#[test]
fn stacks_are_taken_by_path_or_name() {
    let folder = stages();
    let take = |patterns: &[&str]| {
        let mut assembly = Assembly::read(folder.path()).unwrap();
        let patterns: Vec<String> = patterns.iter().map(|text| (*text).to_owned()).collect();
        assembly.select(&patterns).map(|()| {
            let names = assembly.stacks.into_iter().map(|stack| stack.name);
            names.collect::<Vec<_>>().join(" ")
        })
    };
    assert_eq!(take(&[]).unwrap(), "Alone Prod-App Prod-Net");
    assert_eq!(take(&["Prod/*"]).unwrap(), "Prod-App Prod-Net");
    assert_eq!(take(&["Prod-Net", "Al*"]).unwrap(), "Alone Prod-Net");
    insta::assert_snapshot!(take(&["Alone", "Production/*"]).unwrap_err(), @r#"the assembly has no stack Production/*; it has Alone, Prod/App, Prod/Net"#);
}

#[test]
fn an_environment_is_one_account() {
    let folder = stages();
    let mut assembly = Assembly::read(folder.path()).unwrap();
    assert_eq!(
        assembly.account(None).unwrap().as_deref(),
        Some("111122223333")
    );
    let other = assembly.account(Some("999988887777")).unwrap_err();
    assembly.stacks[0].account = Some("444455556666".into());
    let two = assembly.account(None).unwrap_err();
    insta::assert_snapshot!(format!("{other}\n{two}"), @r#"
    the stack Prod/App is for account 111122223333, and the environment for 999988887777
    the stack Prod/App is for account 111122223333, and the stack Alone for 444455556666
    "#);
}

#[test]
fn what_cannot_be_used_says_why_and_what_to_do() {
    let stack = |more: &str| {
        format!(
            r#"{{"version": "55.0.0", "artifacts": {{"Net": {{"type": "aws:cloudformation:stack", {more}}}}}}}"#
        )
    };
    let place =
        r#""environment": "aws://unknown-account/us-east-1", "properties": {"templateFile": "t"}"#;
    let messages = [
        error(&[]),
        error(&[("manifest.json", "{")]),
        error(&[("manifest.json", "[]")]),
        error(&[("manifest.json", r#"{"artifacts": {}}"#)]),
        error(&[("manifest.json", r#"{"version": "55.0.0"}"#)]),
        error(&[(
            "manifest.json",
            &stack(r#""environment": "aws://unknown-account/us-east-1", "properties": {}"#),
        )]),
        error(&[(
            "manifest.json",
            &stack(r#""environment": "here", "properties": {"templateFile": "t"}"#),
        )]),
        error(&[(
            "manifest.json",
            &stack(&format!(
                r#"{place}, "metadata": {{"/Net/Db": [{{"type": "aws:cdk:error", "data": "no backup"}}]}}"#
            )),
        )]),
        error(&[(
            "manifest.json",
            &stack(&format!(
                r#"{place}, "metadata": {{"/Net": [{{"type": "aws:cdk:asset", "data": {{}}}}]}}"#
            )),
        )]),
        error(&[(
            "manifest.json",
            &stack(&format!(
                r#"{place}, "additionalMetadataFile": "gone.json""#
            )),
        )]),
        error(&[(
            "manifest.json",
            r#"{"version": "55.0.0", "artifacts": {"S": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-S"}}}}"#,
        )]),
        error(&[(
            "manifest.json",
            r#"{"version": "55.0.0", "missing": [{"key": "k", "provider": "vpc-provider", "props": {}}]}"#,
        )]),
    ];
    insta::assert_snapshot!(messages.join("\n\n"));
}

#[test]
fn what_a_stage_waits_for_does_not_keep_others_waiting() {
    let stack = |name: &str| {
        format!(
            r#"{{"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/us-east-1", "properties": {{"templateFile": "t"}}, "displayName": "{name}"}}"#
        )
    };
    let waits = r#""missing": [{"key": "k", "provider": "availability-zones"}]"#;
    let stage = |name: &str| {
        format!(r#"{{"type": "cdk:cloud-assembly", "properties": {{"directoryName": "{name}"}}}}"#)
    };
    // As the CDK does, the outer manifest repeats what a stage waits for.
    let root = format!(
        r#"{{"version": "55.0.0", {waits}, "artifacts": {{"Dev": {}, "Prod": {}, "Root": {}}}}}"#,
        stage("Dev"),
        stage("Prod"),
        stack("Root")
    );
    let whole = format!(
        r#"{{"version": "55.0.0", "artifacts": {{"A": {}}}}}"#,
        stack("Dev/A")
    );
    let waiting = format!(
        r#"{{"version": "55.0.0", {waits}, "artifacts": {{"B": {}}}}}"#,
        stack("Prod/B")
    );
    let folder = assembly(&[
        ("manifest.json", &root),
        ("Dev/manifest.json", &whole),
        ("Prod/manifest.json", &waiting),
    ]);
    for (pattern, usable) in [("Dev/*", true), ("Prod/*", false), ("Root", false)] {
        let mut assembly = Assembly::read(folder.path()).unwrap();
        assembly.select(&[pattern.to_owned()]).unwrap();
        assert_eq!(assembly.check().is_ok(), usable, "{pattern}");
    }
}

#[test]
fn a_stage_that_contains_itself_ends() {
    let folder = assembly(&[(
        "manifest.json",
        r#"{"version": "55.0.0", "artifacts": {"S": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}}}"#,
    )]);
    let error = Assembly::read(folder.path()).unwrap_err().to_string();
    assert!(
        error.ends_with("stages stand in each other 16 deep"),
        "{error}"
    );
}

#[test]
fn a_path_loses_its_steps_up() {
    let joined = |path: &str| assets::joined(Path::new("/p/cdk.out/assembly-S"), path);
    assert_eq!(joined("../asset.a"), Path::new("/p/cdk.out/asset.a"));
    assert_eq!(
        joined("./t.json"),
        Path::new("/p/cdk.out/assembly-S/t.json")
    );
    assert_eq!(joined("/abs/t.json"), Path::new("/abs/t.json"));
}

/// An assembly that the CDK of today has written.
fn synthesized(path: &str) -> Assembly {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    Assembly::read(&folder).unwrap()
}

#[test]
fn what_the_cdk_of_today_writes_is_read_whole() {
    let mut lines = String::new();
    for path in [
        "platforms/multi-tier-cdk/cdk.out",
        "tests/e2e/assemblies/zoo/cdk.out",
    ] {
        let assembly = synthesized(path);
        for stack in &assembly.stacks {
            let at = |text: &Option<String>| text.clone().unwrap_or_else(|| "any".into());
            let template = stack.template.strip_prefix(&assembly.folder).unwrap();
            lines.push_str(&format!(
                "{} as {} for {}/{}: {} {:?} {} {}\n",
                stack.path,
                stack.name,
                at(&stack.account),
                at(&stack.region),
                template.display(),
                stack.tags,
                if stack.termination_protection {
                    "protected"
                } else {
                    ""
                },
                stack.bootstrap_version.clone().unwrap_or_default(),
            ));
            for (id, users) in uses::users(&stack.template, &stack.assets) {
                let file = stack
                    .assets
                    .files
                    .get(&id)
                    .and_then(|asset| asset.name.clone());
                let image = stack
                    .assets
                    .images
                    .get(&id)
                    .and_then(|asset| asset.name.clone());
                let users = match users {
                    uses::Users::Any => "any".to_owned(),
                    uses::Users::Resources(users) => {
                        let user = |user: uses::User| match user.nested {
                            true => format!(".../{}", user.logical_id),
                            false => user.logical_id,
                        };
                        users.into_iter().map(user).collect::<Vec<_>>().join(", ")
                    }
                };
                let name = file.or(image).unwrap_or_default();
                lines.push_str(&format!("    {name}: {users}\n"));
            }
        }
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn the_templates_of_nested_stacks_are_found_by_what_their_parents_say() {
    let assembly = synthesized("tests/e2e/assemblies/zoo/cdk.out");
    let worker = assembly
        .stacks
        .iter()
        .find(|stack| stack.name == "zoo-workers")
        .unwrap();
    let text = std::fs::read_to_string(&worker.template).unwrap();
    let template: serde_json::Value = serde_json::from_str(&text).unwrap();
    let resources = template["Resources"].as_object().unwrap().values();
    let nested = resources.filter(|resource| resource["Type"] == "AWS::CloudFormation::Stack");
    let mut found = 0;
    for resource in nested {
        let path = resource["Metadata"]["aws:asset:path"].as_str().unwrap();
        let url = resource["Properties"]["TemplateURL"].to_string();
        let key = url
            .split(['/', '"'])
            .find(|part| part.ends_with(".json"))
            .unwrap();
        let by_key = worker.assets.file_for_key(key).unwrap();
        assert_eq!(by_key.file_name().unwrap(), path);
        assert_eq!(worker.assets.file_for_key(path), Some(by_key));
        assert!(by_key.is_file());
        found += 1;
    }
    assert_eq!(found, 2);
}
