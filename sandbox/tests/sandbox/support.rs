//! A client of a simulated AWS of its own, and the laws it breaks.

use payctl_model::Clock;
use payctl_sandbox::{Options, Refusal, Sandbox, laws};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

/// Where the client asks.
pub(crate) const REGION: &str = "eu-west-1";

/// Who calls operations, mostly of one service. Another one's are written with its name, `ec2:CreateVpc`.
pub(crate) struct Client {
    pub(crate) sandbox: Sandbox,
    service: &'static str,
}

impl Client {
    /// A client of a service in an empty world, whose time stands still until the test lets it pass.
    pub(crate) fn of(service: &'static str) -> Client {
        let clock = Clock::starting_at(UNIX_EPOCH + Duration::from_secs(1_700_000_000), 1.0);
        Client::to(Sandbox::new(clock, Options::default()), service)
    }

    /// A client of a service in a world that is there.
    pub(crate) fn to(sandbox: Sandbox, service: &'static str) -> Client {
        Client { sandbox, service }
    }

    /// What an operation answers.
    pub(crate) fn ask(&self, operation: &str, input: Json) -> Result<Json, Refusal> {
        let (service, operation) = operation
            .split_once(':')
            .unwrap_or((self.service, operation));
        self.sandbox
            .invoke("key", REGION, service, operation, input)
    }

    /// What an operation answers that must not be refused.
    pub(crate) fn did(&self, operation: &str, input: Json) -> Json {
        self.ask(operation, input.clone())
            .unwrap_or_else(|refusal| panic!("{operation} {input}: {refusal}"))
    }

    /// The text at a path of such an answer.
    pub(crate) fn text(&self, operation: &str, input: Json, path: &str) -> String {
        let answer = self.did(operation, input);
        answer
            .pointer(path)
            .and_then(Json::as_str)
            .unwrap_or_else(|| panic!("{operation}: no {path} in {answer}"))
            .to_owned()
    }

    /// Why an operation is refused that must be.
    pub(crate) fn refusal(&self, operation: &str, input: Json) -> Refusal {
        match self.ask(operation, input.clone()) {
            Err(refusal) => refusal,
            Ok(answer) => panic!("{operation} {input} was answered with {answer}"),
        }
    }

    /// The code of such a refusal.
    pub(crate) fn refused(&self, operation: &str, input: Json) -> String {
        self.refusal(operation, input).code
    }
}

/// Lets time pass.
pub(crate) async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
}

/// The laws that a test broke.
pub(crate) struct LawBook<'a> {
    client: &'a Client,
    broken: BTreeSet<String>,
}

impl<'a> LawBook<'a> {
    /// Nothing is broken yet.
    pub(crate) fn new(client: &'a Client) -> LawBook<'a> {
        LawBook {
            client,
            broken: BTreeSet::new(),
        }
    }

    /// Breaks a law and checks AWS's code.
    pub(crate) fn breaks(&mut self, law: &str, operation: &str, input: Json) {
        let listed = laws()
            .into_iter()
            .find(|listed| listed.name == law)
            .unwrap_or_else(|| panic!("no law is named {law}"));
        let refusal = self.client.refusal(operation, input);
        assert_eq!(refusal.code, listed.code, "{law}: {refusal}");
        self.broken.insert(listed.name);
    }

    /// Every law of these services was broken, but for those that begin so and are broken elsewhere or cannot be.
    pub(crate) fn is_complete(&self, services: &[&str], elsewhere: &[&str]) {
        let begins = |name: &str, with: &[&str]| with.iter().any(|start| name.starts_with(start));
        let unbroken: Vec<String> = laws()
            .into_iter()
            .map(|law| law.name)
            .filter(|name| begins(name, services) && !begins(name, elsewhere))
            .filter(|name| !self.broken.contains(name))
            .collect();
        assert!(
            unbroken.is_empty(),
            "no test breaks:\n{}",
            unbroken.join("\n")
        );
    }
}
