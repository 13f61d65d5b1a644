//! The connection to AWS: one HTTP client, one set of credentials, short timeouts. Everything that the SDK would look up at
//! start, in files and from other services, is set here instead: that lookup is most of a cold start.

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

/// The time after which an idle connection is closed, shorter than that of AWS's load balancers.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(55);

/// The timeout of one attempt; DynamoDB responds in milliseconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);

/// The timeout of an operation, including its retries.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(3);

/// Maximum attempts of an operation, including the first.
const MAX_ATTEMPTS: u32 = 3;

/// The mean pause before the first retry; the SDK's own 1 s would use up most of the operation's timeout.
const INITIAL_BACKOFF: Duration = Duration::from_millis(50);

/// The environment lacks something that Lambda sets for every function.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A variable is missing.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// Returns the configuration for every SDK client of this process.
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
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(INITIAL_BACKOFF);
    Ok(SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(required("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(use_system_roots)?)
        .timeout_config(timeouts)
        .retry_config(retries)
        // Responses are a few hundred bytes, so the attempt's timeout is protection enough.
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
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .tls_provider(provider)
        .tls_context(context)
        .build_https())
}
