//! The colours of buttons: those of the setting, with the text in black or white, whichever is easier to read.

use shared::domain::color::Color;

/// The colours of a button, as CSS, in light and in dark mode.
pub(super) struct Brand {
    pub(super) background: String,
    pub(super) text: &'static str,
    pub(super) dark_background: String,
    pub(super) dark_text: &'static str,
}

const DARK: &str = "#18181b";
const LIGHT: &str = "#f4f4f5";

impl Brand {
    /// The colours for a brand's colour; without one, a dark button, and a light one in dark mode.
    pub(super) fn new(color: Option<Color>) -> Self {
        match color {
            Some(color) => {
                let text = if color.is_light() { DARK } else { "#ffffff" };
                Self {
                    background: color.to_string(),
                    text,
                    dark_background: color.to_string(),
                    dark_text: text,
                }
            }
            None => Self {
                background: DARK.to_owned(),
                text: "#ffffff",
                dark_background: LIGHT.to_owned(),
                dark_text: DARK,
            },
        }
    }
}
