//! The parts of an update expression that only some updates have.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;

use super::Error;

/// Attributes that an update sets or removes, with their values, so that each is decided in one place.
#[derive(Clone, Default)]
pub struct Assignments {
    set: Vec<(&'static str, AttributeValue)>,
    removed: Vec<&'static str>,
}

impl Assignments {
    /// Sets the attribute `name` to `value`.
    ///
    /// # Errors
    /// [`Error::Defect`] if `value` does not serialize.
    pub fn set<T: Serialize>(&mut self, name: &'static str, value: T) -> Result<(), Error> {
        let value =
            serde_dynamo::to_attribute_value(value).map_err(|error| Error::unwritable(&error))?;
        self.set.push((name, value));
        Ok(())
    }

    /// Removes the attribute `name`.
    pub fn remove(&mut self, name: &'static str) {
        self.removed.push(name);
    }

    /// Sets the attribute `name` to `value`, or removes it if there is none.
    ///
    /// # Errors
    /// [`Error::Defect`] if `value` does not serialize.
    pub fn set_or_remove<T: Serialize>(
        &mut self,
        name: &'static str,
        value: Option<T>,
    ) -> Result<(), Error> {
        match value {
            Some(value) => self.set(name, value)?,
            None => self.remove(name),
        }
        Ok(())
    }

    /// Returns `expression`, which begins with a `SET` clause and may have a `REMOVE` clause, with these attributes in them.
    pub(super) fn added_to(&self, expression: &str) -> String {
        let (set, removed) = match expression.split_once(" REMOVE ") {
            Some((set, removed)) => (set, Some(removed.to_owned())),
            None => (expression, None),
        };
        let also_set = self
            .set
            .iter()
            .map(|(name, _)| format!("#{name} = :{name}"));
        let set: Vec<_> = [set.to_owned()].into_iter().chain(also_set).collect();
        let also_removed = self.removed.iter().map(|name| format!("#{name}"));
        let removed: Vec<_> = removed.into_iter().chain(also_removed).collect();
        if removed.is_empty() {
            set.join(", ")
        } else {
            format!("{} REMOVE {}", set.join(", "), removed.join(", "))
        }
    }

    /// The values, by the placeholders of [`Self::added_to`].
    pub(super) fn into_values(self) -> impl Iterator<Item = (String, AttributeValue)> {
        let values = self.set.into_iter();
        values.map(|(name, value)| (format!(":{name}"), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_get_what_is_set_and_removed() {
        let mut also = Assignments::default();
        assert_eq!(also.added_to("SET #a = :a"), "SET #a = :a");
        assert_eq!(
            also.added_to("SET #a = :a REMOVE #b"),
            "SET #a = :a REMOVE #b"
        );
        also.set("c", 1).unwrap();
        also.set_or_remove("d", None::<u8>).unwrap();
        assert_eq!(
            also.added_to("SET #a = :a"),
            "SET #a = :a, #c = :c REMOVE #d"
        );
        assert_eq!(
            also.added_to("SET #a = :a REMOVE #b"),
            "SET #a = :a, #c = :c REMOVE #b, #d"
        );
        let values: Vec<_> = also.into_values().collect();
        assert_eq!(
            values,
            [(":c".to_owned(), AttributeValue::N("1".to_owned()))]
        );
    }
}
