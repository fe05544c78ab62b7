//! The mistakes that people make in templates, one file each in `templates/mistakes`, and what `validate` says about it on a
//! terminal of 80 columns. The words are to be good enough to paste to a colleague: read the snapshots as one would.

use std::path::Path;

use crate::harness::{Project, seen};

#[test]
fn every_mistake_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/templates/mistakes");
    let entries = std::fs::read_dir(&folder).expect("the folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 30, "{}", names.len());
    for name in &names {
        let project = Project::empty();
        project.write(
            name,
            &std::fs::read_to_string(folder.join(name)).expect(name),
        );
        let command = format!("validate --env local --region us-east-1 --template {name}");
        let run = project.fails(&command, 1);
        assert!(run.err.contains("help:"), "{name}: {}", run.err);
        for line in run.err.lines() {
            // A line of the template is shown as it is, however long.
            let source =
                line.contains('│') && line.trim_start().starts_with(|c: char| c.is_ascii_digit());
            assert!(source || line.chars().count() <= 80, "{name}: {line}");
        }
        let (stem, _) = name.rsplit_once('.').expect("an extension");
        insta::assert_snapshot!(stem, seen(&project, &run.err));
    }
}
