//! Templates at the limits: very large, very deep, very wrong. Whatever a template says, reading it ends, in time that grows
//! with its length and on the stack of a worker thread.

use std::fmt::Write as _;

use super::diagnostic::MAX_MISTAKES;
use super::*;
use crate::graph::{ResourceGraph, Rules};

/// The template's whole way up to the graph, on a stack as small as any thread of payctl has. Gives the codes of what is wrong.
fn codes(text: String) -> Vec<&'static str> {
    let way = move || {
        let inputs = Inputs {
            region: "us-east-1".into(),
            stack: "s".into(),
            stack_name: "s".into(),
            account: "123456789012".into(),
            partition: "aws".into(),
            ..Inputs::default()
        };
        let stack = load("t.yaml", &text).and_then(|template| {
            let _ = template.lookups(&inputs);
            template.instantiate(&inputs)
        });
        let found =
            stack.and_then(|stack| ResourceGraph::build(&[stack], &Rules::native()).map(|_| ()));
        let all = found.err().unwrap_or_default();
        // All of them can be shown.
        all.iter()
            .for_each(|one| assert!(!one.to_string().is_empty()));
        all.iter().map(|one| one.code).collect()
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(way);
    thread.expect("a thread").join().expect("it ends")
}

fn lines(head: &str, count: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = head.to_owned();
    for index in 0..count {
        let _ = writeln!(text, "{}", line(index));
    }
    text
}

const VPC: &str = "Resources:\n  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}\n";

#[test]
fn long_chains_need_no_deep_stack() {
    let conditions = lines(
        &format!("{VPC}Conditions:\n  C0: !Equals [a, a]\n"),
        20_000,
        |index| format!("  C{}: !Not [!Condition C{index}]", index + 1),
    );
    assert_eq!(codes(conditions.clone()), [""; 0]);
    let circle = conditions.replace("C0: !Equals [a, a]", "C0: !Not [!Condition C20000]");
    assert_eq!(codes(circle), ["circular"]);
    let resources = lines(
        "Resources:\n  T0: {Type: AWS::SNS::Topic}\n",
        5_000,
        |index| {
            format!(
                "  T{}: {{Type: AWS::SNS::Topic, DependsOn: T{index}}}",
                index + 1
            )
        },
    );
    assert_eq!(codes(resources.clone()), [""; 0]);
    let circle = resources.replace(
        "T0: {Type: AWS::SNS::Topic}",
        "T0: {Type: AWS::SNS::Topic, DependsOn: T5000}",
    );
    assert_eq!(codes(circle), ["cycle"]);
}

#[test]
fn nesting_ends_before_the_stack_does() {
    for (open, close) in [
        ("[", "]"),
        ("{a: ", "}"),
        ("!If [C, ", ", x]"),
        ("!Join ['', [", "]]"),
        ("!Sub ['${a}', {a: ", "}]"),
        ("!Select [0, [", "]]"),
        ("!Base64 {'Fn::Base64': ", "}"),
    ] {
        for depth in [20, 49, 99, 100_000] {
            let value = format!("{}x{}", open.repeat(depth), close.repeat(depth));
            let text = format!(
                "Conditions: {{C: !Equals [a, a]}}\nResources:\n  V:\n    Type: AWS::EC2::VPC\n    Metadata: {{M: {value}}}\n    Properties: {{CidrBlock: {value}}}\n"
            );
            let found = codes(text);
            assert!(depth < 100 || found == ["bad-yaml"], "{open}: {found:?}");
        }
    }
    let json = format!("{{\"Resources\": {}", "{\"a\":[".repeat(100_000));
    assert_eq!(codes(json), ["bad-json"]);
    let blocks = (0..2_000).fold("Resources:\n".to_owned(), |mut text, depth| {
        let _ = writeln!(text, "{}a:", " ".repeat(depth + 1));
        text
    });
    assert_eq!(codes(blocks), ["bad-yaml"]);
}

#[test]
fn functions_within_functions_make_no_endless_texts() {
    let topic = |value: &str| {
        format!(
            "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: {value}\n"
        )
    };
    let nested = |open: &str, close: &str, depth: usize| {
        topic(&format!("{}'x'{}", open.repeat(depth), close.repeat(depth)))
    };
    assert_eq!(
        codes(nested("!Base64 {'Fn::Base64': ", "}", 40)),
        ["bad-argument"]
    );
    assert_eq!(codes(nested("!Sub ['${a}${a}', {a: ", "}]", 10)), [""; 0]);
    assert_eq!(
        codes(nested("!Sub ['${a}${a}', {a: ", "}]", 30)),
        ["too-large"]
    );
    let delimiter = "x".repeat(1 << 20);
    assert_eq!(
        codes(topic(&format!("!Join ['{delimiter}', [a, b, c]]"))),
        [""; 0]
    );
    assert_eq!(
        codes(topic(&format!(
            "!Join ['{delimiter}', [{}]]",
            "a, ".repeat(10_000)
        ))),
        ["bad-argument"]
    );
}

