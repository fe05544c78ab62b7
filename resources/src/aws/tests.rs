use std::sync::atomic::{AtomicUsize, Ordering};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use super::*;

/// What the other end does with one request.
#[derive(Clone, Debug)]
enum Act {
    Answer(u16, String),
    /// The connection breaks after the request was sent.
    Break,
    /// There is no connection.
    Refuse,
}

/// Does its acts in order, the last one for ever.
#[derive(Clone, Debug)]
struct Script {
    acts: Arc<Vec<Act>>,
    sent: Arc<Mutex<Vec<HttpRequest>>>,
    next: Arc<AtomicUsize>,
}

impl Script {
    fn sent(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.sent.lock().unwrap().push(request);
        let next = self.next.fetch_add(1, Ordering::SeqCst);
        HttpConnectorFuture::ready(match &self.acts[next.min(self.acts.len() - 1)] {
            Act::Answer(status, body) => {
                let response = http::Response::builder().status(*status);
                let response = response.body(SdkBody::from(body.as_str())).unwrap();
                Ok(response.try_into().unwrap())
            }
            Act::Break => Err(ConnectorError::io("connection reset".into())),
            Act::Refuse => {
                let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
                Err(ConnectorError::io(refused.into()))
            }
        })
    }
}

impl HttpClient for Script {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn answer(status: u16, body: &str) -> Act {
    Act::Answer(status, body.to_owned())
}

fn error(status: u16, code: &str) -> Act {
    answer(
        status,
        &format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors><RequestID>r-1</RequestID></Response>"
        ),
    )
}

async fn aws(acts: Vec<Act>) -> (Aws, Script) {
    let script = Script {
        acts: Arc::new(acts),
        sent: Arc::default(),
        next: Arc::default(),
    };
    let options = ConnectOptions {
        region: Some("eu-west-1".to_owned()),
        http_client: Some(SharedHttpClient::new(script.clone())),
        clock: Clock::starting_at(std::time::SystemTime::now(), 10_000.0),
        ..ConnectOptions::default()
    };
    (Aws::connect(options).await.unwrap(), script)
}

fn cidr() -> Json {
    json!({"CidrBlock": "10.0.0.0/16"})
}

const VPC: &str = "<CreateVpcResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId><vpc><vpcId>vpc-1</vpcId></vpc></CreateVpcResponse>";

