//! The name in the greeting of a mail. Only a verified address is greeted by name: at any other one, the name may be
//! what a stranger typed.

use shared::domain::user::User;

/// Returns the name to greet `user` by: the first name, or else the username. `None` if neither is fit for it.
pub(crate) fn greeting_name(user: &User) -> Option<&str> {
    let names = [user.first_name.as_str(), user.username.as_str()];
    names.into_iter().find_map(presentable)
}

/// Returns `name` without blank ends, unless it has nothing visible, or something that mail clients turn into a link.
fn presentable(name: &str) -> Option<&str> {
    let name = name.trim_matches(is_blank);
    (!name.is_empty() && !looks_like_an_address(name)).then_some(name)
}

/// Returns true for a character without visible form: controls, white space, format characters (Unicode category Cf),
/// fillers, and variation selectors.
fn is_blank(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(character,
            '\u{AD}' | '\u{34F}' | '\u{600}'..='\u{605}' | '\u{61C}' | '\u{6DD}' | '\u{70F}' | '\u{890}'..='\u{891}'
            | '\u{8E2}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}'
            | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// Returns true if a mail client could turn a part of `name` into a link: a URL, a host name or an e-mail address.
fn looks_like_an_address(name: &str) -> bool {
    // Full-width forms, which some clients read like ASCII, and the dots of IDNA (UTS 46, section 2.3).
    let is_mark = |character| matches!(character, '/' | ':' | '@' | '\\' | '／' | '：' | '＠');
    let is_dot = |character| matches!(character, '.' | '。' | '．' | '｡');
    // White space separates words, and other blank characters do not.
    let is_part = |part: &char| part.is_whitespace() || !is_blank(*part);
    let visible: Vec<char> = name.chars().filter(is_part).collect();
    let has_inner_dot = visible.windows(3).any(|part| {
        matches!(part, [before, dot, after] if before.is_alphanumeric() && is_dot(*dot) && after.is_alphanumeric())
    });
    has_inner_dot
        || visible.iter().any(|character| is_mark(*character))
        || name.to_ascii_lowercase().contains("www.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_without_blank_ends() {
        for (name, expected) in [
            ("John", "John"),
            (" Stefan ", "Stefan"),
            ("\u{200B}Ann\u{3164}", "Ann"),
            ("J. R.", "J. R."),
            ("Dr. No", "Dr. No"),
            ("Mary Jane", "Mary Jane"),
            ("محمد\u{200C}رضا", "محمد\u{200C}رضا"),
            ("李", "李"),
            ("👩\u{200D}🔬", "👩\u{200D}🔬"),
            ("O'Brien", "O'Brien"),
            ("<b>", "<b>"),
        ] {
            assert_eq!(presentable(name), Some(expected), "{name:?}");
        }
    }

    #[test]
    fn names_without_anything_visible_are_not_shown() {
        for name in [
            "",
            " ",
            "\u{A0}",
            "\u{200B}",
            "\u{3164}",
            "\u{AD}\u{2060}",
            "\u{2800}",
            "\u{FE0F}",
            "\u{E0041}",
        ] {
            assert_eq!(presentable(name), None, "{name:?}");
        }
    }

    #[test]
    fn names_that_look_like_an_address_are_not_shown() {
        for name in [
            "Your account is closed, see https://evil.example/x",
            "www.evil",
            "WWW.EVIL",
            "evil.example",
            "Go to evil.example now",
            "evil\u{200B}.\u{200B}example",
            "evil。example",
            "evil．example",
            "1.2",
            "a/b",
            "mailto:x",
            "x@y",
            "x＠y",
            r"\\evil",
        ] {
            assert_eq!(presentable(name), None, "{name:?}");
        }
    }
}
