//! Detection of passwords that consist mostly of the user's personal data.
//! The rule is documented at `NewPassword::check_not_personal`.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::fold;

/// Minimum length of a word in characters; shorter ones occur in many good passwords by chance.
const MIN_WORD: usize = 3;
/// Minimum length of a domain label in characters: excludes `co` and `com`.
const MIN_LABEL: usize = 4;
/// The remainder is sufficient with this many characters …
const SUFFICIENT_CHARACTERS: usize = 8;
/// … or with this many letters.
const SUFFICIENT_LETTERS: usize = 4;

/// A normalization in which texts are compared.
type Normalize = fn(&str) -> Zeroizing<String>;

/// Returns true if the password consists of the words, forwards or backwards, and little else, with or without
/// diacritical marks.
pub(super) fn is_made_of(password: &str, words: &[&str]) -> bool {
    let normalizations: [Normalize; 2] = [fold, fold_without_marks];
    normalizations.into_iter().any(|normalize| {
        let terms = terms(words, normalize);
        let password = normalize(password);
        let mut reversed = Zeroizing::new(String::with_capacity(password.len()));
        reversed.extend(password.chars().rev());
        has_insufficient_remainder(&password, &terms)
            || has_insufficient_remainder(&reversed, &terms)
    })
}

/// Folds the case and removes combining diacritical marks, since José may type `jose` and Søren `soren`. Vowel signs and
/// other marks outside U+0300 to U+036F are kept: they distinguish words.
fn fold_without_marks(text: &str) -> Zeroizing<String> {
    let folded = fold(text);
    let is_mark = |character: &char| matches!(character, '\u{300}'..='\u{36f}');
    // A letter is replaced by at most as many bytes as it has.
    let mut plain = Zeroizing::new(String::with_capacity(folded.len()));
    for character in folded.nfd().filter(|character| !is_mark(character)).nfc() {
        match plain_letters(character) {
            Some(letters) => plain.push_str(letters),
            None => plain.push(character),
        }
    }
    plain
}

/// Returns how a Latin letter whose mark Unicode does not decompose is typed on a keyboard without it.
const fn plain_letters(letter: char) -> Option<&'static str> {
    Some(match letter {
        'æ' => "ae",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'ł' => "l",
        'ŋ' => "n",
        'ø' => "o",
        'œ' => "oe",
        'ŧ' => "t",
        'þ' => "th",
        _ => return None,
    })
}

fn has_insufficient_remainder(password: &str, terms: &[String]) -> bool {
    let mut remainder = Zeroizing::new(password.to_owned());
    for term in terms {
        while let Some(start) = remainder.find(term.as_str()) {
            // No password contains NUL: it prevents the text on both sides from forming another word.
            remainder.replace_range(start..start + term.len(), "\0");
        }
    }
    let remaining = || remainder.chars().filter(|character| *character != '\0');
    remainder.as_str() != password
        && remaining().count() < SUFFICIENT_CHARACTERS
        && remaining()
            .filter(|character| character.is_alphabetic())
            .count()
            < SUFFICIENT_LETTERS
}

/// The terms to remove, longest first, so that a part is never removed before the whole.
fn terms(words: &[&str], normalize: Normalize) -> Vec<String> {
    let mut terms = Vec::new();
    for word in words {
        let word = normalize(word);
        match word.split_once('@') {
            Some((local, domain)) => add_address(&mut terms, local, domain, normalize),
            None => add_word(&mut terms, &word),
        }
    }
    terms.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    terms.dedup();
    terms
}

fn add_word(terms: &mut Vec<String>, word: &str) {
    add(terms, word, MIN_WORD);
    // A name of several words is often typed as one.
    let joined: String = word
        .chars()
        .filter(|character| character.is_alphanumeric())
        .collect();
    add(terms, &joined, MIN_WORD);
    for piece in word.split(|character: char| !character.is_alphanumeric()) {
        add(terms, piece, MIN_WORD);
    }
}

fn add_address(terms: &mut Vec<String>, local: &str, domain: &str, normalize: Normalize) {
    add_word(terms, local);
    // Users type their domain in their own script, not in punycode.
    let (unicode, _) = idna::domain_to_unicode(domain);
    for domain in [domain, &normalize(&unicode)] {
        add(terms, &format!("{local}@{domain}"), MIN_WORD);
        add(terms, domain, MIN_LABEL);
        let (labels, _top_level) = domain.rsplit_once('.').unwrap_or((domain, ""));
        for label in labels.split('.') {
            add(terms, label, MIN_LABEL);
        }
    }
}

fn add(terms: &mut Vec<String>, term: &str, min_characters: usize) {
    if term.chars().count() >= min_characters {
        terms.push(term.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::password::{Error, NewPassword, Policy};

    const JOHN: [&str; 4] = ["john@example.com", "jc123", "John", "Doe"];

    fn is_rejected(password: &str, words: &[&str]) -> bool {
        match NewPassword::parse(password, &Policy::default()) {
            Ok(password) => {
                password.check_not_personal(&words.iter().copied().collect())
                    == Err(Error::TooSimilar)
            }
            Err(error) => panic!("{password:?}: {error}"),
        }
    }

    #[test]
    fn rejects_personal_words_with_little_else() {
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
            assert!(is_rejected(password, &JOHN), "{password}");
        }
    }

    #[test]
    fn accepts_personal_words_with_enough_else() {
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
            assert!(!is_rejected(password, &JOHN), "{password}");
        }
    }

    #[test]
    fn ignores_case_and_normal_form() {
        assert!(is_rejected("JOSÉ2024!", &["Jose\u{301}"]));
        assert!(is_rejected("jose\u{301}2024!", &["JOSÉ"]));
        assert!(is_rejected("Юлия12345", &["юЛИЯ"]));
    }

    #[test]
    fn ignores_diacritical_marks_but_not_vowel_signs() {
        assert!(is_rejected("jose2024!", &["José"]));
        for (password, name) in [
            ("soren12345", "Søren"),
            ("lukasz1234", "Łukasz"),
            ("dorde12345", "Đorđe"),
            ("thorunn123", "Þórunn"),
            ("søren12345", "Soren"),
        ] {
            assert!(is_rejected(password, &[name]), "{password}");
        }
        assert!(is_rejected("दीपादीपा12", &["दीपा"]));
        assert!(!is_rejected("दपदपदपदप", &["दीपा"]));
        let marks = format!("a{}", "\u{301}\u{323}".repeat(8));
        assert!(is_rejected(&marks, &[&marks]));
    }

    #[test]
    fn splits_words_at_punctuation() {
        assert!(is_rejected("maryann99!", &["Mary Ann"]));
        assert!(is_rejected(
            "smith-2024",
            &["j.smith+news@mail.example.co.uk"]
        ));
        assert!(is_rejected(
            "mail.example.co.uk",
            &["j.smith+news@mail.example.co.uk"]
        ));
    }

    #[test]
    fn matches_unicode_and_punycode_domains() {
        for password in ["bücher1234", "xn--bcher-kva1", "john@bücher.example"] {
            assert!(
                is_rejected(password, &["john@xn--bcher-kva.example"]),
                "{password}"
            );
        }
    }

    #[test]
    fn ignores_empty_and_short_words() {
        assert!(!is_rejected("li2024!!", &["", "Li", "@", "a@b.c"]));
    }
}
