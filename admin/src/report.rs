//! The result of a command, as text for people and as JSON for programs.

use serde_json::Value;

/// The result of a command.
pub(crate) struct Report {
    text: String,
    json: Value,
    /// False if the operator has something to fix; the exit code is then 1.
    pub(crate) is_success: bool,
}

impl Report {
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self {
            text: text.into(),
            json,
            is_success: true,
        }
    }

    /// Sets whether the command succeeded.
    pub(crate) fn with_success(mut self, is_success: bool) -> Self {
        self.is_success = is_success;
        self
    }

    pub(crate) fn render(&self, as_json: bool) -> String {
        if as_json {
            self.json.to_string()
        } else {
            self.text.clone()
        }
    }
}

/// Formats `rows` as a table below `head`, with every column as wide as its widest cell.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = head.map(|cell| cell.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut head.into_iter())];
    lines.extend(
        rows.iter()
            .map(|row| line(&mut row.iter().map(String::as_str))),
    );
    lines.join("\n")
}

/// Formats a duration in its largest unit.
pub(crate) fn span(seconds: u64) -> String {
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..86_400 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_formatted_in_their_largest_unit() {
        let spans = [0, 1, 59, 60, 7_200, 86_400, 200_000].map(span);
        let expected = [
            "0 seconds",
            "1 second",
            "59 seconds",
            "1 minute",
            "2 hours",
            "1 day",
            "2 days",
        ];
        assert_eq!(spans, expected);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["long cell".to_owned(), "b".to_owned()]];
        assert_eq!(
            table(["a", "state"], &rows),
            "a          state\nlong cell  b"
        );
    }
}
