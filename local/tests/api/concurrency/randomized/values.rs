//! The possible values of a field at a time, after several concurrent requests have set it.

use super::history::Step;

/// A value that a request has set, or may have set.
#[derive(Clone, Copy)]
pub struct Set<'a> {
    pub value: &'a str,
    pub step: &'a Step,
}

/// A field with its value after the last round and the values set since.
pub struct Values<'a> {
    pub initial: &'a str,
    pub sets: Vec<Set<'a>>,
}

/// The time after all requests.
pub const AT_REST: (u64, u64) = (u64::MAX, u64::MAX);

impl<'a> Values<'a> {
    /// The field with the values that `set` returns for those of `steps` that may have been applied: one value, or each that
    /// the step may have set.
    pub fn of<I: IntoIterator<Item = &'a str>>(
        initial: &'a str,
        steps: &[&'a Step],
        set: impl Fn(&'a Step) -> I,
    ) -> Self {
        let steps = steps.iter().copied();
        let sets = steps
            .filter(|step| step.may_be_done())
            .flat_map(|step| set(step).into_iter().map(move |value| Set { value, step }));
        Self {
            initial,
            sets: sets.collect(),
        }
    }

    /// `true` if the field may have had `value` at some time from `began` to `ended`.
    pub fn may_be(&self, value: &str, (began, ended): (u64, u64)) -> bool {
        let is_replaced = |since: u64| {
            self.sets
                .iter()
                .any(|set| set.step.is_done() && set.step.began > since && set.step.ended < began)
        };
        (value == self.initial && !is_replaced(0))
            || self.sets.iter().any(|set| {
                set.value == value && set.step.began < ended && !is_replaced(set.step.ended)
            })
    }

    /// `true` if the field had `value` all the time from `began` to `ended`.
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

    /// Every value that the field may have had.
    pub fn all(&self) -> impl Iterator<Item = &'a str> {
        let set = self.sets.iter().map(|set| set.value);
        std::iter::once(self.initial).chain(set)
    }
}
