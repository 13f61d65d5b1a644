//! The states that runs start from. Each is built by requests, and names the operations that meet in it.

mod all;

pub use self::all::SCENARIOS;
use crate::{database::Key, operations::Operation, world::World};

/// The time at which the preparation of a state begins: 2026-01-31T12:00:00Z.
pub const BEGINNING: u64 = 1_769_860_800;

/// What the operations need to know of the state that they start from.
#[derive(Clone, Default)]
pub struct Start {
    /// The id of the user that most operations are about.
    pub alice: u64,
    /// The address of that user.
    pub email: &'static str,
    /// The token of the session that makes most requests.
    pub caller: String,
    /// The token of another session.
    pub other: String,
    /// The id of that session.
    pub other_session: String,
    /// The token of another user.
    pub bob_caller: String,
    /// The secrets of the newest links.
    pub reset: String,
    pub confirm: String,
    pub revert: String,
    /// Key and nonce of every mail that is queued.
    pub queued: Vec<(String, String)>,
    /// Every item that expires.
    pub expiring: Vec<Key>,
}

/// A state with the operations that meet in it.
pub struct Scenario {
    pub name: &'static str,
    pub settings: &'static [(&'static str, &'static str)],
    /// The names of the operations, separated by spaces.
    pub operations: &'static str,
    /// Two operations that are not explored together but by hand, since they take minutes.
    pub by_hand: Option<[&'static str; 2]>,
    /// True if no process has read the keys when a run begins.
    pub is_cold: bool,
    /// True if the requests draw the same random numbers, so that new keys and ids collide.
    pub draws_alike: bool,
    /// Seconds between the preparation and the requests.
    pub pause: u64,
    pub prepare: fn(&World) -> Start,
}

/// What most scenarios have in common.
const USUAL: Scenario = Scenario {
    name: "",
    settings: &[],
    operations: "",
    by_hand: None,
    is_cold: false,
    draws_alike: false,
    // Cool-downs are over.
    pause: 3600,
    prepare: |_| Start::default(),
};

impl Scenario {
    /// The names of the operations.
    pub fn operations(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.operations.split_whitespace()
    }

    /// Returns true if the two operations that are explored by hand are among these.
    pub fn is_by_hand(&self, operations: &[&'static Operation]) -> bool {
        self.by_hand.is_some_and(|[one, other]| {
            let place = |name| operations.iter().position(|known| known.name == name);
            let last = operations.iter().rposition(|known| known.name == other);
            place(one).is_some_and(|place| last.is_some_and(|last| last != place))
        })
    }
}
