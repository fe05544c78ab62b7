//! Stands between the binary and an emulator: counts calls by operation, and kills the binary at a chosen one.

use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

/// A proxy on a free port of loopback. Its threads end with the test process.
pub struct Proxy {
    /// Where it listens.
    pub url: String,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: String,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Every call, as `service:Operation`, in the order of arrival.
    calls: Vec<String>,
    /// Mutating calls that the emulator has answered.
    mutations: usize,
    /// Kill the victim when this many mutating calls were answered; the last answer is not passed on.
    kill_after: Option<usize>,
    victim: Option<Child>,
    /// Which calls fail, and how often each operation was called since then.
    faults: Option<(u64, BTreeMap<String, u64>)>,
    /// How many calls have failed.
    failed: usize,
    /// How much later every answer comes.
    slowed: Duration,
}

/// What happens to a call instead of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// AWS is asked too often, and does nothing.
    Throttled,
    /// AWS fails before it does anything.
    ServerError,
    /// The connection breaks before the request arrives.
    LostBefore,
    /// AWS has done it, and the answer is lost.
    LostAfter,
}

impl Fault {
    /// The fate of an operation's n-th call: it depends on nothing else, whatever is called beside it.
    fn of(seed: u64, call: &str, number: u64) -> Option<Fault> {
        let mut hasher = std::hash::DefaultHasher::new();
        (seed, call, number).hash(&mut hasher);
        match hasher.finish() % 100 {
            0..10 => Some(Fault::Throttled),
            10..17 => Some(Fault::ServerError),
            17..24 => Some(Fault::LostBefore),
            24..34 if is_mutating(call) => Some(Fault::LostAfter),
            _ => None,
        }
    }

    /// The answer in a form that all of AWS's protocols are read from; `None`: there is none.
    fn answer(self, request: &Message) -> Option<Vec<u8>> {
        let (status, code) = match self {
            Fault::Throttled => (400, "ThrottlingException"),
            Fault::ServerError => (500, "InternalFailure"),
            Fault::LostBefore | Fault::LostAfter => return None,
        };
        let json = request.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type") && value.contains("json")
        });
        let (kind, body) = if json {
            let body = format!("{{\"__type\":\"{code}\",\"message\":\"as the test wants\"}}");
            ("application/x-amz-json-1.1", body)
        } else if request.of_ec2() {
            let error = format!("<Code>{code}</Code><Message>as the test wants</Message>");
            let body = format!(
                "<Response><Errors><Error>{error}</Error></Errors><RequestID>r</RequestID></Response>"
            );
            ("text/xml", body)
        } else {
            let error = format!("<Code>{code}</Code><Message>as the test wants</Message>");
            let body = format!(
                "<ErrorResponse><Error>{error}</Error><RequestId>r</RequestId></ErrorResponse>"
            );
            ("text/xml", body)
        };
        let length = body.len();
        Some(
            format!("HTTP/1.1 {status} Error\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}")
                .into_bytes(),
        )
    }
}

impl Proxy {
    /// In front of an emulator.
    pub fn before(upstream: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let upstream = upstream.trim_start_matches("http://").to_owned();
        let shared = Arc::new(Shared {
            upstream,
            seen: Mutex::default(),
        });
        let served = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = served.clone();
                std::thread::spawn(move || {
                    // A connection that breaks is the client's matter.
                    let _ = shared.connection(stream);
                });
            }
        });
        Proxy { url, shared }
    }

    /// Every call so far, as `service:Operation`.
    pub fn calls(&self) -> Vec<String> {
        self.shared.seen.lock().expect("not poisoned").calls.clone()
    }

    /// How many mutating calls were answered so far.
    pub fn mutations(&self) -> usize {
        self.shared.seen.lock().expect("not poisoned").mutations
    }

    /// From now on calls fail, which of them depends on the seed; or none does any more.
    pub fn faulty(&self, seed: Option<u64>) {
        let mut seen = self.shared.seen.lock().expect("not poisoned");
        seen.faults = seed.map(|seed| (seed, BTreeMap::new()));
    }

    /// How many calls have failed so far.
    pub fn faults(&self) -> usize {
        self.shared.seen.lock().expect("not poisoned").failed
    }

    /// Every answer comes so much later.
    pub fn slowed(&self, by: Duration) {
        self.shared.seen.lock().expect("not poisoned").slowed = by;
    }

    /// Forgets the counts.
    pub fn reset(&self) {
        let mut seen = self.shared.seen.lock().expect("not poisoned");
        let slowed = seen.slowed;
        *seen = Seen {
            slowed,
            ..Seen::default()
        };
    }

    /// Runs a command and kills it (SIGKILL) once `count` mutating calls were answered; the last answer is lost. Returns
    /// whether it was killed; a command that ends by itself earlier must succeed.
    pub fn kill_after(&self, count: usize, mut command: std::process::Command) -> bool {
        self.reset();
        command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        {
            let mut seen = self.shared.seen.lock().expect("not poisoned");
            seen.kill_after = Some(count);
            seen.victim = Some(command.spawn().expect("the binary starts"));
        }
        loop {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let mut seen = self.shared.seen.lock().expect("not poisoned");
            let Some(victim) = &mut seen.victim else {
                return true;
            };
            if let Some(status) = victim.try_wait().expect("a child") {
                let victim = seen.victim.take().expect("it is there");
                let output = victim.wait_with_output().expect("its output");
                let (out, err) = (
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr),
                );
                assert!(status.success(), "ended by itself\n{out}\n{err}");
                return false;
            }
        }
    }
}

