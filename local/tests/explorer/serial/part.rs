//! Parts of requests.

use std::rc::Rc;

use crate::{
    search::Step,
    wire::{Call, SEND_MAIL},
    world::World,
};

/// A request in an order of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The whole request of a process, or what is left of it.
    Whole(usize),
    /// The request of a process up to a pause, in which other requests come. The rest follows later.
    Begun(usize, Pause),
    /// The request of a process that was killed, up to this many writes, all of them of counters in the table that strangers fill. A
    /// request may be counted and then not be carried out: limits err on the safe side.
    Counted(usize, usize),
    /// The request of a process that was killed, up to taking back its count.
    StaysCounted(usize),
    /// The request of a process that was killed, up to this many calls, if it is not one change.
    Interrupted(usize, usize),
}

/// A place between the calls of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pause {
    /// The delivery of a mail has read that it is queued. If it is replaced from then on, it is sent all the same. Or the first of the two
    /// sets of public keys was read, or the first of the two kinds of counts of a user was cleared, which are independent of each other.
    Read,
    /// The delivery of a mail has read its user. A link that a change of the user makes void from then on is sent all the same.
    User,
    /// The delivery of a mail has sent it. If it is replaced from then on, it does not count in the quota of its account.
    Sent,
    /// After the request was counted. Others see the count until it is taken back.
    Counted,
    /// After everything but taking the count back.
    Done,
    /// After taking the count back, before what the request is for.
    TakenBack,
    /// The request for a change of the address that has to be confirmed has read that no other account has it. Nothing is reserved, so that
    /// the change is noted although another account takes the address from then on.
    LookedUp,
    /// After this many deletions by DynamoDB, each of which is by itself.
    Deleted(usize),
}

/// What happens after some calls of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The next call is made.
    GoesOn,
    /// The next call is made by a later part.
    Paused,
    /// The process was killed here.
    Stopped,
    /// The process was killed before it came to where this part ends.
    Failed,
}

impl Part {
    pub const fn process(self) -> usize {
        match self {
            Self::Whole(process)
            | Self::Begun(process, _)
            | Self::Counted(process, _)
            | Self::StaysCounted(process)
            | Self::Interrupted(process, _) => process,
        }
    }

    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Whole(_))
    }

    pub const fn is_begun(self) -> bool {
        matches!(self, Self::Begun(..))
    }

    /// Returns the place of the call that is made first among these.
    pub fn next(self, calls: &[Rc<Call>]) -> usize {
        let is_wanted = |call: &Rc<Call>| match self {
            Self::Begun(_, Pause::Done) | Self::StaysCounted(_) => !is_counting(call),
            Self::Begun(_, Pause::TakenBack) => is_counting(call),
            _ => true,
        };
        calls.iter().position(is_wanted).unwrap_or_default()
    }

    /// Returns what happens after the calls of `path`, before `next`.
    pub fn progress(self, world: &World, path: &[Step], next: &Call) -> Progress {
        let calls = path.iter().map(|step| world.call(step.call));
        let (counting, others): (Vec<_>, Vec<_>) = calls
            .filter(|call| is_write(call))
            .partition(|call| is_counting(call));
        let pause_if = |is_here| {
            if is_here {
                Progress::Paused
            } else {
                Progress::GoesOn
            }
        };
        let last = path.last().map(|step| world.call(step.call));
        let is_looked_up = last.as_ref().is_some_and(|call| is_lookup(call));
        let is_sent = last.is_some_and(|call| call.operation == SEND_MAIL);
        let is_done = !others.is_empty() && is_counting(next);
        match self {
            Self::Begun(_, Pause::Read) => pause_if(path.len() == 1),
            Self::Begun(_, Pause::User) => pause_if(path.len() == 2),
            Self::Begun(_, Pause::Sent) => pause_if(is_sent),
            Self::Begun(_, Pause::Counted) => pause_if(!counting.is_empty()),
            Self::Begun(_, Pause::Done) => pause_if(is_done),
            Self::Begun(_, Pause::TakenBack) => pause_if(counting.len() == 2 && others.is_empty()),
            Self::Begun(_, Pause::LookedUp) => pause_if(is_looked_up),
            Self::Begun(_, Pause::Deleted(count)) => pause_if(path.len() == count),
            Self::StaysCounted(_) if is_done => Progress::Stopped,
            Self::Counted(_, limit) if counting.len() == limit => Progress::Stopped,
            Self::Counted(..) if is_write(next) && !is_counting(next) => Progress::Failed,
            Self::Interrupted(_, limit) if path.len() == limit => Progress::Stopped,
            Self::Whole(_) | Self::Counted(..) | Self::StaysCounted(_) | Self::Interrupted(..) => {
                Progress::GoesOn
            }
        }
    }
}

/// Returns true for a write of a counter in the table that strangers fill.
pub fn is_counting(call: &Call) -> bool {
    is_write(call) && call.keys.iter().all(|(_, key)| key.starts_with("limit#"))
}

/// Returns true for a read of the marker that leads from an address to its account.
pub fn is_lookup(call: &Call) -> bool {
    call.operation == "GetItem" && call.keys.iter().all(|(_, key)| key.starts_with("email#"))
}

fn is_write(call: &Call) -> bool {
    call.operation != "GetItem" && !call.keys.is_empty()
}
