//! A place in the template: reads what is there, with intrinsics resolved, and names the place in every error.

use std::{fmt::Display, path::Path, str::FromStr};

use super::{resolve::Names, value::Value};

/// The template cannot be used; says where and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl Error {
    /// An error of the whole file.
    pub(super) fn of_file(file: &Path, problem: impl Display) -> Self {
        Self(format!("{}: {problem}", file.display()))
    }
}

/// What every place of one template shares.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub file: &'a Path,
    pub names: &'a Names,
}

/// One place, such as `Resources.UsersTable.Properties.KeySchema`, and what is there. Never an intrinsic.
#[derive(Clone)]
pub(super) struct Node<'a> {
    source: Source<'a>,
    place: String,
    value: Value,
}

impl<'a> Node<'a> {
    /// The node of `value`, which stands at `place`.
    pub(super) fn new(source: Source<'a>, place: String, value: &Value) -> Result<Self, Error> {
        match source.names.resolve(value) {
            Ok(value) => Ok(Self {
                source,
                place,
                value,
            }),
            Err(problem) => Err(Error(format!(
                "{}: {place}: {problem}",
                source.file.display()
            ))),
        }
    }

    /// An error of this place.
    pub(super) fn error(&self, problem: impl Display) -> Error {
        Error(format!(
            "{}: {}: {problem}",
            self.source.file.display(),
            self.place
        ))
    }

    /// Whether the condition of this name holds.
    pub(super) fn holds(&self, condition: &str) -> Result<bool, Error> {
        self.source
            .names
            .holds(condition)
            .map_err(|problem| self.error(problem))
    }

    /// What stands under `key`, if anything does.
    pub(super) fn get(&self, key: &str) -> Result<Option<Self>, Error> {
        let Value::Map(map) = &self.value else {
            return Err(self.unexpected("a mapping"));
        };
        match map.get(key) {
            None => Ok(None),
            Some(value) => self
                .child(&format!(".{key}"), value)
                .map(|node| Some(node).filter(|node| node.value != Value::Nothing)),
        }
    }

    /// What stands under `key`, which must be there.
    pub(super) fn need(&self, key: &str) -> Result<Self, Error> {
        self.get(key)?
            .ok_or_else(|| self.error(format_args!("{key} is missing")))
    }

    /// The last of `keys`, each under the one before; `None` as soon as one is missing.
    pub(super) fn find(&self, keys: &[&str]) -> Result<Option<Self>, Error> {
        let mut node = self.clone();
        for key in keys {
            match node.get(key)? {
                Some(next) => node = next,
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// The scalar that is here.
    pub(super) fn text(&self) -> Result<String, Error> {
        match &self.value {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(self.unexpected("a scalar")),
        }
    }

    /// The scalar that is here, parsed.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self) -> Result<T, Error> {
        let text = self.text()?;
        text.parse()
            .map_err(|error| self.error(format_args!("{text:?} is invalid: {error}")))
    }

    /// The elements of the list that is here, without those that come to `AWS::NoValue`.
    pub(super) fn items(&self) -> Result<Vec<Self>, Error> {
        let Value::List(list) = &self.value else {
            return Err(self.unexpected("a list"));
        };
        let nodes = list
            .iter()
            .enumerate()
            .map(|(index, value)| self.child(&format!("[{index}]"), value));
        nodes
            .filter(|node| {
                node.as_ref()
                    .map_or(true, |node| node.value != Value::Nothing)
            })
            .collect()
    }

    /// The scalars of the list that is here.
    pub(super) fn texts(&self) -> Result<Vec<String>, Error> {
        self.items()?.iter().map(Self::text).collect()
    }

    /// The keys of the mapping that is here.
    pub(super) fn keys(&self) -> Result<Vec<String>, Error> {
        match &self.value {
            Value::Map(map) => Ok(map.keys().cloned().collect()),
            _ => Err(self.unexpected("a mapping")),
        }
    }

    /// Refuses keys that are not among `known`: the local server would have to act on them, and cannot.
    pub(super) fn refuse_others(&self, known: &[&str]) -> Result<(), Error> {
        match self
            .keys()?
            .iter()
            .find(|key| !known.contains(&key.as_str()))
        {
            Some(key) => Err(self.error(format_args!("{key} is not known to the local server"))),
            None => Ok(()),
        }
    }

    fn child(&self, step: &str, value: &Value) -> Result<Self, Error> {
        Self::new(self.source, format!("{}{step}", self.place), value)
    }

    fn unexpected(&self, expected: &str) -> Error {
        self.error(format_args!(
            "must be {expected}, but is {}",
            self.value.kind()
        ))
    }
}
