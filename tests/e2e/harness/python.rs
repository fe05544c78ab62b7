//! The virtual environment that moto and boto3 live in: made on first use, under the target folder, from the pinned
//! `tests/requirements.txt`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The environment's `bin` folder.
pub fn bin() -> &'static Path {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    BIN.get_or_init(|| {
        let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/requirements.txt");
        let wanted = std::fs::read_to_string(&requirements).expect("tests/requirements.txt");
        let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = target.join("python");
        let done = folder.join("installed.txt");
        // Several test processes may come here at once: only one installs.
        let lock = std::fs::File::create(target.join("python.lock")).expect("a lock file");
        lock.lock().expect("a lock");
        if std::fs::read_to_string(&done).ok().as_deref() != Some(wanted.as_str()) {
            let run = |command: &mut Command| {
                let output = command
                    .output()
                    .unwrap_or_else(|error| panic!("{command:?}: {error}"));
                assert!(
                    output.status.success(),
                    "{command:?}: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
            };
            run(Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&folder));
            run(Command::new(folder.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--requirement"])
                .arg(&requirements));
            std::fs::write(&done, wanted).expect("a marker file");
        }
        folder.join("bin")
    })
}

/// Runs a Python script with these arguments; its standard output. The script must succeed.
pub fn script(text: &str, arguments: &[&str]) -> String {
    let output = Command::new(bin().join("python"))
        .arg("-c")
        .arg(text)
        .args(arguments)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .expect("python starts");
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    out.into_owned()
}
