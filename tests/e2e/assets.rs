//! What templates of the CDK need beside themselves: files in S3, images in ECR.

use serde_json::{Value as Json, json};

use crate::harness::emulator::Emulator;
use crate::harness::{Project, Run, python, seen};

const CODE: &str = "c0de5e55aaaabbbbccccddddeeeeffff00001111222233334444555566667777";
const PAGE: &str = "9a6e0000aaaabbbbccccddddeeeeffff00001111222233334444555566667777";
const IMAGE: &str = "1ma6e000aaaabbbbccccddddeeeeffff00001111222233334444555566667777";

const BUCKET: &str = "cdk-hnb659fds-assets-123456789012-us-east-1";

/// A project whose one stack names a packed folder and a file, and where asked for an image.
fn project(image: bool) -> Project {
    let project = Project::empty();
    let bucket = "cdk-hnb659fds-assets-${AWS::AccountId}-us-east-1";
    let file = |path: &str, packaging: &str, key: &str| {
        json!({
            "displayName": format!("Shop/{path}"),
            "source": { "path": path, "packaging": packaging },
            "destinations": { "here": { "bucketName": bucket, "objectKey": key, "region": "us-east-1" } },
        })
    };
    let mut assets = json!({ "version": "55.0.0", "files": {
        CODE: file("asset.code", "zip", &format!("{CODE}.zip")),
        PAGE: file("asset.page.html", "file", &format!("{PAGE}.html")),
        "0e3f": file("Shop.template.json", "file", "0e3f.json"),
    } });
    let names = |key: &str| json!({ "Fn::Sub": format!("s3://{bucket}/{key}") });
    let parameter = |value: Json| json!({ "Type": "AWS::SSM::Parameter", "Properties": { "Type": "String", "Value": value } });
    let mut resources = json!({
        "Code": parameter(names(&format!("{CODE}.zip"))),
        "Page": parameter(names(&format!("{PAGE}.html"))),
        "Other": parameter(json!("nothing")),
    });
    if image {
        assets["dockerImages"] = json!({ IMAGE: {
            "displayName": "Shop/Image",
            "source": { "directory": "asset.image", "dockerBuildArgs": { "TOKEN": "hidden" }, "dockerFile": "Dockerfile.prod" },
            "destinations": { "here": {
                "repositoryName": "cdk-hnb659fds-container-assets-${AWS::AccountId}-us-east-1", "imageTag": IMAGE,
                "region": "us-east-1",
            } },
        } });
        resources["Image"] = parameter(json!({ "Fn::Sub": format!(
            "${{AWS::AccountId}}.dkr.ecr.us-east-1.${{AWS::URLSuffix}}/cdk-hnb659fds-container-assets-${{AWS::AccountId}}-us-east-1:{IMAGE}"
        ) }));
        project.write("cdk.out/asset.image/Dockerfile.prod", "FROM scratch\n");
    }
    let manifest = json!({ "version": "55.0.0", "artifacts": {
        "Shop.assets": { "type": "cdk:asset-manifest", "properties": { "file": "Shop.assets.json" } },
        "Shop": {
            "type": "aws:cloudformation:stack", "environment": "aws://unknown-account/us-east-1",
            "properties": {
                "templateFile": "Shop.template.json", "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/hnb659fds/version",
            },
            "dependencies": ["Shop.assets"],
        },
    } });
    project
        .write("cdk.out/manifest.json", &manifest.to_string())
        .write("cdk.out/Shop.assets.json", &assets.to_string())
        .write("cdk.out/Shop.template.json", &json!({ "Resources": resources }).to_string())
        .write("cdk.out/asset.code/index.js", "exports.handler = async () => 'ok';\n")
        .write("cdk.out/asset.code/bin/tool", "#!/bin/sh\n")
        .write("cdk.out/asset.page.html", "<p>a page</p>\n")
        .write(
            "payctl.toml",
            "assembly = \"cdk.out\"\n[project]\nname = \"shop\"\n[env.local]\nsandbox = true\n[env.aws]\n",
        );
    project
}

/// What `cdk bootstrap` makes, as far as assets need it.
fn bootstrap(emulator: &Emulator) {
    python::script(
        &format!(
            "import sys, boto3\n\
             make = lambda name: boto3.client(name, region_name='us-east-1', endpoint_url=sys.argv[1])\n\
             make('s3').create_bucket(Bucket='{BUCKET}')\n\
             make('ecr').create_repository(repositoryName='cdk-hnb659fds-container-assets-123456789012-us-east-1')\n"
        ),
        &[&emulator.url],
    );
}

