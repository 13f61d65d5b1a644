//! The block list of common passwords, compiled by the build script from `data/common_passwords.txt`.
//! It has no password of fewer than eight characters, since the policy rejects those anyway.

use fst::Set;

static COMMON_PASSWORDS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/common_passwords.fst"));

/// Returns true if the password, folded to lower case and NFC, is on the list (NIST SP 800-63B-4, 3.1.1.2).
pub(super) fn contains(folded: &str) -> bool {
    // The bytes come from the build script and always parse, as the tests show. Only the header is parsed here.
    Set::new(COMMON_PASSWORDS).is_ok_and(|common| common.contains(folded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::password::fold;

    const LIST: &str = include_str!("../../../data/common_passwords.txt");

    #[test]
    fn contains_exactly_the_lines_of_the_list() {
        let mut lines = 0;
        for line in LIST.lines() {
            lines += 1;
            assert!(contains(line), "{line:?}");
            assert_eq!(
                fold(line).as_str(),
                line,
                "the list is in lower case and NFC"
            );
            assert!(
                line.chars().count() >= 8,
                "{line:?} is too short to be reached"
            );
        }
        assert!(lines >= 20_000);
        assert!(Set::new(COMMON_PASSWORDS).is_ok_and(|set| set.len() == lines));
    }

    #[test]
    fn does_not_contain_other_passwords() {
        for text in [
            "",
            "        ",
            "correct horse battery staple",
            "johnlovescats",
            "passwor",
            "Password",
        ] {
            assert!(!contains(text), "{text:?}");
        }
    }

    #[test]
    fn is_small_enough_to_deploy() {
        assert!(
            COMMON_PASSWORDS.len() < 200 * 1024,
            "{} bytes",
            COMMON_PASSWORDS.len()
        );
    }
}
