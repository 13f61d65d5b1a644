//! The mixes of requests under 100 million users, ordinary and hostile.

use shared::domain::{clock::Timestamp, random::Random, settings::Limits};

use local::testing::{ManualClock, fixed_providers};

use crate::Result;

use super::{
    partitions::{Layout, Load},
    traffic::{Request, Traffic},
};

/// The users.
pub const USERS: u64 = 100_000_000;
/// The bytes of a user with both markers, as docs/cost.md assumes.
const BYTES: f64 = 1_500.0;
/// The seconds that are simulated. DynamoDB keeps up to 300 seconds of unused capacity, so that averages over a minute count.
const SECONDS: u32 = 60;
/// The processes of a function.
const PROCESSES: u64 = 1_000;
/// The seed of all runs.
const SEED: u64 = 20_261_127;

/// A mix of requests.
pub struct Mix {
    /// The name in the table.
    pub name: &'static str,
    /// Requests a second.
    pub rate: u32,
    next: fn(&Numbers) -> Request,
}

/// What a mix does to the tables.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    /// The requests that a limit refused, as a share of all.
    pub refused: f64,
    /// Mails a second.
    pub mails: f64,
    /// The tables with a load: the name, the load and the partitions.
    pub tables: Vec<(&'static str, Load, Layout)>,
}

/// Random numbers that depend on the seed only.
pub struct Numbers(Random);

/// A request of a user from a source.
type ByUser = fn(u64, u64) -> Request;

/// A user's requests in a month, as docs/cost.md assumes, in hundredths.
const MONTH: [(u64, ByUser); 5] = [
    (6_000, |user, _| Request::GetUser { user }),
    (400, |user, source| Request::LogIn { user, source }),
    (40, |user, source| Request::WrongPassword { user, source }),
    (10, |user, source| Request::Reset { user, source }),
    (5, |user, source| Request::SignUp {
        user: USERS + user,
        source,
    }),
];

/// The mixes. The ordinary rate is five times the average of a month of 30.4 days.
pub const MIXES: [Mix; 9] = [
    Mix {
        name: "an ordinary peak, half of it by one user in a hundred",
        rate: 12_300,
        next: ordinary,
    },
    Mix {
        name: "resets for unknown addresses, from one source",
        rate: 5_000,
        next: |numbers| Request::ResetUnknown {
            address: numbers.below(USERS),
            source: 7,
        },
    },
    Mix {
        name: "resets for unknown addresses, from a million sources",
        rate: 5_000,
        next: |numbers| Request::ResetUnknown {
            address: numbers.below(USERS),
            source: numbers.below(1_000_000),
        },
    },
    Mix {
        name: "resets for one user, from a million sources",
        rate: 2_000,
        next: |numbers| Request::Reset {
            user: 42,
            source: numbers.below(1_000_000),
        },
    },
    Mix {
        name: "passwords of one user, from a million sources",
        rate: 2_000,
        next: |numbers| Request::WrongPassword {
            user: 42,
            source: numbers.below(1_000_000),
        },
    },
    Mix {
        name: "a leaked list of ten million names, half of them unknown, from 100,000 sources",
        rate: 5_000,
        next: leaked_list,
    },
    Mix {
        name: "every user resets the password, for 5.5 hours",
        rate: 5_000,
        next: |numbers| {
            let user = numbers.below(USERS);
            Request::Reset { user, source: user }
        },
    },
    Mix {
        name: "one session in many hands",
        rate: 2_000,
        next: |_| Request::GetUser { user: 42 },
    },
    Mix {
        name: "processes of 18 functions start, 100 a second of each",
        rate: 1_800,
        next: |_| Request::Start,
    },
];

impl Numbers {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Self(fixed_providers(&ManualClock::default(), seed).random)
    }

    /// A number below `end`.
    pub fn below(&self, end: u64) -> u64 {
        u64::from_le_bytes(self.0.bytes()) % end
    }
}

impl Mix {
    /// Serves the mix for a minute, at a multiple of its rate.
    #[expect(
        clippy::cast_precision_loss,
        reason = "there are far fewer than 2^52 requests and users"
    )]
    pub fn run(&self, limits: &Limits, multiple: u32) -> Result<Outcome> {
        let numbers = Numbers::new(SEED);
        let mut traffic = Traffic::new(limits, SECONDS, PROCESSES)?;
        let rate = self.rate * multiple;
        for second in 0..SECONDS {
            let now = Timestamp::from_unix(u64::from(second));
            for _ in 0..rate {
                let request = (self.next)(&numbers);
                traffic.serve(request, now, numbers.below(u64::MAX))?;
            }
        }
        let users = USERS as f64 * BYTES;
        let tables = [
            ("Users", &traffic.users, users),
            ("Transient", &traffic.transient, 0.0),
            ("Counters", &traffic.counters, 0.0),
            ("Keys", &traffic.keys, 0.0),
        ];
        let seconds = f64::from(SECONDS);
        Ok(Outcome {
            refused: traffic.refusals as f64 / f64::from(rate) / seconds,
            mails: traffic.mails as f64 / seconds,
            tables: tables
                .into_iter()
                .map(|(name, table, bytes)| (name, table.total(), table.layout(bytes)))
                .filter(|(_, _, layout)| layout.hottest_key.is_some())
                .collect(),
        })
    }
}

fn ordinary(numbers: &Numbers) -> Request {
    let user = if numbers.below(2) == 0 {
        numbers.below(USERS / 100)
    } else {
        numbers.below(USERS)
    };
    // Five users share an address.
    let source = user / 5;
    let all = MONTH.iter().map(|(weight, _)| weight).sum();
    let mut number = numbers.below(all);
    for (weight, request) in MONTH {
        if number < weight {
            return request(user, source);
        }
        number -= weight;
    }
    Request::GetUser { user }
}

fn leaked_list(numbers: &Numbers) -> Request {
    let source = numbers.below(100_000);
    let name = numbers.below(10_000_000);
    if name.is_multiple_of(2) {
        Request::WrongPassword { user: name, source }
    } else {
        Request::UnknownName { name, source }
    }
}

#[cfg(test)]
mod tests {
    use crate::scale::tests::LIMITS;

    use super::*;

    fn mix(next: fn(&Numbers) -> Request) -> Mix {
        Mix {
            name: "test",
            rate: 50,
            next,
        }
    }

    #[test]
    fn a_run_can_be_repeated() {
        let mix = mix(ordinary);
        let (one, other) = (mix.run(&LIMITS, 1), mix.run(&LIMITS, 1));
        assert_eq!(one.expect("a run"), other.expect("a run"));
    }

    #[test]
    fn the_load_of_one_session_is_that_of_its_key() {
        let mix = mix(|_| Request::GetUser { user: 42 });
        let outcome = mix.run(&LIMITS, 2).expect("a run");
        let (_, _, layout) = outcome.tables.first().expect("Users");
        let (key, share) = layout.hottest_key.clone().expect("a key");
        assert_eq!(key, "user#43");
        assert!((share - 100.0 / 3_000.0).abs() < 1e-9);
        // 150 GB.
        assert_eq!(layout.initial, 14);
    }

    #[test]
    fn ordinary_requests_have_the_shares_of_a_month() {
        let numbers = Numbers::new(1);
        let reads = (0..10_000)
            .filter(|_| matches!(ordinary(&numbers), Request::GetUser { .. }))
            .count();
        assert!((9_200..9_380).contains(&reads), "{reads}");
    }
}