/// The objects of the bucket: key, content type, and of archives the files with their modes.
fn objects(emulator: &Emulator) -> Json {
    let script = "import sys, io, json, zipfile, boto3\n\
        s3 = boto3.client('s3', region_name='us-east-1', endpoint_url=sys.argv[1])\n\
        found = {}\n\
        for item in s3.list_objects_v2(Bucket=sys.argv[2]).get('Contents', []):\n\
        \x20   got = s3.get_object(Bucket=sys.argv[2], Key=item['Key'])\n\
        \x20   body = got['Body'].read()\n\
        \x20   if item['Key'].endswith('.zip'):\n\
        \x20       files = zipfile.ZipFile(io.BytesIO(body)).infolist()\n\
        \x20       body = [f'{f.filename} {f.date_time[0]} {f.external_attr >> 16 & 0o777:o}' for f in files]\n\
        \x20   else: body = body.decode()\n\
        \x20   found[item['Key']] = [got['ContentType'], body]\n\
        print(json.dumps(found))\n";
    serde_json::from_str(&python::script(script, &[&emulator.url, BUCKET])).expect("JSON")
}

/// What a run says of why it ended. Which of several assets fails first is chance.
fn refusal(project: &Project, run: &Run) -> String {
    let start = run.err.find("  ×").unwrap_or_default();
    seen(project, &run.err[start..]).replace("Shop/asset.page.html", "Shop/asset.code")
}

/// How often payctl called these operations of S3 and ECR.
fn calls(events: &str) -> Vec<String> {
    let last = events.lines().last().expect("a summary");
    let summary: Json = serde_json::from_str(last).expect("JSON");
    let calls = summary["api_calls"]["by_operation"]
        .as_object()
        .expect("calls");
    let of_assets = calls
        .iter()
        .filter(|(name, _)| name.starts_with("s3:") || name.starts_with("ecr:"));
    of_assets
        .map(|(name, count)| format!("{name} {count}"))
        .collect()
}

#[test]
fn files_are_uploaded_before_what_needs_them_and_only_then() {
    use std::os::unix::fs::PermissionsExt as _;
    let emulator = Emulator::moto();
    let project = project(false).at(&emulator.url).environment("aws");
    let tool = project.path("cdk.out/asset.code/bin/tool");
    std::fs::set_permissions(tool, std::fs::Permissions::from_mode(0o700)).expect("a mode");
    let missing = project.fails("apply --auto-approve", 1);
    insta::assert_snapshot!("not_bootstrapped", refusal(&project, &missing));
    assert!(
        project.ok("state list").out.contains("no resources"),
        "nothing was made"
    );
    bootstrap(&emulator);
    let first = project.ok("apply --auto-approve --json");
    assert_eq!(calls(&first.out), ["s3:HeadObject 2", "s3:PutObject 2"]);
    let events: Vec<Json> = first
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let published = events
        .iter()
        .rposition(|event| event["step"] == "published")
        .expect("published");
    let started = events
        .iter()
        .position(|event| event["event"] == "started")
        .expect("started");
    assert!(published < started, "{events:#?}");
    let asset = &events[published];
    assert_eq!(asset["event"], "asset", "{asset}");
    assert!(
        asset["destination"]
            .as_str()
            .is_some_and(|to| to.starts_with(&format!("s3://{BUCKET}/"))),
        "{asset}"
    );
    assert_eq!(
        objects(&emulator),
        json!({
            (format!("{CODE}.zip")): ["application/zip", ["bin/tool 1980 755", "index.js 1980 644"]],
            (format!("{PAGE}.html")): ["application/octet-stream", "<p>a page</p>\n"],
        })
    );
    // Where nothing changes nothing is looked for; where something does, only what it names.
    assert_eq!(
        calls(&project.ok("apply --auto-approve --json").out),
        Vec::<String>::new()
    );
    project.edit("cdk.out/Shop.template.json", "\"nothing\"", "\"something\"");
    assert_eq!(
        calls(&project.ok("apply --auto-approve --json").out),
        Vec::<String>::new()
    );
    project.edit(
        "cdk.out/Shop.template.json",
        &format!("{PAGE}.html\""),
        &format!("{PAGE}.html#top\""),
    );
    assert_eq!(
        calls(&project.ok("apply --auto-approve --json").out),
        ["s3:HeadObject 1"]
    );
    // An asset whose files are gone is an error only while it has to be sent.
    std::fs::remove_file(project.path("cdk.out/asset.page.html")).expect("a file");
    project.edit("cdk.out/Shop.template.json", "#top", "#end");
    project.ok("apply --auto-approve");
    python::script(
        "import sys, boto3\n\
         boto3.client('s3', region_name='us-east-1', endpoint_url=sys.argv[1]).delete_object(Bucket=sys.argv[2], Key=sys.argv[3])\n",
        &[&emulator.url, BUCKET, &format!("{PAGE}.html")],
    );
    project.edit("cdk.out/Shop.template.json", "#end", "#top");
    let gone = project.fails("apply --auto-approve", 1);
    insta::assert_snapshot!("asset_without_files", refusal(&project, &gone));
    project.ok("destroy --auto-approve");
}