impl Shared {
    /// Counts a call; what becomes of it.
    fn arrived(&self, call: Option<String>) -> (Option<Fault>, Duration) {
        let mut seen = self.seen.lock().expect("not poisoned");
        let fault = match (&call, &mut seen.faults) {
            (Some(call), Some((seed, counts))) => {
                let count = counts.entry(call.clone()).or_default();
                *count += 1;
                Fault::of(*seed, call, *count)
            }
            _ => None,
        };
        seen.failed += usize::from(fault.is_some());
        seen.calls.extend(call);
        (fault, seen.slowed)
    }

    fn connection(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut client = BufReader::new(stream.try_clone()?);
        let mut answer_to = stream;
        while let Some(request) = Message::read(&mut client)? {
            let call = operation(&request);
            let mutating = call.as_deref().is_some_and(is_mutating);
            let (fault, slowed) = self.arrived(call);
            std::thread::sleep(slowed);
            if fault == Some(Fault::LostBefore) {
                return Ok(());
            }
            if let Some(answer) = fault.and_then(|fault| fault.answer(&request)) {
                answer_to.write_all(&answer)?;
                continue;
            }
            let mut upstream = TcpStream::connect(&self.upstream)?;
            upstream.write_all(&request.with_header("Connection", "close").bytes())?;
            let Some(answer) = Message::read(&mut BufReader::new(upstream))? else {
                return Ok(());
            };
            if mutating {
                let mut seen = self.seen.lock().expect("not poisoned");
                seen.mutations += 1;
                if seen.kill_after == Some(seen.mutations)
                    && let Some(mut victim) = seen.victim.take()
                {
                    victim.kill()?;
                    victim.wait()?;
                    return Ok(());
                }
            }
            if fault == Some(Fault::LostAfter) {
                return Ok(());
            }
            answer_to.write_all(&answer.without_header("Connection").bytes())?;
        }
        Ok(())
    }
}

/// An HTTP/1.1 message, read whole.
struct Message {
    start: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Message {
    fn read(stream: &mut impl BufRead) -> std::io::Result<Option<Message>> {
        let mut start = String::new();
        if stream.read_line(&mut start)? == 0 {
            return Ok(None);
        }
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let find = |name: &str| {
            headers
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        };
        let mut body = Vec::new();
        if find("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            loop {
                let mut size = String::new();
                stream.read_line(&mut size)?;
                let size = usize::from_str_radix(size.trim().split(';').next().unwrap_or("0"), 16)
                    .map_err(std::io::Error::other)?;
                let mut chunk = vec![0; size + 2];
                stream.read_exact(&mut chunk)?;
                if size == 0 {
                    break;
                }
                body.extend_from_slice(&chunk[..size]);
            }
            headers.retain(|(name, _)| !name.eq_ignore_ascii_case("transfer-encoding"));
            headers.push(("Content-Length".to_owned(), body.len().to_string()));
        } else if let Some(length) = find("content-length") {
            body.resize(length.parse().map_err(std::io::Error::other)?, 0);
            stream.read_exact(&mut body)?;
        } else if start.starts_with("HTTP/") {
            stream.read_to_end(&mut body)?;
            headers.push(("Content-Length".to_owned(), body.len().to_string()));
        }
        Ok(Some(Message {
            start: start.trim_end().to_owned(),
            headers,
            body,
        }))
    }

    /// Whether it is signed for EC2, whose errors look otherwise.
    fn of_ec2(&self) -> bool {
        self.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("authorization") && value.contains("/ec2/aws4_request")
        })
    }

    fn without_header(mut self, name: &str) -> Message {
        self.headers
            .retain(|(key, _)| !key.eq_ignore_ascii_case(name));
        self
    }

    fn with_header(&self, name: &str, value: &str) -> Message {
        let headers = self
            .headers
            .iter()
            .filter(|(key, _)| !key.eq_ignore_ascii_case(name))
            .cloned();
        let headers = headers
            .chain([(name.to_owned(), value.to_owned())])
            .collect();
        Message {
            start: self.start.clone(),
            headers,
            body: self.body.clone(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n", self.start).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Which call a request is, as AWS's models tell.
fn operation(message: &Message) -> Option<String> {
    let mut start = message.start.split(' ');
    let mut request = http::Request::builder()
        .method(start.next()?)
        .uri(start.next()?);
    for (name, value) in &message.headers {
        request = request.header(name, value);
    }
    let request = request.body(Bytes::from(message.body.clone())).ok()?;
    let incoming = payctl_api::codec::decode_request(&request).ok()?;
    Some(format!(
        "{}:{}",
        incoming.service.name, incoming.operation.name
    ))
}

/// Whether a call may change something.
fn is_mutating(call: &str) -> bool {
    let operation = call.split(':').next_back().unwrap_or(call);
    !["Describe", "Get", "List", "Head", "Assume"]
        .iter()
        .any(|prefix| operation.starts_with(prefix))
}
