//! Order statistics of samples.

use serde::Serialize;

/// The median of samples and their spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The number of samples.
    pub count: usize,
    /// The smallest sample.
    pub minimum: f64,
    /// The first quartile.
    pub lower: f64,
    /// The median.
    pub median: f64,
    /// The third quartile.
    pub upper: f64,
}

impl Summary {
    /// Summarizes samples; all values are 0 if there is none.
    pub fn of(samples: &[f64]) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self {
            count: sorted.len(),
            minimum: quantile(&sorted, 0.0),
            lower: quantile(&sorted, 0.25),
            median: quantile(&sorted, 0.5),
            upper: quantile(&sorted, 0.75),
        }
    }
}

/// The value below which this share of the sorted samples lies, interpolated between neighbours.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "there are far fewer than 2^52 samples, and the position is within them"
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = sorted.len().saturating_sub(1) as f64 * share;
    let below = position.floor();
    let at = |index: f64| sorted.get(index as usize).copied().unwrap_or_default();
    let (low, high) = (at(below), at(position.ceil()));
    low + (high - low) * (position - below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_interpolated() {
        let summary = Summary::of(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!(
            summary,
            Summary {
                count: 4,
                minimum: 1.0,
                lower: 1.75,
                median: 2.5,
                upper: 3.25,
            }
        );
    }

    #[test]
    fn no_samples_have_zero_everywhere() {
        assert_eq!(Summary::of(&[]), Summary::default());
    }
}
