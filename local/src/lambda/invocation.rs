//! The functions of the template, invoked as Lambda invokes them: each with its own environment, a request id and a
//! timeout. A function that panics or times out does not affect the others.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use lambda_runtime::Context;
use serde_json::value::RawValue;
use shared::{
    app::{App, Providers, StartError, connection},
    domain::{
        clock::{Clock, Timestamp},
        settings::Settings,
    },
    lambda::Invoke,
};
use tokio::{runtime::Handle, task, time};

use super::functions::REGISTRY;
use crate::template::{ACCOUNT, Function, REGION};

/// Every function of the template, ready to be invoked.
pub(crate) struct Functions {
    running: BTreeMap<String, RunningFunction>,
    clock: Clock,
    /// Makes request ids unique across servers that share a data file: functions recognize their own writes by them.
    server_id: String,
    invocations: AtomicU64,
}

struct RunningFunction {
    invoke: Invoke,
    timeout: time::Duration,
    environment: BTreeMap<String, String>,
}

impl RunningFunction {
    fn start(
        function: &Function,
        settings: &BTreeMap<String, String>,
        providers: &Providers,
        elsewhere: Option<&Invoke>,
    ) -> Result<Self, Error> {
        let mut environment = function.environment.clone();
        environment.extend(settings.clone());
        // Each function signs its AWS requests with its own name, so that a test can attribute them.
        environment.insert("AWS_ACCESS_KEY_ID".to_owned(), function.binary.clone());
        let invoke = match elsewhere {
            Some(invoke) => Arc::clone(invoke),
            None => start_in_process(function, &environment, providers)?,
        };
        Ok(Self {
            invoke,
            timeout: function.timeout,
            environment,
        })
    }
}

fn start_in_process(
    function: &Function,
    environment: &BTreeMap<String, String>,
    providers: &Providers,
) -> Result<Invoke, Error> {
    let binary = &function.binary;
    let registered = REGISTRY.iter().find(|(name, _)| name == binary);
    let (_, build) = registered.ok_or_else(|| Error::Unknown {
        function: function.name.clone(),
        binary: binary.clone(),
    })?;
    let invalid = |source| Error::Start {
        binary: binary.clone(),
        source,
    };
    let lookup = |name: &str| environment.get(name).cloned();
    let settings = Settings::read(&lookup).map_err(|error| invalid(error.into()))?;
    let aws = connection::connect(&lookup, settings.use_system_roots)
        .map_err(|error| invalid(error.into()))?;
    let (environment, providers) = (environment.clone(), providers.clone());
    // What cannot fail any more waits for the first event, as in AWS: SDK clients take most of a start, and few of the
    // functions of a server that serves one test are ever invoked.
    let function = LazyLock::new(move || {
        let lookup = |name: &str| environment.get(name).cloned();
        let app = App::new(&lookup, settings, providers, aws);
        // In AWS an app lives as long as its process. Here it is leaked, because one process may start several servers.
        build(Box::leak(Box::new(app)))
    });
    Ok(Arc::new(move |event, context| function(event, context)))
}

/// A function of the template cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template names a function that does not exist.
    #[error(
        "{function}: there is no function {binary}; local/src/lambda/functions.rs lists all functions"
    )]
    Unknown {
        /// The logical id of the resource.
        function: String,
        /// The name of the binary.
        binary: String,
    },
    /// The function does not start in its environment.
    #[error("{binary}: {source}")]
    Start {
        /// The name of the binary.
        binary: String,
        /// The function's own error.
        source: StartError,
    },
}

impl Functions {
    /// Starts every function that is not in `elsewhere`. Values in `settings` override the function's environment.
    pub(crate) fn start(
        functions: &[Function],
        settings: &BTreeMap<String, String>,
        providers: &Providers,
        elsewhere: &BTreeMap<String, Invoke>,
    ) -> Result<Self, Error> {
        let mut running = BTreeMap::new();
        for function in functions {
            let elsewhere = elsewhere.get(&function.binary);
            let started = RunningFunction::start(function, settings, providers, elsewhere)?;
            running.insert(function.binary.clone(), started);
        }
        Ok(Self {
            running,
            clock: providers.clock.clone(),
            server_id: providers.random.name(),
            invocations: AtomicU64::new(0),
        })
    }

