//! A folder as a ZIP archive: the same bytes for the same files, wherever and whenever it is made.

use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;
use walkdir::WalkDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Packs a folder. Links are followed, as the CDK does; folders without files leave no trace. Of the files' modes only remains
/// whether they can be run: what Lambda unpacks must be readable, whatever the mask under which it was written.
///
/// # Errors
/// Where a file cannot be read, or a link leads nowhere or in a circle.
pub(super) fn pack(folder: &Path) -> io::Result<NamedTempFile> {
    let mut archive = ZipWriter::new(NamedTempFile::new()?);
    let files = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in files {
        let entry = entry.map_err(io::Error::other)?;
        if !entry.file_type().is_file() {
            continue;
        }
        let metadata = entry.metadata().map_err(io::Error::other)?;
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::DEFAULT)
            .unix_permissions(if is_executable(&metadata) {
                0o755
            } else {
                0o644
            })
            .large_file(metadata.len() >= u64::from(u32::MAX));
        // Every entry of the walk stands below the folder.
        let name = entry.path().strip_prefix(folder).unwrap_or(entry.path());
        let parts = name.iter().map(|part| part.to_string_lossy());
        let name = parts.collect::<Vec<_>>().join("/");
        archive
            .start_file(name, options)
            .map_err(io::Error::other)?;
        io::copy(&mut File::open(entry.path())?, &mut archive)?;
    }
    archive.finish().map_err(io::Error::other)
}

fn is_executable(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn folder(files: &[(&str, &str, u32)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text, mode) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode)).unwrap();
        }
        folder
    }

    #[test]
    fn the_same_files_are_the_same_bytes() {
        let one = folder(&[("b/run.sh", "echo", 0o700), ("a.txt", "a", 0o600)]);
        std::thread::sleep(std::time::Duration::from_millis(20));
        let two = folder(&[("a.txt", "a", 0o644), ("b/run.sh", "echo", 0o755)]);
        std::fs::create_dir(two.path().join("empty")).unwrap();
        let bytes = |folder: &tempfile::TempDir| {
            std::fs::read(pack(folder.path()).unwrap().path()).unwrap()
        };
        assert_eq!(bytes(&one), bytes(&two));
    }

    #[test]
    fn links_are_followed_and_programs_stay_programs() {
        let source = folder(&[(".hidden", "h", 0o600), ("b/run.sh", "echo", 0o700)]);
        symlink("b/run.sh", source.path().join("link.sh")).unwrap();
        let packed = pack(source.path()).unwrap();
        let mut archive = zip::ZipArchive::new(packed.reopen().unwrap()).unwrap();
        let entries: Vec<(String, Option<u32>)> = (0..archive.len())
            .map(|index| {
                let file = archive.by_index(index).unwrap();
                (
                    file.name().unwrap().into_owned(),
                    file.unix_mode().map(|mode| mode & 0o777),
                )
            })
            .collect();
        assert_eq!(
            entries,
            [
                (".hidden".to_owned(), Some(0o644)),
                ("b/run.sh".to_owned(), Some(0o755)),
                ("link.sh".to_owned(), Some(0o755)),
            ]
        );
        let mut text = String::new();
        archive
            .by_name("link.sh")
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "echo");
        symlink("gone", source.path().join("dangling")).unwrap();
        assert!(pack(source.path()).is_err());
    }
}
