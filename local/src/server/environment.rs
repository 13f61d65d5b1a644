//! The environment variables of the functions: those of the template, the server's own, and the settings of the command line.

use std::{collections::BTreeMap, net::SocketAddr};

use super::{Options, StartError};
use crate::template::{REGION, Template};

/// Settings of functions that are not in the template: Lambda sets the first two, and the endpoints are unset in AWS.
const AWS_SETTINGS: [&str; 6] = [
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SESV2",
    "AWS_ENDPOINT_URL_EVENTBRIDGE",
    "AWS_ENDPOINT_URL_SCHEDULER",
];

/// The hosted pages that links in mails open: the template's parameter, the setting, and the page.
const PAGES: [(&str, &str, &str); 3] = [
    ("ResetLinkBase", "RESET_LINK_BASE", "reset_password"),
    ("ConfirmLinkBase", "CONFIRM_LINK_BASE", "confirm_email"),
    ("RevertLinkBase", "REVERT_LINK_BASE", "revert_email"),
];

/// Rejects settings that are neither a parameter nor read by a function: they would have no effect.
pub(super) fn check_settings(
    template: &Template,
    settings: &BTreeMap<String, String>,
) -> Result<(), StartError> {
    let is_known = |name: &str| {
        AWS_SETTINGS.contains(&name)
            || template.parameters.contains(name)
            || template.settings().any(|known| known == name)
    };
    match settings.keys().find(|name| !is_known(name)) {
        Some(name) => Err(StartError::Setting(name.clone())),
        None => Ok(()),
    }
}

/// The environment variables that every function has in addition to those of the template, or in place of them.
pub(super) fn environment(
    options: &Options,
    template: &Template,
    api: SocketAddr,
    dynamodb: SocketAddr,
    services: SocketAddr,
) -> BTreeMap<String, String> {
    let values = [
        REGION.to_owned(),
        // Neither endpoint checks signatures, but the SDK needs a key to sign with.
        "local".to_owned(),
        format!("http://{dynamodb}"),
        format!("http://{services}"),
        format!("http://{services}"),
        format!("http://{services}"),
    ];
    let mut environment: BTreeMap<String, String> = AWS_SETTINGS
        .map(str::to_owned)
        .into_iter()
        .zip(values)
        .collect();
    if !options.settings.contains_key("Issuer") {
        // Without a setting, functions name the host that API Gateway served, by https.
        environment.insert("ISSUER".to_owned(), format!("http://{api}"));
    }
    if !options.source_limits {
        environment.insert("SOURCE_LIMITS".to_owned(), "off".to_owned());
    }
    if template.setting("SESSION_COOKIE") == Some("true") {
        // Not every browser keeps a secure cookie from http://localhost.
        environment.insert("SESSION_COOKIE".to_owned(), "insecure".to_owned());
    }
    // The template does not know the address of the pages; this server does.
    for (parameter, variable, page) in PAGES {
        if !options.settings.contains_key(parameter) {
            let page = format!("http://{api}/{page}#");
            environment.insert(variable.to_owned(), page);
        }
    }
    let variables = options.settings.iter();
    let variables = variables.filter(|(name, _)| !template.parameters.contains(*name));
    environment.extend(variables.map(|(name, value)| (name.clone(), value.clone())));
    environment
}
