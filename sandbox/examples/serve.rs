//! Serves a simulated AWS on loopback, for trying it with the AWS CLI or boto3: `cargo run -p payctl-sandbox --example serve -- [PORT] [SPEED]`.

use payctl_model::Clock;
use payctl_sandbox::{Options, Sandbox, serve};
use std::sync::Arc;
use std::time::SystemTime;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments
        .next()
        .and_then(|port| port.parse().ok())
        .unwrap_or(0);
    let speed: f64 = arguments
        .next()
        .and_then(|speed| speed.parse().ok())
        .filter(|speed| *speed > 0.0)
        .unwrap_or(1.0);
    let clock = Clock::starting_at(SystemTime::now(), speed);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    serve(
        Arc::new(Sandbox::new(clock, Options::default())),
        listener,
        std::future::pending(),
    )
    .await
}
