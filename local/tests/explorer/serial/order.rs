//! Orders of parts of requests.

use super::part::{Part, Pause};

/// The place of a request in an order.
pub(super) fn place(order: &[Part], process: usize) -> Option<usize> {
    order.iter().position(|part| part.process() == process)
}

/// The order with one part more, in every place.
pub(super) fn with(order: &[Part], part: Part) -> Vec<Vec<Part>> {
    (0..=order.len())
        .map(|place| inserted(order, place, part))
        .collect()
}

fn inserted(order: &[Part], place: usize, part: Part) -> Vec<Part> {
    let mut order = order.to_vec();
    order.insert(place, part);
    order
}

/// The order with these pauses of a request, in every place where another request comes in between.
pub(super) fn with_pauses(order: &[Part], process: usize, pauses: &[Pause]) -> Vec<Vec<Part>> {
    let is_rest = |part: &Part| match part {
        Part::Whole(other) | Part::Interrupted(other, _) | Part::StaysCounted(other) => {
            *other == process
        }
        _ => false,
    };
    let Some(whole) = order.iter().position(is_rest) else {
        return Vec::new();
    };
    let mut all = vec![(whole, order.to_vec())];
    for pause in pauses.iter().rev() {
        let part = Part::Begun(process, *pause);
        all = all
            .into_iter()
            .flat_map(|(end, order)| {
                (0..end).map(move |place| (place, inserted(&order, place, part)))
            })
            .collect();
    }
    all.into_iter().map(|(_, order)| order).collect()
}
