//! [`Lane`]: how many requests to one service may be under way, fewer after AWS has asked for less.
//!
//! AWS limits rates by service, account and region, and says no more than that a request was too much. So the number of
//! requests at once goes down by a part on each throttled answer and up by one for each full round of answers, the way that
//! TCP finds its share (RFC 5681, "congestion avoidance"). Retries with backoff alone would keep 32 callers knocking.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Fewer at once are never allowed.
const FEWEST: f64 = 2.0;
/// What remains after a throttled answer.
const CUT: f64 = 0.7;

/// The requests to one service.
#[derive(Debug)]
pub(super) struct Lane {
    slots: Arc<Semaphore>,
    most: f64,
    width: Mutex<Width>,
}

#[derive(Debug)]
struct Width {
    allowed: f64,
    /// Slots that exist, free or taken.
    slots: usize,
}

/// The right to make one request.
#[derive(Debug)]
pub(super) struct Slot {
    lane: Arc<Lane>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Lane {
    pub(super) fn new(most: usize) -> Lane {
        Lane {
            slots: Arc::new(Semaphore::new(most)),
            most: most as f64,
            width: Mutex::new(Width {
                allowed: most as f64,
                slots: most,
            }),
        }
    }

    /// Waits for a slot.
    pub(super) async fn enter(self: &Arc<Lane>) -> Slot {
        Slot {
            lane: self.clone(),
            // The semaphore is never closed.
            permit: self.slots.clone().acquire_owned().await.ok(),
        }
    }

    /// AWS has said that this was too much.
    pub(super) fn throttled(&self) {
        let mut width = self.width();
        width.allowed = (width.allowed * CUT).max(FEWEST.min(self.most));
        while width.slots > width.allowed as usize && self.slots.forget_permits(1) == 1 {
            width.slots -= 1;
        }
    }

    /// A request was answered and was not too much.
    pub(super) fn answered(&self) {
        let mut width = self.width();
        width.allowed = (width.allowed + 1.0 / width.allowed).min(self.most);
        while width.slots < width.allowed as usize {
            width.slots += 1;
            self.slots.add_permits(1);
        }
    }

    fn width(&self) -> std::sync::MutexGuard<'_, Width> {
        self.width.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut width = self.lane.width();
        if width.slots > width.allowed as usize
            && let Some(permit) = self.permit.take()
        {
            permit.forget();
            width.slots -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn throttles_narrow_and_answers_widen() {
        let lane = Arc::new(Lane::new(32));
        let mut taken = Vec::new();
        for _ in 0..32 {
            taken.push(lane.enter().await);
        }
        for _ in 0..50 {
            lane.throttled();
        }
        taken.clear();
        assert_eq!(lane.slots.available_permits(), 2);
        for _ in 0..2000 {
            lane.answered();
        }
        assert_eq!(lane.slots.available_permits(), 32);
        lane.throttled();
        assert_eq!(lane.slots.available_permits(), 22);
    }
}
