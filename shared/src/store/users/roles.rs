//! The roles of users, which only the operator changes. No function makes these writes.

use serde::{Serialize, Serializer};

use super::{
    Users,
    disabled::{OperatorOutcome, is_first_done},
    user_key,
};
use crate::{
    domain::{
        role::{MAX_ROLES, RoleName},
        user::User,
        user_id::UserId,
    },
    store::database::{Committed, Error, Item, Write, WriteOutcome, read},
};

/// The outcome of adding a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleAdded {
    /// The role was added.
    Done,
    /// The user has the role already. Nothing was written.
    Unchanged,
    /// The user has [`MAX_ROLES`] roles. Nothing was written.
    TooMany,
    /// There is no such user. Nothing was written.
    NotFound,
}

/// A string set with one member.
struct StringSet<'a>(&'a RoleName);

impl Serialize for StringSet<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_dynamo::string_set::serialize(&[self.0], serializer)
    }
}

/// Changes by the operator, of the same shape as [`Users::disable`]. The conditions and the expression name the one role, so
/// that concurrent changes of other roles are kept, and so are stored names that are not valid.
impl Users {
    /// Adds `role` to those of `user`, in one transaction with the writes `also`.
    pub async fn add_role(
        &self,
        user: UserId,
        role: &RoleName,
        also: &[Write],
    ) -> Result<RoleAdded, Error> {
        let update = self
            .role_update(
                user,
                role,
                "ADD",
                "attribute_exists(#pk) AND NOT contains(#roles, :name) \
                 AND (attribute_not_exists(#roles) OR size(#roles) < :max)",
            )?
            .value("max", MAX_ROLES)?;
        Ok(match self.change_roles(update, also).await? {
            RoleChange::Done => RoleAdded::Done,
            RoleChange::Refused(None) => RoleAdded::NotFound,
            RoleChange::Refused(Some(item)) => {
                if read::<User>(item)?.roles.contains(role) {
                    RoleAdded::Unchanged
                } else {
                    RoleAdded::TooMany
                }
            }
        })
    }

    /// Removes `role` from those of `user`, in one transaction with the writes `also`.
    pub async fn remove_role(
        &self,
        user: UserId,
        role: &RoleName,
        also: &[Write],
    ) -> Result<OperatorOutcome, Error> {
        let update = self.role_update(user, role, "DELETE", "contains(#roles, :name)")?;
        Ok(match self.change_roles(update, also).await? {
            RoleChange::Done => OperatorOutcome::Done,
            RoleChange::Refused(None) => OperatorOutcome::NotFound,
            RoleChange::Refused(Some(_)) => OperatorOutcome::Unchanged,
        })
    }

    fn role_update(
        &self,
        user: UserId,
        role: &RoleName,
        action: &str,
        condition: &str,
    ) -> Result<Write, Error> {
        let write_id = self.database.new_write_id();
        let expression =
            format!("SET #version = #version + :one, #writer = :writer {action} #roles :role");
        Write::update(&self.table, &user_key(user), &expression, condition)
            .with_write_id(&write_id)
            .value("one", 1)?
            .value("writer", &write_id)?
            .value("role", StringSet(role))?
            .value("name", role)
    }

    async fn change_roles(&self, update: Write, also: &[Write]) -> Result<RoleChange, Error> {
        let writes = [&[update], also].concat();
        match self.database.transact(&writes).await? {
            Committed::Done => Ok(RoleChange::Done),
            Committed::Refused(outcomes) if is_first_done(&outcomes) => {
                Err(Error::other_condition_failed())
            }
            Committed::Refused(outcomes) => {
                let update = outcomes.into_iter().next();
                Ok(RoleChange::Refused(
                    update.and_then(WriteOutcome::current_item),
                ))
            }
        }
    }
}

/// The outcome of the transaction: if the user's condition failed, with the current record, if there is one.
enum RoleChange {
    Done,
    Refused(Option<Item>),
}
