//! Access to the nodes of a template, with resolved intrinsics and with the node's path in every error.

use std::{fmt::Display, path::Path, str::FromStr};

use super::{resolve::Scope, value::Value};

/// The template is invalid or not supported. The message has the file, the path of the node and the problem.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

impl Error {
    /// An error that concerns the whole file.
    pub(super) fn in_file(file: &Path, problem: impl Display) -> Self {
        Self(format!("{}: {problem}", file.display()))
    }
}

/// The properties that the nodes of one template share.
#[derive(Clone, Copy)]
pub(super) struct Document<'a> {
    pub file: &'a Path,
    pub scope: &'a Scope,
}

/// A value and its path, such as `Resources.UsersTable.Properties.KeySchema`. The value is never an intrinsic.
#[derive(Clone)]
pub(super) struct Node<'a> {
    document: Document<'a>,
    path: String,
    value: Value,
}

impl<'a> Node<'a> {
    /// Resolves `value`, which is at `path`.
    pub(super) fn new(document: Document<'a>, path: String, value: &Value) -> Result<Self, Error> {
        match document.scope.resolve(value) {
            Ok(value) => Ok(Self {
                document,
                path,
                value,
            }),
            Err(problem) => Err(Error(format!(
                "{}: {path}: {problem}",
                document.file.display()
            ))),
        }
    }

    /// An error at this node.
    pub(super) fn error(&self, problem: impl Display) -> Error {
        Error(format!(
            "{}: {}: {problem}",
            self.document.file.display(),
            self.path
        ))
    }

    /// Evaluates the condition with this name.
    pub(super) fn condition(&self, name: &str) -> Result<bool, Error> {
        self.document
            .scope
            .condition(name)
            .map_err(|problem| self.error(problem))
    }

    /// The child with this key; `None` if it is missing or null.
    pub(super) fn get(&self, key: &str) -> Result<Option<Self>, Error> {
        let Value::Map(map) = &self.value else {
            return Err(self.unexpected("a mapping"));
        };
        match map.get(key) {
            None => Ok(None),
            Some(value) => self
                .child(&format!(".{key}"), value)
                .map(|node| Some(node).filter(|node| node.value != Value::Null)),
        }
    }

    /// The child with this key, which must exist.
    pub(super) fn require(&self, key: &str) -> Result<Self, Error> {
        self.get(key)?
            .ok_or_else(|| self.error(format_args!("{key} is missing")))
    }

    /// The descendant with this path of keys; `None` if one of them is missing.
    pub(super) fn get_path(&self, keys: &[&str]) -> Result<Option<Self>, Error> {
        let mut node = self.clone();
        for key in keys {
            match node.get(key)? {
                Some(next) => node = next,
                None => return Ok(None),
            }
        }
        Ok(Some(node))
    }

    /// The scalar value as text.
    pub(super) fn text(&self) -> Result<String, Error> {
        match &self.value {
            Value::Text(text) => Ok(text.clone()),
            _ => Err(self.unexpected("a scalar")),
        }
    }

    /// The parsed scalar value.
    pub(super) fn parse<T: FromStr<Err: Display>>(&self) -> Result<T, Error> {
        let text = self.text()?;
        text.parse()
            .map_err(|error| self.error(format_args!("{text:?} is invalid: {error}")))
    }

    /// The elements of the list, without those that resolve to `AWS::NoValue`.
    pub(super) fn items(&self) -> Result<Vec<Self>, Error> {
        let Value::List(list) = &self.value else {
            return Err(self.unexpected("a list"));
        };
        let nodes = list
            .iter()
            .enumerate()
            .map(|(index, value)| self.child(&format!("[{index}]"), value));
        nodes
            .filter(|node| node.as_ref().map_or(true, |node| node.value != Value::Null))
            .collect()
    }

    /// The elements of the list as text.
    pub(super) fn texts(&self) -> Result<Vec<String>, Error> {
        self.items()?.iter().map(Self::text).collect()
    }

    /// The keys of the mapping.
    pub(super) fn keys(&self) -> Result<Vec<String>, Error> {
        match &self.value {
            Value::Map(map) => Ok(map.keys().cloned().collect()),
            _ => Err(self.unexpected("a mapping")),
        }
    }

    /// Rejects keys other than `supported`, which would have an effect in AWS but none here.
    pub(super) fn reject_other_keys(&self, supported: &[&str]) -> Result<(), Error> {
        match self
            .keys()?
            .iter()
            .find(|key| !supported.contains(&key.as_str()))
        {
            Some(key) => Err(self.error(format_args!(
                "the development server does not support {key}"
            ))),
            None => Ok(()),
        }
    }

    fn child(&self, step: &str, value: &Value) -> Result<Self, Error> {
        Self::new(self.document, format!("{}{step}", self.path), value)
    }

    fn unexpected(&self, expected: &str) -> Error {
        self.error(format_args!(
            "must be {expected}, but is {}",
            self.value.kind()
        ))
    }
}
