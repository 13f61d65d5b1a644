//! Malformed values in every field of every endpoint that reads a body.

use crate::support::{endpoints::Kind, malformed_values::MalformedValues};

mod case_11_current_password {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_existing_passwords_are_rejected() {
        MalformedValues::start()
            .await
            .check(&[Kind::ExistingPassword])
            .await;
    }
}

mod case_12_protected_fields {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_read_only_fields_and_flags_are_rejected() {
        MalformedValues::start()
            .await
            .check(&[Kind::ReadOnly, Kind::ReadOnlyFlag, Kind::Flag])
            .await;
    }
}

mod case_14_new_passwords {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_new_passwords_are_rejected() {
        MalformedValues::start()
            .await
            .check(&[Kind::NewPassword, Kind::Confirmation])
            .await;
    }
}

mod case_15_names {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_names_are_rejected() {
        MalformedValues::start().await.check(&[Kind::Name]).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_languages_are_rejected() {
        MalformedValues::start().await.check(&[Kind::Locale]).await;
    }
}

mod case_16_addresses {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_addresses_are_rejected() {
        MalformedValues::start().await.check(&[Kind::Email]).await;
    }
}

mod case_62_access_tokens {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_audiences_are_rejected() {
        MalformedValues::start()
            .await
            .check(&[Kind::Audience])
            .await;
    }
}

mod case_24_invalid_links {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_reset_tokens_are_rejected() {
        MalformedValues::start().await.check(&[Kind::Token]).await;
    }
}

mod case_29_unique_accounts {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn malformed_usernames_are_rejected() {
        MalformedValues::start()
            .await
            .check(&[Kind::Username])
            .await;
    }
}