#[test]
fn there_is_an_end_to_mistakes() {
    for wrong in [
        lines("Resources:\n", 8_000, |index| {
            format!("  T{index}: {{Type: AWS::SNS::Topic, DependsOn: S{index}}}")
        }),
        lines("Resources:\n", 8_000, |index| {
            format!("  T{index}: {{Type: AWS::SNS::Topik}}")
        }),
        lines("Resources:\n", 8_000, |index| {
            format!("  T{index}: {{Typ: AWS::SNS::Topic}}")
        }),
        lines("Resources:\n", 5_000, |index| {
            format!(
                "  T{index}: {{Type: AWS::SNS::Topic, Properties: {{DisplayNam: !Ref X{index}}}}}"
            )
        }),
        lines("Resources:\n", 8_000, |_| {
            "  T: {Type: AWS::SNS::Topic}".to_owned()
        }),
        lines(&format!("{VPC}Outputs:\n"), 8_000, |index| {
            format!("  O{index}: {{Valu: !Ref V}}")
        }),
        lines(&format!("{VPC}Conditions:\n"), 8_000, |index| {
            format!("  C{index}: !Condition D{index}")
        }),
        lines(&format!("{VPC}Parameters:\n"), 8_000, |index| {
            format!("  P{index}: {{Type: Strng}}")
        }),
        lines(&format!("{VPC}Mappings:\n"), 8_000, |index| {
            format!("  M{index}: x")
        }),
        lines(
            "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n",
            8_000,
            |index| format!("      P{index}: x"),
        ),
        lines(
            "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: !Sub |\n",
            8_000,
            |index| format!("        ${{X{index}}}"),
        ),
    ] {
        let found = codes(wrong);
        assert!(
            !found.is_empty() && found.len() <= MAX_MISTAKES + 1,
            "{}",
            found.len()
        );
    }
    // Warnings do not count: with very many of them the template is right.
    let strange = lines("Resources:\n", 5_000, |index| {
        format!("  T{index}: {{Type: Org{index}::Our::Thing, Properties: {{Mode: 0644}}}}")
    });
    assert_eq!(codes(strange), [""; 0]);
}

#[test]
fn large_templates_are_read() {
    // Eight megabytes of one text, of many lines, of one list, of aliases.
    let text = format!("{VPC}Metadata:\n  Text: {}\n", "x".repeat(7 << 20));
    assert_eq!(codes(text), [""; 0]);
    let block = lines(&format!("{VPC}Metadata:\n  Text: |\n"), 200_000, |index| {
        format!("    line {index}: # 'quoted' \"too\"")
    });
    assert_eq!(codes(block), [""; 0]);
    let list = format!("{VPC}Metadata:\n  List: [{}]\n", "1, ".repeat(300_000));
    assert_eq!(codes(list), [""; 0]);
    let aliases = format!(
        "{VPC}Metadata:\n  A: &a {{k: v}}\n  L: [{}]\n",
        "*a, ".repeat(50_000)
    );
    assert_eq!(codes(aliases), [""; 0]);
    let sub = format!(
        "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: !Sub '{}'\n",
        "${AWS::Region}".repeat(20_000)
    );
    assert_eq!(codes(sub), [""; 0]);
    assert_eq!(codes(" ".repeat(9 << 20)), ["too-large"]);
}

#[test]
fn what_cloudformation_limits_is_only_told() {
    let many = lines("Resources:\n", 501, |index| {
        format!("  T{index}: {{Type: AWS::SNS::Topic}}")
    });
    let template = load("t.yaml", &many).unwrap();
    let told: Vec<String> = template
        .warnings
        .iter()
        .map(|warning| warning.message.clone())
        .collect();
    assert_eq!(
        told,
        [
            "501 resources: CloudFormation takes at most 500 resources in a template, payctl takes more"
        ]
    );
    let wide = lines(
        &format!("{VPC}Description: {}\nMappings:\n  M:\n", "d".repeat(1025)),
        201,
        |index| format!("    k{index}: {{v: 1}}"),
    );
    let template = load("t.yaml", &wide).unwrap();
    let told: Vec<(&str, Option<usize>)> = template
        .warnings
        .iter()
        .map(|warning| (warning.code, warning.line()))
        .collect();
    assert_eq!(
        told,
        [
            ("cloudformation-quota", Some(3)),
            ("cloudformation-quota", Some(5))
        ]
    );
}
