//! Colours, as the settings give them.

use std::{fmt, str::FromStr};

/// A colour in sRGB.
///
/// # Examples
/// ```
/// use shared::domain::color::Color;
///
/// let yellow: Color = "#ffcc00".parse().unwrap();
/// assert!(yellow.is_light());
/// assert_eq!(yellow.to_string(), "#ffcc00");
/// assert!("yellow".parse::<Color>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

/// A text that is not a [`Color`].
#[derive(Debug, thiserror::Error)]
#[error("is not of the form #rrggbb, such as #1d4ed8")]
pub struct Error;

impl FromStr for Color {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.strip_prefix('#').ok_or(Error)?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Error);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| Error)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self { red, green, blue })
    }
}

impl fmt::Display for Color {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { red, green, blue } = self;
        write!(formatter, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl Color {
    /// Returns true if black text on this colour has more contrast than white text (WCAG 2.2, "contrast ratio").
    #[must_use]
    pub fn is_light(self) -> bool {
        // (L + 0.05) / 0.05 > 1.05 / (L + 0.05) for the relative luminance L.
        (self.luminance() + 0.05).powi(2) > 1.05 * 0.05
    }

    /// The relative luminance, from 0 for black to 1 for white (WCAG 2.2, "relative luminance").
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.0722f64.mul_add(
            linear(self.blue),
            0.2126f64.mul_add(linear(self.red), 0.7152 * linear(self.green)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_black_on_light_colors_only() {
        for (color, is_light) in [
            ("#ffffff", true),
            ("#ffcc00", true),
            ("#93c5fd", true),
            ("#777777", true),
            ("#707070", false),
            ("#1d4ed8", false),
            ("#000000", false),
        ] {
            assert_eq!(
                color.parse::<Color>().unwrap().is_light(),
                is_light,
                "{color}"
            );
        }
    }

    #[test]
    fn other_texts_are_not_colors() {
        for text in [
            "", "#", "red", "#fff", "#12345g", "#1234567", "ffcc00", "#+12345", "#ffcc00;",
        ] {
            assert!(text.parse::<Color>().is_err(), "{text}");
        }
    }
}