    /// A single function, for tests of the code around it.
    #[cfg(test)]
    pub(crate) fn single(name: &str, timeout: time::Duration, invoke: Invoke) -> Self {
        use crate::testing::{ManualClock, fixed_providers};
        let function = RunningFunction {
            invoke,
            timeout,
            environment: BTreeMap::new(),
        };
        Self {
            running: BTreeMap::from([(name.to_owned(), function)]),
            clock: fixed_providers(&ManualClock::default(), 1).clock,
            server_id: "test".to_owned(),
            invocations: AtomicU64::new(0),
        }
    }

    /// The environment variables of `function`; `None` if it does not exist.
    pub(crate) fn environment(&self, function: &str) -> Option<&BTreeMap<String, String>> {
        self.running
            .get(function)
            .map(|running| &running.environment)
    }

    /// The current time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Invokes `function` with the event that `event` builds for a request id, and returns the function's response;
    /// `None` if the function does not exist, fails, panics or times out.
    pub(crate) async fn invoke<F>(&self, function: &str, event: F) -> Option<Box<RawValue>>
    where
        F: FnOnce(&str) -> serde_json::Result<Box<RawValue>>,
    {
        let running = self.running.get(function)?;
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        let request_id = format!("{}-{number}", self.server_id);
        let event = event(&request_id).ok()?;
        let context = self.context(function, request_id, running.timeout);
        let (invoke, timeout) = (Arc::clone(&running.invoke), running.timeout);
        // Hashing a password blocks a thread for milliseconds, which must not delay other requests.
        let invocation = task::spawn_blocking(move || {
            Handle::current().block_on(time::timeout(timeout, async {
                invoke(event, context).await
            }))
        });
        match invocation.await {
            Ok(Ok(Ok(response))) => Some(response),
            Ok(Ok(Err(error))) => {
                tracing::error!(function, kind = error.kind, %error, "function failed");
                None
            }
            Ok(Err(_)) => {
                tracing::error!(function, "function timed out");
                None
            }
            Err(error) => {
                tracing::error!(function, %error, "function panicked");
                None
            }
        }
    }

    fn context(&self, function: &str, request_id: String, timeout: time::Duration) -> Context {
        let now = self.clock.now().unix().saturating_mul(1000);
        let timeout = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let mut context = Context::default();
        context.request_id = request_id;
        context.deadline = now.saturating_add(timeout);
        context.invoked_function_arn =
            format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}:live");
        context
    }
}

#[cfg(test)]
mod tests {
    use shared::lambda::FunctionError;

    use super::*;

    fn event() -> Box<RawValue> {
        serde_json::value::to_raw_value(&1).expect("JSON")
    }

    async fn invoke(functions: &Functions, function: &str) -> Option<String> {
        let response = functions.invoke(function, |_| Ok(event())).await?;
        Some(response.get().to_owned())
    }

    #[tokio::test]
    async fn a_panic_timeout_or_error_affects_only_its_own_invocation() {
        let invocations = Arc::new(AtomicU64::new(0));
        let echo: Invoke = Arc::new(move |event, _| {
            let number = invocations.fetch_add(1, Ordering::Relaxed);
            Box::pin(async move {
                match number {
                    0 => panic!("on purpose"),
                    1 => std::future::pending().await,
                    2 => Err(FunctionError {
                        kind: "Test",
                        message: "on purpose".to_owned(),
                    }),
                    _ => Ok(event),
                }
            })
        });
        let functions = Functions::single("echo", time::Duration::from_millis(50), echo);
        for _ in 0..3 {
            assert_eq!(invoke(&functions, "echo").await, None);
        }
        assert_eq!(invoke(&functions, "echo").await.as_deref(), Some("1"));
    }

    #[tokio::test]
    async fn an_unknown_function_has_no_response() {
        let echo: Invoke = Arc::new(|event, _| Box::pin(async { Ok(event) }));
        let functions = Functions::single("echo", time::Duration::from_secs(1), echo);
        assert_eq!(invoke(&functions, "other").await, None);
    }

    #[tokio::test]
    async fn every_invocation_has_its_own_request_id() {
        let request_id: Invoke = Arc::new(|_, context| {
            Box::pin(async move {
                Ok(serde_json::value::to_raw_value(&context.request_id).expect("JSON"))
            })
        });
        let functions = Functions::single("id", time::Duration::from_secs(1), request_id);
        let first = invoke(&functions, "id").await.expect("a response");
        let second = invoke(&functions, "id").await.expect("a response");
        assert_ne!(first, second);
    }
}
