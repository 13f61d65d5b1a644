//! A gate that holds calls back until a test opens it.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, time::timeout};

/// The time within which a call must be held.
const DEADLINE: Duration = Duration::from_mins(1);

/// Holds calls back until a test has done what must happen first. The test must be faster than the client's timeouts: one
/// second for an attempt, and three in total.
#[derive(Clone, Debug)]
pub struct Gate {
    reached: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn closed() -> Self {
        let empty = || Arc::new(Semaphore::new(0));
        Self {
            reached: empty(),
            open: empty(),
        }
    }

    /// Waits until a call is held.
    ///
    /// # Panics
    /// If none is held within a minute: the test waits for a call that the functions do not make.
    pub async fn reached(&self) {
        let held = timeout(DEADLINE, self.reached.acquire()).await;
        // The semaphore is never closed.
        if let Ok(permit) = held.unwrap_or_else(|_| panic!("no call was held within a minute")) {
            permit.forget();
        }
    }

    /// Runs `action` while a call is held, then opens the gate.
    pub async fn during<T>(&self, action: impl Future<Output = T>) -> T {
        self.reached().await;
        let result = action.await;
        self.open();
        result
    }

    /// Lets all calls pass from now on.
    pub fn open(&self) {
        self.open.close();
    }

    /// Holds a call until the gate is open.
    pub(super) async fn pass(&self) {
        self.reached.add_permits(1);
        // Returns with an error once the gate is opened, and not before.
        let _ = self.open.acquire().await;
    }
}
