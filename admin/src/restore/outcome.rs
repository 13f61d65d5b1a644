//! The results of a run, as a report.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::domain::user_id::UserId;

use super::{
    prepare::Written,
    survey::{MarkerIssue, Survey},
};
use crate::report::Report;

/// Results of a run.
pub(super) struct Outcome {
    pub(super) survey: Survey,
    /// The deleted users that were removed.
    pub(super) removed: BTreeSet<UserId>,
    pub(super) prepared: Written,
    /// Empty unless a list of ids was given.
    pub(super) voided: Written,
    pub(super) repaired: Vec<MarkerIssue>,
    pub(super) unrepaired: Vec<MarkerIssue>,
}

impl Outcome {
    pub(super) fn report(&self, table: &str) -> Report {
        let failed = [("prepared", &self.prepared), ("voided", &self.voided)];
        let failed: Vec<_> = failed
            .into_iter()
            .flat_map(|(what, written)| {
                let describe =
                    move |(id, error): &(UserId, _)| format!("user {id} was not {what}: {error}");
                written.failed.iter().map(describe)
            })
            .collect();
        let unreadable = self
            .survey
            .unreadable
            .iter()
            .map(|key| format!("the item {key} cannot be deserialized"));
        let describe = |issues: &[MarkerIssue]| {
            let lines = issues.iter().map(MarkerIssue::describe);
            lines.collect::<Vec<_>>()
        };
        let (repaired, invalid) = (describe(&self.repaired), describe(&self.unrepaired));
        let label = |label: &'static str| move |line: &String| format!("{label}: {line}");
        let mut lines = self.summary(table);
        lines.extend(repaired.iter().map(label("repaired")));
        lines.extend(invalid.iter().map(label("invalid")));
        lines.extend(unreadable.map(|line| format!("invalid: {line}")));
        lines.extend(failed.iter().map(label("failed")));
        lines.push(self.next_step(table));
        let superusers = self.survey.superusers.iter();
        let superusers: Vec<_> = superusers
            .map(|(id, username)| json!({"id": id, "username": username}))
            .collect();
        let json: Value = json!({
            "table": table,
            "removed": self.removed,
            "prepared": self.prepared.done.len(),
            "prepared_before": self.survey.prepared,
            "superusers": superusers,
            "voided": self.voided.done,
            "unknown_ids": self.voided.missing,
            "valid_markers": self.survey.valid_markers(),
            "repaired": repaired,
            "invalid": invalid,
            "unreadable": self.survey.unreadable,
            "failed": failed,
        });
        Report::new(lines.join("\n"), json).with_success(self.is_success())
    }

    fn summary(&self, table: &str) -> Vec<String> {
        let survey = &self.survey;
        let mut lines = vec![format!(
            "Users: {} prepared now, {} before. Their sessions have ended and their reset links are invalid.",
            self.prepared.done.len(),
            survey.prepared
        )];
        if !self.removed.is_empty() {
            let ids: Vec<_> = self.removed.iter().map(UserId::to_string).collect();
            lines.push(format!(
                "Deleted users: {} removed, with their addresses and usernames: {}.",
                ids.len(),
                ids.join(", ")
            ));
        }
        lines.push(if survey.superusers.is_empty() {
            "Superusers: none.".to_owned()
        } else {
            let names: Vec<_> = survey
                .superusers
                .iter()
                .map(|(id, username)| format!("{username} (id {id})"))
                .collect();
            format!(
                "Superusers: {}. To revoke one: admin --users-table {table} superuser revoke id:…",
                names.join(", ")
            )
        });
        if !self.voided.done.is_empty() {
            lines.push(format!(
                "Passwords: {} voided. These users have to reset their password.",
                self.voided.done.len()
            ));
        }
        if !self.voided.missing.is_empty() {
            let ids: Vec<_> = self.voided.missing.iter().map(UserId::to_string).collect();
            lines.push(format!("Not in this table: {}.", ids.join(", ")));
        }
        lines.push(format!(
            "Markers: {} valid, {} repaired, {} invalid.",
            survey.valid_markers(),
            self.repaired.len(),
            self.unrepaired.len()
        ));
        lines
    }

    fn has_failed(&self) -> bool {
        !self.prepared.failed.is_empty() || !self.voided.failed.is_empty()
    }

    fn is_success(&self) -> bool {
        self.unrepaired.is_empty() && self.survey.unreadable.is_empty() && !self.has_failed()
    }

    /// The operator's next step.
    fn next_step(&self, table: &str) -> String {
        let is_repairable = |issue: &MarkerIssue| !matches!(issue, MarkerIssue::Conflicting { .. });
        let needs_repair = self.unrepaired.iter().any(is_repairable);
        if self.is_success() {
            format!(
                "Next, deploy the stack with UsersTableName={table}: \"Restore the table of users\" in docs/restoring.md."
            )
        } else if self.has_failed() || !self.survey.unreadable.is_empty() {
            "Next, fix or delete these items by hand and run this command again with --resume."
                .to_owned()
        } else if needs_repair {
            "Next, run this command again with --repair.".to_owned()
        } else {
            "Next, fix these items by hand and run this command again.".to_owned()
        }
    }
}
