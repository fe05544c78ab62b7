//! [`Clock`]: the one source of time for payctl's pollers, the SDK's sleeps and the simulated AWS.

use std::future::Future;
use std::time::{Duration, SystemTime};

/// Time that may run faster than the wall's. Cheap to clone; clones show the same time.
///
/// With a speed of 1,000 a `sleep` of one second takes a millisecond, and a load balancer that needs two minutes to become
/// active needs 120 ms. It rests on tokio's clock, so tests may pause it.
#[derive(Clone, Debug)]
pub struct Clock {
    origin: SystemTime,
    start: tokio::time::Instant,
    speed: f64,
}

impl Clock {
    /// The wall's time.
    pub fn real() -> Clock {
        Clock::starting_at(SystemTime::now(), 1.0)
    }

    /// Starts at `origin` and runs `speed` times as fast as the wall's clock. `speed` must be greater than zero.
    pub fn starting_at(origin: SystemTime, speed: f64) -> Clock {
        assert!(speed > 0.0, "a clock must advance");
        Clock {
            origin,
            start: tokio::time::Instant::now(),
            speed,
        }
    }

    /// What the clock shows now.
    pub fn now(&self) -> SystemTime {
        self.origin + self.start.elapsed().mul_f64(self.speed)
    }

    /// How many times as fast as the wall's clock it runs.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Ends when the clock shows `duration` more than now.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static {
        tokio::time::sleep(duration.div_f64(self.speed))
    }
}
