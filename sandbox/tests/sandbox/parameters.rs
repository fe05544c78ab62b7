//! Parameter Store as a client sees it.

use serde_json::{Value as Json, json};

use crate::support::{Client, LawBook};

fn put(name: &str, value: &str, other: Json) -> Json {
    let mut put = json!({"Name": name, "Value": value, "Type": "String"});
    for (member, value) in other.as_object().into_iter().flatten() {
        put[member] = value.clone();
    }
    put
}

/// Breaks each law and checks AWS's code; a law that nobody breaks here fails the test.
#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Client::of("ssm");
    aws.did("PutParameter", put("/a", "1", json!({"Tier": "Advanced"})));
    let level = format!("/{}", vec!["x"; 16].join("/"));
    let long = "x".repeat(5000);
    let expires = "[{\"Type\":\"Expiration\",\"Version\":\"1.0\",\"Attributes\":{\"Timestamp\":\"2030-01-01T00:00:00.000Z\"}}]";
    let overwrite = |other: Json| {
        let mut other = other;
        other["Overwrite"] = json!(true);
        put("/a", "2", other)
    };
    let cases = [
        (
            "a parameter's name is a path of letters, digits, . - and _, and not AWS's",
            put("/aws/x", "1", json!({})),
        ),
        (
            "a parameter's name is a path of letters, digits, . - and _, and not AWS's",
            put("a/b", "1", json!({})),
        ),
        (
            "a parameter's name has at most 15 levels",
            put(&level, "1", json!({})),
        ),
        (
            "tags and overwrite are not used together",
            overwrite(json!({"Tags": [{"Key": "a", "Value": "b"}]})),
        ),
        (
            "a new parameter has a type",
            json!({"Name": "/new", "Value": "1"}),
        ),
        (
            "a parameter keeps its type",
            overwrite(json!({"Type": "SecureString"})),
        ),
        (
            "a parameter's value fits its allowed pattern",
            put("/p", "abc", json!({"AllowedPattern": "\\d+"})),
        ),
        (
            "a standard parameter's value has at most 4 KB, an advanced one's 8 KB",
            put("/p", &long, json!({})),
        ),
        (
            "policies need the advanced tier, and an advanced parameter stays one",
            overwrite(json!({"Tier": "Standard"})),
        ),
        (
            "policies need the advanced tier, and an advanced parameter stays one",
            put("/p", "1", json!({"Policies": expires})),
        ),
    ];
    let mut book = LawBook::new(&aws);
    for (law, input) in cases {
        book.breaks(&format!("ssm: {law}"), "PutParameter", input);
    }
    book.breaks(
        "ssm: what is tagged exists",
        "ListTagsForResource",
        json!({"ResourceType": "Parameter", "ResourceId": "/none"}),
    );
    book.is_complete(&["ssm"], &[]);
}

#[tokio::test(start_paused = true)]
async fn parameters_come_back_as_they_were_put() {
    let aws = Client::of("ssm");
    let first = put(
        "/app/a",
        "1,2",
        json!({"Type": "StringList", "Description": "d", "Tags": [{"Key": "k", "Value": "v"}]}),
    );
    assert_eq!(
        aws.did("PutParameter", first.clone()),
        json!({"Version": 1, "Tier": "Standard"})
    );
    assert_eq!(aws.refused("PutParameter", first), "ParameterAlreadyExists");
    let one = aws.did("GetParameter", json!({"Name": "/app/a"}))["Parameter"].clone();
    assert_eq!(
        one["ARN"],
        "arn:aws:ssm:eu-west-1:123456789012:parameter/app/a"
    );
    assert_eq!(
        (&one["DataType"], &one["Type"], &one["Value"]),
        (&json!("text"), &json!("StringList"), &json!("1,2"))
    );
    assert_eq!(
        aws.did(
            "PutParameter",
            json!({"Name": "/app/a", "Value": "3", "Overwrite": true})
        )["Version"],
        2
    );
    assert_eq!(
        aws.did("GetParameter", json!({"Name": "/app/a:1"}))["Parameter"]["Value"],
        "1,2"
    );
    assert_eq!(
        aws.did("GetParameter", json!({"Name": one["ARN"]}))["Parameter"]["Value"],
        "3"
    );
    let described = aws.did(
        "DescribeParameters",
        json!({"ParameterFilters": [{"Key": "Name", "Values": ["/app/a"]}]}),
    );
    let described = &described["Parameters"][0];
    assert_eq!(
        (
            &described["Description"],
            &described["Tier"],
            &described["Version"]
        ),
        (&json!("d"), &json!("Standard"), &json!(2))
    );
    assert_eq!(described["Policies"], json!([]));
    let resource = json!({"ResourceType": "Parameter", "ResourceId": "/app/a"});
    assert_eq!(
        aws.did("ListTagsForResource", resource)["TagList"],
        json!([{"Key": "k", "Value": "v"}])
    );

    aws.did("PutParameter", put("plain", "p", json!({})));
    assert_eq!(
        aws.did("GetParameter", json!({"Name": "plain"}))["Parameter"]["ARN"],
        "arn:aws:ssm:eu-west-1:123456789012:parameter/plain"
    );
    aws.did(
        "PutParameter",
        put(
            "/app/deep/s",
            "secret",
            json!({"Type": "SecureString", "Tier": "Intelligent-Tiering"}),
        ),
    );
    let sealed = aws.did("GetParameter", json!({"Name": "/app/deep/s"}));
    assert_ne!(sealed["Parameter"]["Value"], "secret");
    let open = aws.did(
        "GetParameter",
        json!({"Name": "/app/deep/s", "WithDecryption": true}),
    );
    assert_eq!(open["Parameter"]["Value"], "secret");
    let keys = aws.did(
        "DescribeParameters",
        json!({"ParameterFilters": [{"Key": "Type", "Values": ["SecureString"]}]}),
    );
    assert_eq!(keys["Parameters"][0]["KeyId"], "alias/aws/ssm");
    let shallow = aws.did("GetParametersByPath", json!({"Path": "/app"}));
    assert_eq!(shallow["Parameters"].as_array().map(Vec::len), Some(1));
    let deep = aws.did(
        "GetParametersByPath",
        json!({"Path": "/app", "Recursive": true}),
    );
    assert_eq!(deep["Parameters"].as_array().map(Vec::len), Some(2));
    let many = aws.did("GetParameters", json!({"Names": ["plain", "/none"]}));
    assert_eq!(
        (&many["Parameters"][0]["Name"], &many["InvalidParameters"]),
        (&json!("plain"), &json!(["/none"]))
    );
    let image =
        json!({"Name": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"});
    let image = aws.did("GetParameter", image)["Parameter"]["Value"].clone();
    assert!(
        image
            .as_str()
            .is_some_and(|image| image.starts_with("ami-") && image.len() == 21),
        "{image}"
    );
    let gone = aws.did("DeleteParameters", json!({"Names": ["plain", "/none"]}));
    assert_eq!(
        (&gone["DeletedParameters"], &gone["InvalidParameters"]),
        (&json!(["plain"]), &json!(["/none"]))
    );
    aws.did("DeleteParameter", json!({"Name": "/app/a"}));
    assert_eq!(
        aws.refused("DeleteParameter", json!({"Name": "/app/a"})),
        "ParameterNotFound"
    );
    assert_eq!(
        aws.did("PutParameter", put("/app/a", "1", json!({})))["Version"],
        1
    );
}
