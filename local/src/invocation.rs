//! What Lambda does around functions: gives each its environment, a request id and a time-out, and outlives their failures.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use lambda_runtime::Context;
use serde_json::value::RawValue;
use shared::{
    app::{App, Providers, StartError},
    domain::clock::{Clock, Timestamp},
    lambda::Invoke,
};
use tokio::{runtime::Handle, task, time};

use crate::{
    functions::REGISTRY,
    template::{ACCOUNT, Function, REGION},
};

/// Every function of the template, ready to be called.
pub(crate) struct Functions {
    running: BTreeMap<String, Running>,
    clock: Clock,
    /// Makes request ids differ from those of every other server, since functions recognise their own writes by them.
    server_id: String,
    calls: AtomicU64,
}

struct Running {
    invoke: Invoke,
    time_out: time::Duration,
    environment: BTreeMap<String, String>,
}

impl Running {
    fn start(
        function: &Function,
        settings: &BTreeMap<String, String>,
        providers: &Providers,
        elsewhere: Option<&Invoke>,
    ) -> Result<Self, Error> {
        let Function {
            binary, time_out, ..
        } = function;
        let mut environment = function.environment.clone();
        environment.extend(settings.clone());
        // Each function signs its calls with its own name, so that whoever sees them can tell whose they are.
        environment.insert("AWS_ACCESS_KEY_ID".to_owned(), binary.clone());
        let invoke = match elsewhere {
            Some(invoke) => Arc::clone(invoke),
            None => start_here(function, &environment, providers)?,
        };
        Ok(Self {
            invoke,
            time_out: *time_out,
            environment,
        })
    }
}

fn start_here(
    function: &Function,
    environment: &BTreeMap<String, String>,
    providers: &Providers,
) -> Result<Invoke, Error> {
    let binary = &function.binary;
    let known = REGISTRY.iter().find(|(name, _)| name == binary);
    let (_, build) = known.ok_or_else(|| Error::Unknown {
        function: function.name.clone(),
        binary: binary.clone(),
    })?;
    let lookup = |name: &str| environment.get(name).cloned();
    let app = App::start(&lookup, providers.clone()).map_err(|source| Error::Start {
        binary: binary.clone(),
        source,
    })?;
    // A function lives as long as its process, in AWS too; here one process may start several servers.
    Ok(build(Box::leak(Box::new(app))))
}

/// A function of the template cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template names a function that does not exist.
    #[error(
        "{function} of the template wants the binary {binary}, which local/src/functions.rs does not know"
    )]
    Unknown {
        /// Logical id.
        function: String,
        /// Name of the binary.
        binary: String,
    },
    /// The function refused its environment.
    #[error("{binary}: {source}")]
    Start {
        /// Name of the binary.
        binary: String,
        /// What it said.
        source: StartError,
    },
}

impl Functions {
    /// Starts every function in its environment, over which `settings` go, unless it runs `elsewhere`.
    pub(crate) fn start(
        functions: &[Function],
        settings: &BTreeMap<String, String>,
        providers: &Providers,
        elsewhere: &BTreeMap<String, Invoke>,
    ) -> Result<Self, Error> {
        let mut running = BTreeMap::new();
        for function in functions {
            let elsewhere = elsewhere.get(&function.binary);
            let started = Running::start(function, settings, providers, elsewhere)?;
            running.insert(function.binary.clone(), started);
        }
        let server_id = providers.random.name();
        Ok(Self {
            running,
            clock: providers.clock.clone(),
            server_id,
            calls: AtomicU64::new(0),
        })
    }

    /// One function called `name`, for tests of what is around it.
    #[cfg(test)]
    pub(crate) fn only(name: &str, time_out: time::Duration, invoke: Invoke) -> Self {
        let clock = Clock::new(|| Timestamp::from_unix(1_769_860_800));
        let only = Running {
            invoke,
            time_out,
            environment: BTreeMap::new(),
        };
        let running = BTreeMap::from([(name.to_owned(), only)]);
        Self {
            running,
            clock,
            server_id: "test".to_owned(),
            calls: AtomicU64::new(0),
        }
    }

    /// What `function` finds in its environment; `None` if it does not exist.
    pub(crate) fn environment(&self, function: &str) -> Option<&BTreeMap<String, String>> {
        self.running
            .get(function)
            .map(|running| &running.environment)
    }

    /// The present instant.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// What `function` returns for the event that `event` makes from the id of this call; `None` if it returns nothing
    /// in time, or does not exist.
    pub(crate) async fn call<F>(&self, function: &str, event: F) -> Option<Box<RawValue>>
    where
        F: FnOnce(&str) -> serde_json::Result<Box<RawValue>>,
    {
        let running = self.running.get(function)?;
        let request_id = format!(
            "{}-{}",
            self.server_id,
            self.calls.fetch_add(1, Ordering::Relaxed)
        );
        let event = event(&request_id).ok()?;
        let context = self.context(function, request_id, running.time_out);
        let (invoke, time_out) = (Arc::clone(&running.invoke), running.time_out);
        // Hashing a password takes a processor for milliseconds, which must not hold up other requests.
        let returned = task::spawn_blocking(move || {
            Handle::current().block_on(time::timeout(time_out, async {
                invoke(event, context).await
            }))
        });
        match returned.await {
            Ok(Ok(returned)) => Some(returned),
            Ok(Err(_)) => {
                tracing::error!(function, "function timed out");
                None
            }
            Err(error) => {
                tracing::error!(function, %error, "panicked");
                None
            }
        }
    }

    fn context(&self, function: &str, request_id: String, time_out: time::Duration) -> Context {
        let milliseconds = u64::try_from(time_out.as_millis()).unwrap_or(u64::MAX);
        let mut context = Context::default();
        context.request_id = request_id;
        context.deadline = self
            .clock
            .now()
            .unix()
            .saturating_mul(1000)
            .saturating_add(milliseconds);
        context.invoked_function_arn =
            format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}:live");
        context
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Box<RawValue> {
        serde_json::value::to_raw_value(&1).expect("JSON")
    }

    #[tokio::test]
    async fn a_function_that_panics_or_hangs_returns_nothing_and_can_be_called_again() {
        let calls = Arc::new(AtomicU64::new(0));
        let invoke: Invoke = Arc::new(move |event, _| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                match call {
                    0 => panic!("on purpose"),
                    1 => std::future::pending().await,
                    _ => event,
                }
            })
        });
        let functions = Functions::only("echo", time::Duration::from_millis(50), invoke);
        assert!(functions.call("echo", |_| Ok(event())).await.is_none());
        assert!(functions.call("echo", |_| Ok(event())).await.is_none());
        assert_eq!(
            functions
                .call("echo", |_| Ok(event()))
                .await
                .expect("an answer")
                .get(),
            "1"
        );
        assert!(functions.call("nobody", |_| Ok(event())).await.is_none());
    }

    #[tokio::test]
    async fn every_call_has_its_own_request_id() {
        let invoke: Invoke = Arc::new(|_, context| {
            Box::pin(
                async move { serde_json::value::to_raw_value(&context.request_id).expect("JSON") },
            )
        });
        let functions = Functions::only("id", time::Duration::from_secs(1), invoke);
        let first = functions
            .call("id", |_| Ok(event()))
            .await
            .expect("an answer");
        let second = functions
            .call("id", |_| Ok(event()))
            .await
            .expect("an answer");
        assert_ne!(first.get(), second.get());
    }
}
