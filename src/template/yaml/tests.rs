//! What texts mean as YAML.

use super::*;

fn parsed(text: &str) -> (Arc<Source>, Option<Node>, Vec<Diagnostic>) {
    let source = Arc::new(Source::new("t.yaml", text));
    let mut diagnostics = Vec::new();
    let node = parse(&source, 0, &mut diagnostics);
    (source, node, diagnostics)
}

/// The value, or what is wrong.
fn read(text: &str) -> Result<serde_json::Value, String> {
    let (_, node, diagnostics) = parsed(text);
    let errors: Vec<String> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .map(ToString::to_string)
        .collect();
    match node {
        Some(node) if errors.is_empty() => Ok(node.to_value().to_json()),
        _ => Err(errors.join("\n")),
    }
}

#[test]
fn scalars_mean_what_cloudformation_takes_them_for() {
    let text = "a: yes\nb: 'yes'\nc: 2012-10-17\nd: 0123\ne: 123456789012\nf: off\ng: ~\nh: 1.5\ni: !!str 80\nj: \"80\"\nk: 012345678901\nl: 0\nm: 1e400\n80: x\ntrue: y\n";
    assert_eq!(
        read(text).unwrap(),
        serde_json::json!({"a": true, "b": "yes", "c": "2012-10-17", "d": "0123", "e": 123456789012i64, "f": false,
            "g": null, "h": 1.5, "i": "80", "j": "80", "k": "012345678901", "l": 0, "m": "1e400", "80": "x", "true": "y"})
    );
}

#[test]
fn numbers_that_a_number_would_change_stay_text() {
    let texts = [
        "0123",
        "012345678901",
        "1e3",
        "1E3",
        "0x10",
        "0o17",
        "0b1",
        "1_000",
        "12:30:45",
        "+5",
        ".5",
        "5.",
        "1.10",
        "-0",
        "18446744073709551616",
        "123456789012345678901234567890",
        "0.1234567890123456789",
        ".inf",
        ".nan",
        "1.2.3",
    ];
    for text in texts {
        assert_eq!(
            read(&format!("a: {text}")).unwrap(),
            serde_json::json!({ "a": text })
        );
    }
    assert_eq!(
        read("[0, -7, 443, 1.5, 1.0, -0.25, 123456789012, -9223372036854775808, 18446744073709551615]").unwrap(),
        serde_json::json!([0, -7, 443, 1.5, 1.0, -0.25, 123456789012u64, i64::MIN, u64::MAX])
    );
}

#[test]
fn what_cloudformation_reads_as_octal_is_told() {
    let (source, _, diagnostics) =
        parsed("a: 0123\nb: '0123'\nc: 0189\n0777: x\nd: !Ref 01\ne: 0\nf: 010.5\n");
    let [octal] = diagnostics.as_slice() else {
        panic!("{diagnostics:?}")
    };
    assert!(
        !octal.is_error() && octal.message.ends_with("octal: 83"),
        "{octal}"
    );
    assert_eq!(
        octal.place.as_ref().map(|place| source.slice(place.span)),
        Some("0123")
    );
}

#[test]
fn booleans_are_those_of_yaml_1_1_without_single_letters() {
    assert_eq!(
        read("[yes, No, ON, off, TRUE, False, y, n, Y, N, yEs, 'no', !!str on, ! off]").unwrap(),
        serde_json::json!([
            true, false, true, false, true, false, "y", "n", "Y", "N", "yEs", "no", "on", "off"
        ])
    );
}

#[test]
fn keys_are_texts_as_they_are_written() {
    assert_eq!(
        read("80: a\n1.0: b\nyes: c\n~: d\n2012-10-17: e\n'f g': h\n0123: i\n").unwrap(),
        serde_json::json!({"80": "a", "1.0": "b", "yes": "c", "~": "d", "2012-10-17": "e", "f g": "h", "0123": "i"})
    );
    assert!(
        read("? [a]\n: b\n")
            .unwrap_err()
            .contains("a key must be a text, not a list")
    );
    assert!(
        read("!Ref a: b\n")
            .unwrap_err()
            .contains("a key must be a text, not a map")
    );
}

