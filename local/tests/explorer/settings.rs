//! The settings of the functions, as the development server passes them, and those of a run by hand.

use std::{collections::BTreeMap, sync::Arc};

use local::{Options, Server, functions::REGISTRY};
use shared::{
    app::{Providers, connection::connect},
    domain::{
        clock::{Clock, Timestamp},
        password::{Hasher, Params},
        random::Random,
    },
};

use crate::{
    process::{Environment, Environments},
    scenario::BEGINNING,
};

/// The settings of every scenario, in place of the template's.
const SETTINGS: [(&str, &str); 6] = [
    ("ACCESS_TOKEN_ALGORITHM", "ES256"),
    ("CONFIRM_LINK_BASE", "http://localhost:3000/confirm_email"),
    ("EventBusName", "users"),
    ("RESET_LINK_BASE", "http://localhost:3000/reset_password"),
    ("REVERT_LINK_BASE", "http://localhost:3000/revert_email"),
    ("SOURCE_LIMITS", "off"),
];

/// The name of the operator's command line among the functions.
pub const ADMIN: &str = "admin";

/// The environment of each function with `settings`.
pub fn environments(settings: &[(&str, &str)]) -> Environments {
    let providers = Providers {
        clock: Clock::new(|| Timestamp::from_unix(BEGINNING)),
        random: Random::new(|bytes| bytes.fill(0)),
        hasher: Hasher::new(Params {
            m_cost: 8,
            t_cost: 1,
            p_cost: 1,
        }),
    };
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
    let mut options = Options::new(template, providers);
    let all = SETTINGS.iter().chain(settings);
    options.settings = all
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = runtime.block_on(Server::start(options)).unwrap();
    let environment = |name: &str| Some((name.to_owned(), server.environment(name)?.clone()));
    let mut all: BTreeMap<_, _> = REGISTRY
        .iter()
        .filter_map(|(name, _)| environment(name))
        .collect();
    // Calls are attributed by the key that they are signed with.
    let mut admin = all["update_details"].clone();
    admin.insert("AWS_ACCESS_KEY_ID".to_owned(), ADMIN.to_owned());
    all.insert(ADMIN.to_owned(), admin);
    let connected = all.into_iter().map(|(name, variables)| {
        let aws = connect(&|name| variables.get(name).cloned(), false).unwrap();
        (name, Environment { variables, aws })
    });
    Arc::new(connected.collect())
}

/// A setting of a run by hand.
#[allow(
    clippy::disallowed_methods,
    reason = "runs by hand are configured in the environment"
)]
pub fn text(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
