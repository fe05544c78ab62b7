//! A function's code as Lambda takes it. `Code.ZipFile` is source text: CloudFormation puts it into a file called `index` and makes
//! a deployment package of it (CloudFormation template reference, AWS::Lambda::Function Code, `ZipFile`).

use std::io::{Cursor, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::error::{Error, Result};

/// What goes beside Python source that says `import cfnresponse`.
const CFNRESPONSE_PY: &str = include_str!("cfnresponse.py");
/// What goes beside Node.js source that requires `cfn-response`.
const CFN_RESPONSE_JS: &str = include_str!("cfn-response.js");

/// The registry's `Code` as the member of the same name, its source made into a deployment package.
///
/// # Errors
/// Where there is source for a runtime for which CloudFormation takes none.
pub(super) fn package(code: &Json, runtime: &str) -> Result<Map<String, Json>> {
    let mut members = code.as_object().cloned().unwrap_or_default();
    if let Some(Json::String(source)) = members.get("ZipFile") {
        let archive = archive(source, runtime)?;
        members.insert("ZipFile".to_owned(), STANDARD.encode(archive).into());
    }
    Ok(members)
}

/// The same source gives the same bytes, so that what Lambda calculates of them (`CodeSha256`) is no change either.
fn archive(source: &str, runtime: &str) -> Result<Vec<u8>> {
    let mut files: Vec<(&str, &str)> = Vec::new();
    if runtime.starts_with("python") {
        files.push(("index.py", source));
        // "Use this exact import statement" (CloudFormation user guide, "cfn-response module").
        if source.contains("import cfnresponse") {
            files.push(("cfnresponse.py", CFNRESPONSE_PY));
        }
    } else if runtime.starts_with("nodejs") {
        // "The index file that CloudFormation creates uses the extension .js" (AWS::Lambda::Function Code, `ZipFile`).
        files.push(("index.js", source));
        let requires = |quote: char| source.contains(&format!("{quote}cfn-response{quote}"));
        if ['\'', '"', '`'].into_iter().any(requires) {
            files.push(("node_modules/cfn-response/index.js", CFN_RESPONSE_JS));
        }
    } else {
        let runtime = if runtime.is_empty() {
            "this function has none".to_owned()
        } else {
            format!("not {runtime}")
        };
        return Err(Error::Failed(format!(
            "Code.ZipFile is source text for a Node.js or Python runtime, and {runtime}: put the code into a bucket, and name it by \
             Code.S3Bucket and Code.S3Key"
        )));
    }
    let failed = |error: String| Error::Failed(format!("Code.ZipFile cannot be zipped: {error}"));
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    // Without a time: the archive depends on nothing but the source. Readable by whoever Lambda runs it as.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .unix_permissions(0o644);
    for (name, text) in files {
        writer
            .start_file(name, options)
            .map_err(|error| failed(error.to_string()))?;
        writer
            .write_all(text.as_bytes())
            .map_err(|error| failed(error.to_string()))?;
    }
    let written = writer.finish().map_err(|error| failed(error.to_string()))?;
    Ok(written.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn files(source: &str, runtime: &str) -> Vec<(String, String)> {
        let bytes = archive(source, runtime).unwrap();
        let mut read = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        (0..read.len())
            .map(|position| {
                let mut file = read.by_index(position).unwrap();
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                (file.name().unwrap().into_owned(), text)
            })
            .collect()
    }

    #[test]
    fn source_becomes_an_index_file_with_the_response_module_where_it_is_used() {
        let python = files("import cfnresponse\n", "python3.13");
        let names: Vec<&str> = python.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["index.py", "cfnresponse.py"]);
        assert_eq!(python[0].1, "import cfnresponse\n");
        assert!(python[1].1.contains("def send("));
        let node = files("const r = require('cfn-response');", "nodejs22.x");
        assert_eq!(node[0].0, "index.js");
        assert_eq!(node[1].0, "node_modules/cfn-response/index.js");
        assert_eq!(files("exports.handler = 1", "nodejs22.x").len(), 1);
        assert_eq!(files("def handler(e, c): pass", "python3.13").len(), 1);
    }

    #[test]
    fn the_same_source_gives_the_same_bytes() {
        let make = || archive("def handler(e, c): pass", "python3.13").unwrap();
        assert_eq!(make(), make());
    }

    #[test]
    fn other_runtimes_take_no_source() {
        let error = archive("class A {}", "java21").unwrap_err().to_string();
        assert!(error.contains("not java21"), "{error}");
    }
}