#[test]
fn block_texts_keep_and_lose_what_they_should() {
    for (written, meant) in [
        ("|\n  x\n  y\n", "x\ny\n"),
        ("|-\n  x\n  y\n\n", "x\ny"),
        ("|+\n  x\n\n\n", "x\n\n\n"),
        (">\n  x\n  y\n\n  z\n", "x y\nz\n"),
        (">-\n  x\n  y\n", "x y"),
        (">+\n  x\n  y\n\n", "x y\n\n"),
        ("|4\n      x\n    y\n", "  x\ny\n"),
        ("|2-\n   x\n", " x"),
        ("|-2\n   x\n", " x"),
        ("| # not in it\n  # in it\n", "# in it\n"),
        ("|\n  a: b\n    - c # d\n", "a: b\n  - c # d\n"),
        (">\n  x\n    more\n  y\n", "x\n  more\ny\n"),
        ("|\n  tab\there\n", "tab\there\n"),
        ("\"x\n  y\n\n  z\"\n", "x y\nz"),
        ("'it''s'\n", "it's"),
        ("x\n  y # c\n", "x y"),
        ("\"\\u00e9\\U0001F600\\x41\\t\\/\\\"\"\n", "é😀A\t/\""),
    ] {
        for text in [
            format!("a: {written}"),
            format!("a: {written}").replace('\n', "\r\n"),
        ] {
            assert_eq!(
                read(&text),
                Ok(serde_json::json!({ "a": meant })),
                "{text:?}"
            );
        }
    }
}

#[test]
fn short_forms_stand_everywhere_and_know_their_places() {
    let text = "a: !Ref   b\nc: !Sub\n  - '${x}'\n  - {x: !GetAtt q.r.s}\nd: &d !Ref e\nf: !Base64\n  Fn::Sub: |\n    #!/bin/sh\n    echo ${AWS::Region}\n- ";
    let text = text.trim_end_matches("- ");
    assert_eq!(
        read(text).unwrap(),
        serde_json::json!({
            "a": {"Ref": "b"},
            "c": {"Fn::Sub": ["${x}", {"x": {"Fn::GetAtt": "q.r.s"}}]},
            "d": {"Ref": "e"},
            "f": {"Fn::Base64": {"Fn::Sub": "#!/bin/sh\necho ${AWS::Region}\n"}}
        })
    );
    let (source, node, _) = parsed(text);
    let node = node.unwrap();
    let entries = node.as_map().unwrap();
    let places = |index: usize| {
        let value: &Node = &entries[index].value;
        let call = &value.as_map().unwrap()[0];
        [value.span, call.key_span, call.value.span].map(|span| source.slice(span))
    };
    assert_eq!(places(0), ["!Ref   b", "!Ref", "b"]);
    assert_eq!(places(1), ["!Sub", "!Sub", "-"]);
    assert_eq!(places(2), ["&d !Ref e", "!Ref", "e"]);
    assert_eq!(places(3), ["!Base64", "!Base64", "F"]);
    assert_eq!(
        read("- !If [A, !Ref AWS::NoValue, [!Ref b]]\n- !GetAZs ''\n- !GetAZs\n- {x: !Ref y}\n- !Cidr [!Ref a, 6, 5]\n- !Select [0, !Split [',', a]]\n").unwrap(),
        serde_json::json!([
            {"Fn::If": ["A", {"Ref": "AWS::NoValue"}, [{"Ref": "b"}]]}, {"Fn::GetAZs": ""}, {"Fn::GetAZs": ""}, {"x": {"Ref": "y"}},
            {"Fn::Cidr": [{"Ref": "a"}, 6, 5]}, {"Fn::Select": [0, {"Fn::Split": [",", "a"]}]}
        ])
    );
    // Whether there is such a function is not YAML's business.
    assert_eq!(
        read("!Reff b").unwrap(),
        serde_json::json!({"Fn::Reff": "b"})
    );
    assert!(
        read("!!binary aGk=")
            .unwrap_err()
            .contains("the tag `!!binary` is not known")
    );
}

#[test]
fn equal_keys_tell_both_places_and_stop_nothing() {
    let (source, node, diagnostics) = parsed("a: 1\nb:\n  c: 1\n  c: 2\na: 3\nd: 4\n");
    assert_eq!(
        node.unwrap().to_value().to_json(),
        serde_json::json!({"a": 1, "b": {"c": 1}, "d": 4})
    );
    let places: Vec<(usize, usize)> = diagnostics
        .iter()
        .map(|twice| {
            let first = twice.related.as_ref().unwrap().1;
            (twice.line().unwrap(), source.position(first.offset).line)
        })
        .collect();
    assert_eq!(places, [(4, 3), (5, 1)]);
}