/// A program that takes docker's arguments and notes them; pushing makes the tag known to the emulator.
fn docker(project: &Project, emulator: &Emulator) -> String {
    let notes = project.path("docker.txt");
    let push = format!(
        "import sys, json, boto3\n\
         ecr = boto3.client('ecr', region_name='us-east-1', endpoint_url='{}')\n\
         repository, tag = sys.argv[1].split('/', 1)[1].rsplit(':', 1)\n\
         ecr.put_image(repositoryName=repository, imageTag=tag, imageManifest=json.dumps({{'schemaVersion': 2, 'mediaType': 'application/vnd.docker.distribution.manifest.v2+json', 'config': {{'digest': 'sha256:1'}}, 'layers': []}}))\n",
        emulator.url
    );
    project.write("push.py", &push);
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {notes}\ncase $1 in\n\
         login) read password; test -n \"$password\" && echo \"in $(basename $PWD)\" >> {notes} ;;\n\
         build) test -f Dockerfile.prod || exit 9 ;;\n\
         push) AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x {python} {script} $2 ;;\n\
         esac\n",
        notes = notes.display(),
        python = python::bin().join("python").display(),
        script = project.path("push.py").display(),
    );
    let path = project.path("docker.sh");
    project.write("docker.sh", &script);
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    path.display().to_string()
}

#[test]
fn images_are_built_and_pushed_where_the_repository_has_none() {
    let emulator = Emulator::moto();
    let project = project(true).at(&emulator.url).environment("aws");
    bootstrap(&emulator);
    let project = project.variable("CDK_DOCKER", "no-such-docker");
    let none = project.fails("apply --auto-approve", 1);
    insta::assert_snapshot!("no_docker", refusal(&project, &none));
    assert!(
        project.ok("state list").out.contains("no resources"),
        "nothing was made"
    );
    let program = docker(&project, &emulator);
    let project = project.variable("CDK_DOCKER", &program);
    let first = project.ok("apply --auto-approve --json");
    assert!(first.out.contains("\"building\""), "{}", first.out);
    let notes = project.read("docker.txt");
    let notes = notes
        .lines()
        .filter(|line| !line.starts_with("in "))
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(
        "what_docker_is_told",
        notes.replace(&emulator.url, "[registry]")
    );
    // Once it is there, no docker is needed.
    project.edit(
        "cdk.out/Shop.template.json",
        &format!("{IMAGE}\""),
        &format!("{IMAGE}@x\""),
    );
    let project = project.variable("CDK_DOCKER", "no-such-docker");
    let again = project.ok("apply --auto-approve --json");
    assert_eq!(calls(&again.out), ["ecr:DescribeImages 1"]);
    // A build that fails is told with what it said, without the build arguments.
    python::script(
        "import sys, boto3\n\
         ecr = boto3.client('ecr', region_name='us-east-1', endpoint_url=sys.argv[1])\n\
         ecr.batch_delete_image(repositoryName='cdk-hnb659fds-container-assets-123456789012-us-east-1', imageIds=[{'imageTag': sys.argv[2]}])\n",
        &[&emulator.url, IMAGE],
    );
    let failing = project.path("docker.sh");
    project.edit(
        "docker.sh",
        "#!/bin/sh\n",
        "#!/bin/sh\ntest $1 = build && echo 'no space left' >&2 && exit 4\n",
    );
    project.edit(
        "cdk.out/Shop.template.json",
        &format!("{IMAGE}@x\""),
        &format!("{IMAGE}\""),
    );
    let project = project.variable("CDK_DOCKER", &failing.display().to_string());
    let failed = project.fails("apply --auto-approve", 1);
    assert!(failed.err.contains("no space left"), "{}", failed.err);
    assert!(!failed.err.contains("hidden"), "{}", failed.err);
}

#[test]
fn the_simulated_account_is_bootstrapped() {
    let project = project(false).environment("local");
    assert_eq!(project.plan("")["summary"]["create"], 3);
    let first = project.ok("apply --auto-approve --json");
    assert_eq!(calls(&first.out), ["s3:HeadObject 2", "s3:PutObject 2"]);
    let world = Emulator::world_of(&project);
    let objects = objects(&world);
    assert_eq!(
        objects[format!("{PAGE}.html")][1],
        "<p>a page</p>\n",
        "{objects}"
    );
    world.stop();
    assert_eq!(
        calls(&project.ok("apply --auto-approve --json").out),
        Vec::<String>::new()
    );
    project.ok("destroy --auto-approve");
    // What is published stays, as in AWS, and need not be sent again.
    let again = project.ok("apply --auto-approve --json");
    assert_eq!(calls(&again.out), ["s3:HeadObject 2"]);
}
#[test]
fn the_simulated_registry_takes_images_without_docker() {
    let project = project(true)
        .environment("local")
        .variable("CDK_DOCKER", "no-such-docker");
    let first = project.ok("apply --auto-approve --json");
    assert_eq!(
        calls(&first.out),
        [
            "ecr:DescribeImages 1",
            "ecr:PutImage 1",
            "s3:HeadObject 2",
            "s3:PutObject 2"
        ]
    );
    project.ok("destroy --auto-approve");
    let again = project.ok("apply --auto-approve --json");
    assert_eq!(
        calls(&again.out),
        ["ecr:DescribeImages 1", "s3:HeadObject 2"]
    );
}
