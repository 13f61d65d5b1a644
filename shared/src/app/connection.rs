//! How a process reaches AWS: one HTTP client, one set of credentials, short time-outs. Everything the SDK would look
//! for at start, in files and by other services, is stated here instead: that is most of a cold start.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::config::{
    Credentials, SharedCredentialsProvider, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_smithy_http_client::{
    Builder,
    tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

/// The five root certificates that every AWS endpoint chains to (AWS, "Amazon Trust Services Repository").
const AMAZON_ROOTS: &[u8] = include_bytes!("../../data/amazon_roots.pem");

/// Idle connections are given up before AWS's load balancers cut them.
const IDLE: Duration = Duration::from_secs(55);

/// Bound on one try; DynamoDB answers in milliseconds.
const ATTEMPT: Duration = Duration::from_secs(1);

/// Bound on an operation with its retries.
const OPERATION: Duration = Duration::from_secs(3);

/// Tries of an operation, the first included.
const ATTEMPTS: u32 = 3;

/// Mean wait before the first retry; the SDK's own 1 s would eat up the whole operation.
const FIRST_BACK_OFF: Duration = Duration::from_millis(50);

/// The environment lacks what Lambda sets for every function.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable is missing.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// What every SDK client of this process is made from.
///
/// # Errors
/// [`Error`] if region or credentials are missing, or TLS cannot be set up.
pub fn connect(
    lookup: &dyn Fn(&str) -> Option<String>,
    use_system_roots: bool,
) -> Result<SdkConfig, Error> {
    let required = |name| lookup(name).ok_or(Error::Missing(name));
    let credentials = Credentials::new(
        required("AWS_ACCESS_KEY_ID")?,
        required("AWS_SECRET_ACCESS_KEY")?,
        lookup("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let times = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(OPERATION)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_BACK_OFF);
    Ok(SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(required("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(use_system_roots)?)
        .timeout_config(times)
        .retry_config(retries)
        // Our answers are a few hundred bytes: the attempt's bound is protection enough.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build())
}

fn http_client(use_system_roots: bool) -> Result<SharedHttpClient, Error> {
    let roots = if use_system_roots {
        TrustStore::default()
    } else {
        TrustStore::empty().with_pem_certificate(AMAZON_ROOTS)
    };
    let context = TlsContext::builder()
        .with_trust_store(roots)
        .build()
        .map_err(|error| Error::Tls(error.to_string()))?;
    let provider = tls::Provider::rustls(CryptoMode::AwsLc);
    Ok(Builder::new()
        .pool_idle_timeout(IDLE)
        .tls_provider(provider)
        .tls_context(context)
        .build_https())
}
