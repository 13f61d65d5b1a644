//! Numbers for values, so that a state of a run is a short list of numbers.

use std::{cell::RefCell, collections::HashMap, hash::Hash, rc::Rc};

/// The number of a value. Equal values have the same number, and the first one has the number 1.
pub type Number = u32;

/// The number of no value.
pub const NOTHING: Number = 0;

/// Values by their numbers.
pub struct Numbered<T>(RefCell<Values<T>>);

struct Values<T> {
    numbers: HashMap<Rc<T>, Number>,
    all: Vec<Rc<T>>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self(RefCell::new(Values {
            numbers: HashMap::new(),
            all: Vec::new(),
        }))
    }
}

impl<T: Eq + Hash> Numbered<T> {
    /// The number of a value.
    pub fn number(&self, value: T) -> Number {
        let mut values = self.0.borrow_mut();
        if let Some(known) = values.numbers.get(&value) {
            return *known;
        }
        let value = Rc::new(value);
        values.all.push(value.clone());
        let number = Number::try_from(values.all.len()).unwrap();
        values.numbers.insert(value, number);
        number
    }

    /// The value that has this number.
    pub fn value(&self, number: Number) -> Rc<T> {
        self.0.borrow().all[number as usize - 1].clone()
    }
}