#[test]
fn short_forms_are_written_out() {
    let text = "a: !Ref yes\nb: !GetAtt x.y\nc: !GetAtt [x, y]\nd: !Join ['', [!Sub 'a${b}', !Ref c]]\ne: !If [A, 1, !Ref AWS::NoValue]\nf: !Condition Z\n";
    assert_eq!(
        read(text).unwrap(),
        serde_json::json!({"a": {"Ref": "yes"}, "b": {"Fn::GetAtt": "x.y"}, "c": {"Fn::GetAtt": ["x", "y"]},
            "d": {"Fn::Join": ["", [{"Fn::Sub": "a${b}"}, {"Ref": "c"}]]},
            "e": {"Fn::If": ["A", 1, {"Ref": "AWS::NoValue"}]}, "f": {"Condition": "Z"}})
    );
}

#[test]
fn anchors_and_merge_keys_work_within_limits() {
    let text = "base: &b {x: 1, y: 2}\nother:\n  <<: *b\n  y: 3\nagain: *b\n";
    assert_eq!(
        read(text).unwrap(),
        serde_json::json!({"base": {"x": 1, "y": 2}, "other": {"y": 3, "x": 1}, "again": {"x": 1, "y": 2}})
    );
    assert_eq!(
        read("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  z: 3\n  <<: [*a, *b]\nd: {'<<': 4}\ne: &e [*a]\nf: &f text\n*f : g\n").unwrap(),
        serde_json::json!({"a": {"x": 1, "y": 1}, "b": {"y": 2, "z": 2}, "c": {"z": 3, "x": 1, "y": 1}, "d": {"<<": 4},
            "e": [{"x": 1, "y": 1}], "f": "text", "text": "g"})
    );
    assert!(read("<<: 7").unwrap_err().contains("takes a map"));
    // As many merges as a megabyte holds, each of many keys, take no longer than reading them.
    let keys: String = (0..2000).map(|key| format!("k{key}: , ")).collect();
    let many = format!("a: &a {{{keys}}}\nb:\n  <<: [{}]\n", "*a, ".repeat(60));
    assert_eq!(
        read(&many).unwrap()["b"]
            .as_object()
            .map(serde_json::Map::len),
        Some(2000)
    );
    let mut bomb = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(read(&bomb).unwrap_err().contains("too large"));
    assert!(read("a: &a [*a]").is_err());
}

#[test]
fn line_ends_marks_and_depth() {
    assert_eq!(
        read("a:\r\n  b: 1\r\n  c: |\r\n    x\r\n    y\r\n").unwrap(),
        serde_json::json!({"a": {"b": 1, "c": "x\ny\n"}})
    );
    assert!(read(&"[".repeat(5000)).is_err());
    assert!(read(&"- ".repeat(5000)).is_err());
    assert!(
        read("a: 1\n---\nb: 2\n")
            .unwrap_err()
            .contains("second document")
    );
    for empty in ["", "\n\n", "# nothing\n", "\u{feff}"] {
        assert!(read(empty).unwrap_err().contains("empty"), "{empty:?}");
    }
    assert_eq!(
        read("%YAML 1.1\n---\n# c\na: 1 # d\n\n...\n").unwrap(),
        serde_json::json!({"a": 1})
    );
    assert_eq!(
        read("a: b\t# c\n\t\nd: [e,\tf]\t\n").unwrap(),
        serde_json::json!({"a": "b", "d": ["e", "f"]})
    );
    let long = "x".repeat(2 << 20);
    assert_eq!(
        read(&format!("a: {long}")).unwrap()["a"]
            .as_str()
            .map(str::len),
        Some(2 << 20)
    );
}

#[test]
fn places_are_exact_with_any_alphabet_and_line_end() {
    for text in ["a: é\r\nbü: [ü, 7]\r\n", "a: é\nbü: [ü, 7]\n"] {
        let (source, node, _) = parsed(text);
        let node = node.unwrap();
        let entry = &node.as_map().unwrap()[1];
        assert_eq!(source.slice(entry.key_span), "bü");
        let items = entry.value.as_list().unwrap();
        assert_eq!(
            (source.slice(items[0].span), source.slice(items[1].span)),
            ("ü", "7")
        );
    }
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "[a-c:\\-\\[\\]{}!&*<>|'\"#%,?\\\\\n\r\t é]{0,60}") {
        let _ = read(&text);
    }

    #[test]
    fn never_panics_on_any_text(text in "\\PC{0,80}") {
        let _ = read(&text);
    }
}
