use super::*;
use crate::domain::password::Policy;

const SMALL: Params = Params {
    m_cost: 64,
    t_cost: 2,
    p_cost: 1,
};
const SALT: [u8; 16] = *b"somesaltsomesalt";
/// Hashes of the password "password" with the salt "somesalt", from the tests of the reference implementation.
const REFERENCE: [&str; 3] = [
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
];

fn password(text: &str) -> Password {
    Password::parse(text).expect("a password")
}

fn hashed(hasher: &Hasher, text: &str) -> Hash {
    let new_password = NewPassword::parse(text, &Policy { min_length: 0 }).expect("a password");
    hasher.hash(&new_password, SALT).expect("a hash")
}

fn stored(text: &str) -> Hash {
    Hash::from_stored(text.to_owned())
}

#[test]
fn verifies_only_the_right_password() {
    let hasher = Hasher::new(SMALL);
    let hash = hashed(&hasher, "Tr\u{e9}s secret");
    assert!(
        hash.as_str()
            .starts_with("$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$")
    );
    assert_eq!(
        hasher.verify(&password("Tre\u{301}s secret"), &hash),
        Ok(true)
    );
    for wrong in [
        "",
        "tr\u{e9}s secret",
        "Tr\u{e9}s secret ",
        "Tr\u{e9}s secret\0",
        "Tres secret",
        hash.as_str(),
    ] {
        assert_eq!(
            hasher.verify(&password(wrong), &hash),
            Ok(false),
            "{wrong:?}"
        );
    }
}

#[test]
fn verifies_hashes_of_the_reference_implementation() {
    for params in [
        SMALL,
        Params {
            m_cost: 1024,
            ..SMALL
        },
    ] {
        let hasher = Hasher::new(params);
        for text in REFERENCE {
            assert_eq!(
                hasher.verify(&password("password"), &stored(text)),
                Ok(true),
                "{text}"
            );
            assert_eq!(
                hasher.verify(&password("Password"), &stored(text)),
                Ok(false),
                "{text}"
            );
        }
    }
}

#[test]
fn reused_memory_does_not_affect_the_hash() {
    let (used, fresh) = (Hasher::new(SMALL), Hasher::new(SMALL));
    hashed(&used, "something else");
    assert_eq!(
        hashed(&used, "the password").as_str(),
        hashed(&fresh, "the password").as_str()
    );
}

#[test]
fn rejects_malformed_hashes_without_a_run() {
    let hasher = Hasher::new(SMALL);
    for text in [
        "",
        "password",
        "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu",
    ] {
        assert_eq!(
            hasher.verify(&password("password"), &stored(text)),
            Err(HashError::Unreadable),
            "{text}"
        );
        assert!(hasher.needs_rehash(&stored(text)));
    }
    assert_eq!(hasher.count(), 0);
}

#[test]
fn rejects_parameters_that_are_out_of_bounds() {
    for params in [
        Params {
            m_cost: u32::MAX,
            ..SMALL
        },
        Params { m_cost: 0, ..SMALL },
        Params { t_cost: 0, ..SMALL },
        Params { p_cost: 5, ..SMALL },
    ] {
        let hasher = Hasher::new(params);
        assert_eq!(
            hasher.rehash(&password("x"), SALT).err(),
            Some(HashError::Params)
        );
        hasher.verify_dummy(&password("x"));
        assert_eq!(hasher.count(), 0);
        assert_eq!(
            hasher.verify(&password("password"), &stored(REFERENCE[0])),
            Ok(true)
        );
    }
}

#[test]
fn counts_runs_of_clones_and_dummies() {
    let hasher = Hasher::new(SMALL);
    let hash = hashed(&hasher.clone(), "the password");
    hasher.verify_dummy(&password("the password"));
    assert!(hasher.verify(&password("x"), &hash).is_ok());
    assert_eq!(hasher.count(), 3);
}

#[test]
fn detects_and_replaces_weaker_hashes() {
    let (weak, strong) = (
        Hasher::new(SMALL),
        Hasher::new(Params {
            m_cost: 128,
            t_cost: 3,
            p_cost: 1,
        }),
    );
    let old = hashed(&weak, "the password");
    assert!(strong.needs_rehash(&old) && !weak.needs_rehash(&old));
    assert!(
        weak.needs_rehash(&stored(REFERENCE[0])),
        "a salt of 8 bytes"
    );
    let the_password = password("the password");
    assert_eq!(strong.verify(&the_password, &old), Ok(true));
    let new = strong.rehash(&the_password, SALT).expect("a hash");
    assert!(!strong.needs_rehash(&new) && !weak.needs_rehash(&new));
    assert_eq!(weak.verify(&the_password, &new), Ok(true));
}

#[test]
fn is_safe_to_share_between_threads() {
    let hasher = Hasher::new(SMALL);
    let hash = hashed(&hasher, "the password");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (hasher, hash) = (&hasher, &hash);
            scope.spawn(move || {
                let text = if number % 2 == 0 {
                    "the password"
                } else {
                    "another"
                };
                assert_eq!(hasher.verify(&password(text), hash), Ok(number % 2 == 0));
            });
        }
    });
}
