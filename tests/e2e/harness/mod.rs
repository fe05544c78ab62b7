//! What every end-to-end test stands on: a project folder of its own, the binary with a clean environment, the emulators.

pub mod cloud;
pub mod emulator;
pub mod proxy;
pub mod python;
pub mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A project in a folder that goes with the value.
pub struct Project {
    folder: tempfile::TempDir,
    endpoint: Option<String>,
    environment: Option<&'static str>,
    variables: Vec<(String, String)>,
}

/// What one run of the binary gave.
#[derive(Debug)]
pub struct Run {
    /// The exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Project {
    /// An empty folder.
    pub fn empty() -> Project {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Project {
            folder,
            endpoint: None,
            environment: None,
            variables: Vec::new(),
        }
    }

    /// A copy of one of the platforms.
    pub fn platform(name: &str) -> Project {
        let project = Project::empty();
        let source = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("platforms")
            .join(name);
        for entry in std::fs::read_dir(&source).expect("the platform's folder") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_file() {
                std::fs::copy(
                    entry.path(),
                    project.path(&entry.file_name().to_string_lossy()),
                )
                .expect("a copy");
            }
        }
        project
    }

    /// All AWS calls go to this address instead of AWS.
    pub fn at(mut self, endpoint: &str) -> Project {
        self.endpoint = Some(endpoint.to_owned());
        self
    }

    /// The environment of payctl.toml that every run takes.
    pub fn environment(mut self, name: &'static str) -> Project {
        self.environment = Some(name);
        self
    }

    /// An environment variable of every run.
    pub fn variable(mut self, name: &str, value: &str) -> Project {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the project.
    pub fn write(&self, name: &str, text: &str) -> &Project {
        let path = self.path(name);
        let folder = path.parent().expect("a file stands in a folder");
        std::fs::create_dir_all(folder).expect("a writable folder");
        std::fs::write(path, text).expect("a writable folder");
        self
    }

    /// Reads a file of the project.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Replaces a text that must be there in a file of the project.
    pub fn edit(&self, name: &str, from: &str, to: &str) -> &Project {
        let text = self.read(name);
        assert!(text.contains(from), "{name} does not contain {from:?}");
        self.write(name, &text.replace(from, to))
    }

    /// The binary with these arguments (split at spaces), in the folder, in an environment that holds nothing of the
    /// machine's.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_payctl"));
        command
            .args(arguments.split_whitespace())
            .args(self.environment.iter().flat_map(|name| ["--env", name]))
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path());
        command
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NO_COLOR", "1")
            .env("COLUMNS", "80");
        if let Some(endpoint) = &self.endpoint {
            command.env("AWS_ENDPOINT_URL", endpoint);
            command
                .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
                .env("AWS_SECRET_ACCESS_KEY", "example");
        }
        command.envs(self.variables.iter().cloned());
        command
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &str) -> Run {
        Run::of(self.command(arguments).output().expect("the binary starts"))
    }

    /// Runs the binary, which must succeed.
    pub fn ok(&self, arguments: &str) -> Run {
        let run = self.run(arguments);
        assert_eq!(
            run.code, 0,
            "payctl {arguments}\n--- out\n{}\n--- err\n{}",
            run.out, run.err
        );
        run
    }

    /// Runs the binary, which must fail with this exit code.
    pub fn fails(&self, arguments: &str, code: i32) -> Run {
        let run = self.run(arguments);
        assert_eq!(
            run.code, code,
            "payctl {arguments}\n--- out\n{}\n--- err\n{}",
            run.out, run.err
        );
        run
    }

    /// `plan --json`.
    pub fn plan(&self, arguments: &str) -> serde_json::Value {
        self.ok(&format!("plan --json {arguments}")).json()
    }

    /// What the plan would do, as `action LogicalId`, sorted.
    pub fn actions(&self, arguments: &str) -> Vec<String> {
        let plan = self.plan(arguments);
        let mut actions: Vec<String> = plan["changes"]
            .as_array()
            .expect("changes")
            .iter()
            .map(|change| {
                let address = change["address"].as_str().expect("an address");
                let logical_id = address.rsplit('.').next().unwrap_or(address);
                format!(
                    "{} {logical_id}",
                    change["action"].as_str().expect("an action")
                )
            })
            .collect();
        actions.sort();
        actions
    }
}

impl Run {
    /// From a finished process.
    pub fn of(output: Output) -> Run {
        Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Standard output as one JSON value.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.out, self.err))
    }
}

/// A run's words without what differs from machine to machine and run to run: the project's folder.
pub fn seen(project: &Project, text: &str) -> String {
    let folder = project.path("");
    let folder = folder.to_string_lossy();
    let folder = folder.trim_end_matches('/');
    text.replace(&format!("/private{folder}"), "[project]")
        .replace(folder, "[project]")
}

/// The permissions of one of a project's files.
pub(crate) fn mode(project: &Project, name: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata =
        std::fs::metadata(project.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    metadata.permissions().mode() & 0o777
}