#[tokio::test]
async fn a_create_that_was_surely_not_done_is_sent_again_and_counts_once() {
    let acts = vec![
        error(503, "RequestLimitExceeded"),
        Act::Refuse,
        answer(200, VPC),
    ];
    let (aws, script) = aws(acts).await;
    let made = aws.call("ec2", "CreateVpc", cidr()).await.unwrap();
    assert_eq!(made["Vpc"]["VpcId"], "vpc-1");
    assert_eq!(aws.calls(), [("ec2:CreateVpc".to_owned(), 1)].into());
    assert_eq!(script.sent(), 3);
    let sent = script.sent.lock().unwrap();
    let first = &sent[0];
    assert!(
        first
            .uri()
            .starts_with("https://ec2.eu-west-1.amazonaws.com/"),
        "{}",
        first.uri()
    );
    let header = |name: &str| first.headers().get(name).unwrap_or_default().to_owned();
    assert!(header("authorization").contains("/eu-west-1/ec2/aws4_request"));
    assert_eq!(
        header("user-agent"),
        concat!("payctl/", env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_twice() {
    for lost in [
        Act::Break,
        error(500, "InternalError"),
        answer(502, "<html><body>Bad gateway</body></html>"),
        answer(200, "<html>"),
    ] {
        let (aws, script) = aws(vec![lost.clone()]).await;
        let error = aws.call("ec2", "CreateVpc", cidr()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Lost, "{lost:?}: {error}");
        assert_eq!(script.sent(), 1, "{lost:?}");
    }
    let acts = vec![
        Act::Break,
        error(500, "InternalError"),
        answer(503, "<html>Service Unavailable</html>"),
        answer(200, "<DescribeVpcsResponse/>"),
    ];
    let (aws, script) = aws(acts).await;
    aws.call("ec2", "DescribeVpcs", json!({})).await.unwrap();
    assert_eq!(script.sent(), 4);
}

#[tokio::test]
async fn what_never_left_is_said_to_have_changed_nothing() {
    let (aws, script) = aws(vec![Act::Refuse]).await;
    let error = aws.call("ec2", "CreateVpc", cidr()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotSent, "{error}");
    assert_eq!(script.sent(), ATTEMPTS as usize);
}

#[tokio::test]
async fn a_refusal_is_passed_on_at_once() {
    let (aws, script) = aws(vec![error(400, "VpcLimitExceeded")]).await;
    let error = aws.call("ec2", "CreateVpc", cidr()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Service);
    assert_eq!(error.code, "VpcLimitExceeded");
    assert_eq!(error.request_id.as_deref(), Some("r-1"));
    assert_eq!(script.sent(), 1);
}

#[tokio::test]
async fn throttles_for_minutes_on_end_are_survived() {
    // Three of four answers for 400 calls: more than any quota of retries.
    let acts = (0..4000).map(|n| match n % 4 {
        3 => answer(200, "<DescribeVpcsResponse/>"),
        _ => error(503, "RequestLimitExceeded"),
    });
    let (aws, _) = aws(acts.collect()).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let aws = aws.clone();
        calls.spawn(async move { aws.call("ec2", "DescribeVpcs", json!({})).await });
    }
    let mut failed = 0;
    while let Some(ended) = calls.join_next().await {
        failed += usize::from(ended.unwrap().is_err());
    }
    // Eight attempts fail together once in ten: the quota is not what ends them.
    assert!(failed < 100, "{failed}");
}

#[tokio::test]
async fn pages_are_put_together_and_a_page_that_comes_twice_is_an_error() {
    let page = |id: &str, token: &str| {
        answer(
            200,
            &format!(
                "<DescribeVpcsResponse><vpcSet><item><vpcId>{id}</vpcId></item></vpcSet>{token}</DescribeVpcsResponse>"
            ),
        )
    };
    let more = "<nextToken>t</nextToken>";
    let (aws_, _) = aws(vec![page("vpc-1", more), page("vpc-2", "")]).await;
    let all = aws_.call_all("ec2", "DescribeVpcs", json!({})).await;
    let vpcs = json!([{"VpcId": "vpc-1"}, {"VpcId": "vpc-2"}]);
    assert_eq!(all.unwrap()["Vpcs"], vpcs);
    assert_eq!(aws_.calls()["ec2:DescribeVpcs"], 2);

    let (aws_, script) = aws(vec![page("vpc-1", more)]).await;
    let all = aws_.call_all("ec2", "DescribeVpcs", json!({})).await;
    assert_eq!(all.unwrap_err().kind, ErrorKind::Codec);
    assert_eq!(script.sent(), 2);
}

#[tokio::test]
async fn an_operations_own_label_goes_before_the_host() {
    let (aws, script) = aws(vec![answer(200, "{}")]).await;
    let input = json!({"NamespaceName": "n", "ServiceName": "s"});
    aws.call("servicediscovery", "DiscoverInstances", input)
        .await
        .unwrap();
    let sent = script.sent.lock().unwrap();
    assert!(
        sent[0].uri().starts_with("https://data-"),
        "{}",
        sent[0].uri()
    );
    assert_eq!(
        with_prefix("http://127.0.0.1:5000", Some("data-")),
        "http://127.0.0.1:5000"
    );
    assert_eq!(with_prefix("http://[::1]:1", Some("a.")), "http://[::1]:1");
    assert_eq!(with_prefix("https://a.b", Some("c.")), "https://c.a.b");
}

#[tokio::test]
async fn an_endpoint_of_ones_own_goes_before_awss() {
    let (connected, script) = aws(vec![answer(200, "<DescribeVpcsResponse/>")]).await;
    let options = ConnectOptions {
        region: Some("eu-west-1".to_owned()),
        endpoint_url: Some("http://localhost:4566".to_owned()),
        http_client: Some(connected.0.http.clone()),
        ..ConnectOptions::default()
    };
    let aws = Aws::connect(options).await.unwrap();
    aws.call("ec2", "DescribeVpcs", json!({})).await.unwrap();
    let sent = script.sent.lock().unwrap();
    assert!(sent[0].uri().starts_with("http://localhost:4566/"));
}

#[tokio::test]
async fn without_credentials_it_says_what_to_do() {
    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::{ProvideCredentials, future};

    #[derive(Debug)]
    struct None;
    impl ProvideCredentials for None {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("none here")))
        }
    }

    let (aws, script) = aws(vec![answer(200, "<DescribeVpcsResponse/>")]).await;
    let aws = Aws::assemble(
        "eu-west-1".to_owned(),
        Clock::real(),
        aws.0.http.clone(),
        SharedCredentialsProvider::new(None),
        connect::Endpoints::default(),
    );
    let error = aws
        .call("ec2", "DescribeVpcs", json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Credentials);
    assert!(error.message.contains("aws sso login"), "{error}");
    assert_eq!(script.sent(), 0);
}
