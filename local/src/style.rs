//! Colours on a terminal, and none elsewhere.

/// Marks parts of a text with ANSI escape codes (ECMA-48, "Select Graphic Rendition"), or leaves them as they are.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    has_colors: bool,
}

impl Style {
    /// The style for an output. `NO_COLOR` turns off colours if it is not empty (<https://no-color.org>).
    pub(crate) fn new(is_terminal: bool) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "not a setting of the functions, but one of every program on a terminal"
        )]
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            has_colors: is_terminal && !no_color,
        }
    }

    pub(crate) fn has_colors(self) -> bool {
        self.has_colors
    }

    pub(crate) fn strong(self, text: &str) -> String {
        self.mark("1", text)
    }

    pub(crate) fn link(self, text: &str) -> String {
        self.mark("36", text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.mark("2", text)
    }

    pub(crate) fn error(self, text: &str) -> String {
        self.mark("1;31", text)
    }

    fn mark(self, code: &str, text: &str) -> String {
        if self.has_colors && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_terminals_get_colours() {
        let colours = Style { has_colors: true };
        assert_eq!(colours.strong("API"), "\x1b[1mAPI\x1b[0m");
        assert_eq!(colours.faint(""), "");
        assert_eq!(Style::new(false).strong("API"), "API");
    }
}
