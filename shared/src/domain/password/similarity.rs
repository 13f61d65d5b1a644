//! Whether a password is little more than what is known of its user.
//! The rule is stated at `NewPassword::check_not_personal`.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::fold;

/// Fewest characters of a word that counts; shorter ones are in many good passwords by chance.
const MIN_WORD: usize = 3;
/// Fewest characters of a domain label that counts: leaves out `co` and `com`.
const MIN_LABEL: usize = 4;
/// What is left beside the words is enough with this many characters …
const ENOUGH_CHARACTERS: usize = 8;
/// … or with this many letters.
const ENOUGH_LETTERS: usize = 4;

/// What two texts are compared in.
type Form = fn(&str) -> Zeroizing<String>;

/// Whether the password consists of the words, forwards or backwards, and little else, with the marks on its letters or
/// without.
pub(super) fn is_made_of(password: &str, words: &[&str]) -> bool {
    let forms: [Form; 2] = [fold, plain];
    forms.into_iter().any(|form| {
        let terms = terms(words, form);
        let password = form(password);
        let mut reversed = Zeroizing::new(String::with_capacity(password.len()));
        reversed.extend(password.chars().rev());
        leaves_little(&password, &terms) || leaves_little(&reversed, &terms)
    })
}

/// The text in one case, and without the diacritical marks on its letters: José types jose, too. The marks of other
/// scripts are letters.
fn plain(text: &str) -> Zeroizing<String> {
    let folded = fold(text);
    let is_mark = |letter: &char| matches!(letter, '\u{300}'..='\u{36f}');
    let mut plain = Zeroizing::new(String::with_capacity(folded.len()));
    plain.extend(folded.nfd().filter(|letter| !is_mark(letter)).nfc());
    plain
}

fn leaves_little(password: &str, terms: &[String]) -> bool {
    let mut rest = Zeroizing::new(password.to_owned());
    for term in terms {
        while let Some(start) = rest.find(term.as_str()) {
            // NUL is in no password: it keeps what stood on either side from forming another word.
            rest.replace_range(start..start + term.len(), "\0");
        }
    }
    let left = || rest.chars().filter(|character| *character != '\0');
    rest.as_str() != password
        && left().count() < ENOUGH_CHARACTERS
        && left().filter(|character| character.is_alphabetic()).count() < ENOUGH_LETTERS
}

/// All that is looked for, the longest first, so that no part spoils the whole that it belongs to.
fn terms(words: &[&str], form: Form) -> Vec<String> {
    let mut terms = Vec::new();
    for word in words {
        let word = form(word);
        match word.split_once('@') {
            Some((local, domain)) => add_address(&mut terms, local, domain, form),
            None => add_word(&mut terms, &word),
        }
    }
    terms.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    terms.dedup();
    terms
}

fn add_word(terms: &mut Vec<String>, word: &str) {
    add(terms, word, MIN_WORD);
    // A name of several words is typed as one.
    let joined: String = word
        .chars()
        .filter(|character| character.is_alphanumeric())
        .collect();
    add(terms, &joined, MIN_WORD);
    for piece in word.split(|character: char| !character.is_alphanumeric()) {
        add(terms, piece, MIN_WORD);
    }
}

fn add_address(terms: &mut Vec<String>, local: &str, domain: &str, form: Form) {
    add_word(terms, local);
    // People write their domain in their own script, not in punycode.
    let (in_unicode, _) = idna::domain_to_unicode(domain);
    for domain in [domain, &form(&in_unicode)] {
        add(terms, &format!("{local}@{domain}"), MIN_WORD);
        add(terms, domain, MIN_LABEL);
        let (labels, _top_level) = domain.rsplit_once('.').unwrap_or((domain, ""));
        for label in labels.split('.') {
            add(terms, label, MIN_LABEL);
        }
    }
}

fn add(terms: &mut Vec<String>, term: &str, min: usize) {
    if term.chars().count() >= min {
        terms.push(term.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::password::{Error, NewPassword, Policy};

    const JOHN: [&str; 4] = ["john@example.com", "jc123", "John", "Doe"];

    fn is_refused(password: &str, words: &[&str]) -> bool {
        match NewPassword::parse(password, &Policy::default()) {
            Ok(password) => {
                password.check_not_personal(&words.iter().copied().collect())
                    == Err(Error::TooSimilar)
            }
            Err(error) => panic!("{password:?}: {error}"),
        }
    }

    #[test]
    fn refuses_the_users_own_words_with_a_little_around_them() {
        for password in [
            "johndoe2024!",
            "JohnDoe123",
            "jc123abc",
            "jc123jc123",
            "JOHN@example.com",
            "john@example.com1",
            "example123",
            "example.com",
            "john-example",
            "doe.john.99",
            "JC123!!!!!",
            "john1234567",
            "john.doe@example.com",
            "moc.elpmaxe@nhoj",
            "nhojeodnhoj",
            "321cj321cj",
        ] {
            assert!(is_refused(password, &JOHN), "{password}");
        }
    }

    #[test]
    fn lets_pass_what_has_enough_else_in_it() {
        for password in [
            "johnlovescats",
            "correct horse battery staple",
            "john12345678",
            "jc123-tree",
            "zqxjvkwy",
            "com.com.com.com",
            "my example is long",
            "doe a deer, a female deer",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
        ] {
            assert!(!is_refused(password, &JOHN), "{password}");
        }
    }

    #[test]
    fn compares_in_lower_case_and_in_one_normal_form() {
        assert!(is_refused("JOSÉ2024!", &["Jose\u{301}"]));
        assert!(is_refused("jose\u{301}2024!", &["JOSÉ"]));
        assert!(is_refused("Юлия12345", &["юЛИЯ"]));
    }

    #[test]
    fn compares_without_diacritical_marks_too_but_with_the_vowel_signs_of_other_scripts() {
        assert!(is_refused("jose2024!", &["José"]));
        assert!(is_refused("दीपादीपा12", &["दीपा"]));
        assert!(!is_refused("दपदपदपदप", &["दीपा"]));
        let marks = format!("a{}", "\u{301}\u{323}".repeat(8));
        assert!(is_refused(&marks, &[&marks]));
    }

    #[test]
    fn takes_words_apart_at_punctuation() {
        assert!(is_refused("maryann99!", &["Mary Ann"]));
        assert!(is_refused(
            "smith-2024",
            &["j.smith+news@mail.example.co.uk"]
        ));
        assert!(is_refused(
            "mail.example.co.uk",
            &["j.smith+news@mail.example.co.uk"]
        ));
    }

    #[test]
    fn knows_an_international_domain_in_both_forms() {
        for password in ["bücher1234", "xn--bcher-kva1", "john@bücher.example"] {
            assert!(
                is_refused(password, &["john@xn--bcher-kva.example"]),
                "{password}"
            );
        }
    }

    #[test]
    fn ignores_words_that_are_empty_or_short() {
        assert!(!is_refused("li2024!!", &["", "Li", "@", "a@b.c"]));
    }
}
