//! The two emulators, each as a server of its own on a free port of loopback, ended with the value.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{Project, python};

/// A running server that speaks AWS's protocols.
pub struct Emulator {
    child: Child,
    /// Where it listens, such as `http://127.0.0.1:4711`.
    pub url: String,
    /// Where the simulated AWS keeps its world, where that is no test's project.
    _home: Option<Project>,
    /// Where moto writes down which of payctl's requests break AWS's API models.
    invalid: Option<tempfile::NamedTempFile>,
}

impl Emulator {
    /// moto's server, empty.
    pub fn moto() -> Emulator {
        let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/moto_server.py");
        let mut command = Command::new(python::bin().join("python"));
        command.arg(server);
        let invalid = tempfile::NamedTempFile::new().expect("a temporary file");
        command.env("PAYCTL_INVALID_REQUESTS", invalid.path());
        command
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            // Without it a service never gets its tasks, and its deployment never ends.
            .env("MOTO_ECS_SERVICE_RUNNING", "50");
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("moto starts");
        let lines = BufReader::new(child.stderr.take().expect("standard error is piped"));
        let url = address_in(lines);
        Emulator {
            child,
            url,
            _home: None,
            invalid: Some(invalid),
        }
    }

    /// payctl's requests so far that break AWS's API models, with what is wrong, each as a line of JSON. The simulated AWS
    /// refuses them itself.
    pub fn invalid_requests(&self) -> String {
        let read = |file: &tempfile::NamedTempFile| std::fs::read_to_string(file.path());
        self.invalid
            .as_ref()
            .map(|file| read(file).expect("a readable file"))
            .unwrap_or_default()
    }

    /// Forgets them.
    pub fn forgive(&self) {
        if let Some(file) = &self.invalid {
            std::fs::write(file.path(), "").expect("a writable file");
        }
    }

    /// The simulated AWS behind `payctl sandbox serve`, empty, its clock this many times as fast as the wall's.
    pub fn simulated(speed: u32) -> Emulator {
        let home = Project::empty();
        home.write("payctl.toml", "[project]\nname = \"world\"\n");
        let mut emulator = Emulator::serving(&home, speed);
        emulator._home = Some(home);
        emulator
    }

    /// The simulated AWS that a project's own runs left, seen from outside.
    pub fn world_of(project: &Project) -> Emulator {
        Emulator::serving(project, 1)
    }

    fn serving(project: &Project, speed: u32) -> Emulator {
        let mut command = project.command(&format!("sandbox serve --port 0 --speed {speed}"));
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the simulated AWS starts");
        let lines = BufReader::new(child.stdout.take().expect("standard output is piped"));
        let url = address_in(lines);
        Emulator {
            child,
            url,
            _home: None,
            invalid: None,
        }
    }
}

impl Emulator {
    /// Asks the server to end, and waits until it has written what it keeps.
    pub fn stop(mut self) {
        let asked = Command::new("kill")
            .arg(self.child.id().to_string())
            .status();
        assert!(asked.expect("kill").success());
        let ended = self.child.wait().expect("a child");
        assert!(ended.success(), "the server ended with {ended}");
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let invalid = self.invalid_requests();
        assert!(
            invalid.is_empty() || std::thread::panicking(),
            "requests that break AWS's API models:\n{invalid}"
        );
    }
}

/// The first `http://127.0.0.1:PORT` that a server prints; what it prints afterwards is read and dropped.
fn address_in(mut lines: impl BufRead + Send + 'static) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(
            lines.read_line(&mut line).expect("a readable stream") > 0,
            "the server ended before it listened"
        );
        if let Some(start) = line.find("http://127.0.0.1:") {
            let url: String = line[start..]
                .chars()
                .take_while(|c| !c.is_whitespace())
                .collect();
            std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
            return url.trim_end_matches('/').to_owned();
        }
    }
}
