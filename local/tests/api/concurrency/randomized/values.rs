//! Which values something can have had at a time, after several set it at once.

use super::history::Step;

/// A value that was set, or may have been.
#[derive(Clone, Copy)]
pub struct Set<'a> {
    pub value: &'a str,
    pub step: &'a Step,
}

/// Something that had a value at rest and was set since.
pub struct Values<'a> {
    pub initial: &'a str,
    pub sets: Vec<Set<'a>>,
}

/// The time after everything.
pub const AT_REST: (u64, u64) = (u64::MAX, u64::MAX);

impl<'a> Values<'a> {
    /// What `set` says each of `steps` sets, of those that may have taken place.
    pub fn of(
        initial: &'a str,
        steps: &[&'a Step],
        set: impl Fn(&'a Step) -> Option<&'a String>,
    ) -> Self {
        let steps = steps.iter().filter(|step| step.may_be_done());
        let sets = steps.filter_map(|step| {
            let value = set(step)?;
            Some(Set { value, step })
        });
        Self {
            initial,
            sets: sets.collect(),
        }
    }

    /// Whether the value can have been `value` at some time from `began` to `ended`.
    pub fn may_be(&self, value: &str, (began, ended): (u64, u64)) -> bool {
        let is_gone = |since: u64| {
            self.sets
                .iter()
                .any(|set| set.step.is_done() && set.step.began > since && set.step.ended < began)
        };
        (value == self.initial && !is_gone(0))
            || self
                .sets
                .iter()
                .any(|set| set.value == value && set.step.began < ended && !is_gone(set.step.ended))
    }

    /// Whether the value was `value` all the time from `began` to `ended`.
    pub fn must_be(&self, value: &str, (began, ended): (u64, u64)) -> bool {
        let others = |since: u64| {
            self.sets
                .iter()
                .any(|set| set.value != value && set.step.ended > since && set.step.began < ended)
        };
        (value == self.initial && !others(0))
            || self.sets.iter().any(|set| {
                let step = set.step;
                set.value == value && step.is_done() && step.ended < began && !others(step.began)
            })
    }

    /// Every value that it can have had.
    pub fn all(&self) -> impl Iterator<Item = &'a str> {
        let set = self.sets.iter().map(|set| set.value);
        std::iter::once(self.initial).chain(set)
    }
}
