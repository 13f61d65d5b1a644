//! The records of operators' changes: each command that changes something makes one, and `audit` lists them.

use aws_smithy_types::{DateTime, date_time::Format};
use serde_json::json;
use shared::{
    domain::{clock::Timestamp, user::User, user_id::UserId},
    store::{
        audit_trail::OperatorChange,
        database::{Committed, Write},
    },
};

use crate::{
    command_line::AuditArgs,
    connection::Context,
    error::Error,
    report::{Report, table},
    user_ref::UserRef,
};

/// The kind of a change. The first ones are recorded in the transaction that makes the change.
#[derive(Clone, Copy)]
pub(crate) enum ChangeKind {
    AddRole,
    Delete,
    Disable,
    Enable,
    EndSessions,
    GrantSuperuser,
    RemoveRole,
    RevokeSuperuser,
    SendReset,
    SetEmail,
    /// Recorded before the change, which takes several requests and may have been interrupted, as the following are.
    ClearLimits,
    RepairAddresses,
    ReplayMails,
    Restore,
    RevokeKey,
    RotateKeys,
}

impl ChangeKind {
    const fn name(self) -> &'static str {
        match self {
            Self::AddRole => "add_role",
            Self::Delete => "delete",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::EndSessions => "end_sessions",
            Self::GrantSuperuser => "grant_superuser",
            Self::RemoveRole => "remove_role",
            Self::RevokeSuperuser => "revoke_superuser",
            Self::SendReset => "send_reset",
            Self::SetEmail => "set_email",
            Self::ClearLimits => "clear_limits",
            Self::RepairAddresses => "repair_addresses",
            Self::ReplayMails => "replay_mails",
            Self::Restore => "restore",
            Self::RevokeKey => "revoke_key",
            Self::RotateKeys => "rotate_keys",
        }
    }
}

impl Context {
    /// Returns the record that the operator makes a change of this kind now.
    pub(crate) async fn operator_change(
        &self,
        kind: ChangeKind,
        user: Option<UserId>,
    ) -> Result<OperatorChange, Error> {
        let operator = self.operator.name().await?;
        let now = self.clock.now()?;
        Ok(OperatorChange::new(&operator, kind.name(), user, now))
    }

    /// Makes a change to `user` in one transaction with its record. Returns false, and changes nothing, if a condition of
    /// `writes` failed.
    pub(crate) async fn commit(
        &self,
        kind: ChangeKind,
        user: &User,
        writes: Vec<Write>,
    ) -> Result<bool, Error> {
        let change = self.operator_change(kind, Some(user.id)).await?;
        let committed = self.audit_trail.commit(&change, writes).await?;
        Ok(matches!(committed, Committed::Done))
    }

    /// Returns the write that records a change of `user`, to be part of the transaction that makes the change.
    pub(crate) async fn change_record(
        &self,
        kind: ChangeKind,
        user: &User,
        detail: Option<&str>,
    ) -> Result<Write, Error> {
        let mut change = self.operator_change(kind, Some(user.id)).await?;
        if let Some(detail) = detail {
            change = change.with_detail(detail);
        }
        Ok(self.audit_trail.change(&change)?)
    }

    /// Records a change that is about to be made and takes several requests.
    pub(crate) async fn record_before(
        &self,
        kind: ChangeKind,
        user: Option<UserId>,
        detail: Option<&str>,
    ) -> Result<(), Error> {
        let mut change = self.operator_change(kind, user).await?;
        if let Some(detail) = detail {
            change = change.with_detail(detail);
        }
        Ok(self.audit_trail.record_change(&change).await?)
    }
}

/// Parses the beginning of a period: a date, or a date and time with an offset (RFC 3339).
pub(crate) fn parse_since(text: &str) -> Result<Timestamp, String> {
    let full = if text.len() == "2026-01-31".len() {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    DateTime::from_str(&full, Format::DateTimeWithOffset)
        .ok()
        .and_then(|parsed| u64::try_from(parsed.secs()).ok())
        .map(Timestamp::from_unix)
        .ok_or_else(|| "write 2026-01-31, for midnight UTC, or 2026-01-31T12:00:00Z".to_owned())
}

pub(crate) async fn run(context: &Context, args: &AuditArgs) -> Result<Report, Error> {
    let user = match &args.user {
        Some(user) => Some(id_of(context, user).await?),
        None => None,
    };
    let mut changes = context.audit_trail.changes().await?;
    changes.retain(|change| {
        let is_users = user.is_none_or(|user| change.user == Some(user));
        is_users && args.since.is_none_or(|since| change.changed_at >= since)
    });
    let json: Vec<_> = changes
        .iter()
        .map(|change| {
            json!({
                "changed_at": change.changed_at.to_string(),
                "operator": change.operator,
                "kind": change.kind,
                "user": change.user,
                "detail": change.detail,
            })
        })
        .collect();
    let json = json!({ "changes": json });
    if changes.is_empty() {
        return Ok(Report::new("No changes found.", json));
    }
    let rows: Vec<_> = changes
        .into_iter()
        .map(|change| {
            let user = change.user.map(|user| user.to_string());
            [
                change.changed_at.to_string(),
                change.kind,
                user.unwrap_or_else(|| "-".to_owned()),
                change.detail.unwrap_or_else(|| "-".to_owned()),
                change.operator,
            ]
        })
        .collect();
    let head = ["changed at", "kind", "user", "detail", "operator"];
    Ok(Report::new(table(head, &rows), json))
}

/// Returns the id of a user, who may have been deleted if the id is given.
async fn id_of(context: &Context, user: &UserRef) -> Result<UserId, Error> {
    match user {
        UserRef::Id(id) => Ok(*id),
        UserRef::Digits(id, _) => Ok(user.find(context).await?.map_or(*id, |user| user.id)),
        UserRef::Email(_) | UserRef::Username(_) => Ok(user.require(context).await?.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_begins_at_a_date_or_a_time() {
        let since = |text: &str| parse_since(text).map(Timestamp::unix).ok();
        assert_eq!(since("2026-01-31"), Some(1_769_817_600));
        assert_eq!(since("2026-01-31T12:00:00Z"), Some(1_769_860_800));
        assert_eq!(since("2026-01-31T12:00:00+02:00"), Some(1_769_853_600));
        for text in ["", "yesterday", "2026-02-30", "31.01.2026", "1900-01-01"] {
            assert_eq!(since(text), None, "{text}");
        }
    }
}
