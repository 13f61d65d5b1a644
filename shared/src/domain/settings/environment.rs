//! The environment variables of a function, as values of a type.

use std::{str::FromStr, time::Duration};

/// Seconds of an hour.
pub(super) const HOUR: u64 = 60 * 60;
/// Seconds of a day.
pub(super) const DAY: u64 = 24 * HOUR;

/// A missing or invalid setting.
#[derive(Debug, thiserror::Error)]
#[error("setting {name}: {problem}")]
pub struct Error {
    pub(super) name: &'static str,
    pub(super) problem: String,
}

pub(super) struct Environment<'a>(pub(super) &'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    /// The value, or `None` if it is unset or empty: CloudFormation cannot omit a variable.
    pub(super) fn optional(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    pub(super) fn text(&self, name: &'static str) -> Result<String, Error> {
        self.optional(name).ok_or_else(|| Error {
            name,
            problem: "is not set".to_owned(),
        })
    }

    pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &'static str,
    ) -> Result<T, Error> {
        parse(name, &self.text(name)?)
    }

    pub(super) fn parsed_optional<T: FromStr<Err: std::fmt::Display>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, Error> {
        let text = self.optional(name);
        text.map(|text| parse(name, &text)).transpose()
    }

    pub(super) fn duration(
        &self,
        name: &'static str,
        unit_seconds: u64,
    ) -> Result<Duration, Error> {
        let units: u32 = self.parsed(name)?;
        Ok(Duration::from_secs(u64::from(units) * unit_seconds))
    }

    /// True for the value `on`, false for `off`.
    pub(super) fn one_of(&self, name: &'static str, on: &str, off: &str) -> Result<bool, Error> {
        match self.text(name)? {
            text if text == on => Ok(true),
            text if text == off => Ok(false),
            text => Err(Error {
                name,
                problem: format!("{text:?} is neither {on} nor {off}"),
            }),
        }
    }
}

pub(super) fn parse<T: FromStr<Err: std::fmt::Display>>(
    name: &'static str,
    text: &str,
) -> Result<T, Error> {
    text.parse().map_err(|error| Error {
        name,
        problem: format!("{text:?} is invalid: {error}"),
    })
}
