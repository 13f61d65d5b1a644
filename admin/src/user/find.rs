//! `user find` and `user list`: look through the whole table of users.

use serde_json::{Value, json};
use shared::{
    domain::user::User,
    store::database::{Item, read},
};

use crate::{
    command_line::FindArgs,
    connection::Context,
    error::Error,
    report::{Report, table},
    scan::{Estimate, Filter, Progress},
};

pub(crate) async fn run(context: &Context, args: &FindArgs) -> Result<Report, Error> {
    let part = args.text.to_lowercase();
    let matches = |user: &User| {
        let texts = [
            user.email.as_str(),
            user.username.as_str(),
            user.first_name.as_str(),
            user.last_name.as_str(),
        ];
        texts
            .into_iter()
            .any(|text| text.to_lowercase().contains(&part))
    };
    list_matching(context, Filter::keys_with("user#"), matches).await
}

/// Lists the users that `filter` and `matches` select, ordered by username. Says first what reading the table costs.
pub(crate) async fn list_matching(
    context: &Context,
    filter: Filter,
    matches: impl Fn(&User) -> bool,
) -> Result<Report, Error> {
    let table_name = &context.users_table.name;
    let info = context.scanner.describe(table_name).await?;
    let estimate = Estimate::of(&info);
    eprintln!("{}", estimate.sentence(table_name));
    let (mut rows, mut unreadable) = (Vec::new(), 0_u64);
    let take = |item: Item| match read::<User>(item) {
        Ok(user) if matches(&user) => rows.push(Row::of(&user)),
        Ok(_) => {}
        Err(_) => unreadable += 1,
    };
    let progress = Progress::new(estimate.items());
    context
        .scanner
        .each_below(
            table_name,
            filter,
            estimate.units_per_second(),
            progress,
            take,
        )
        .await?;
    if unreadable > 0 {
        eprintln!(
            "warning: {unreadable} users cannot be deserialized and are not shown; \"admin check\" lists them"
        );
    }
    rows.sort_by(|one, other| one.username.cmp(&other.username));
    let json: Vec<_> = rows.iter().map(Row::to_json).collect();
    let json = json!({ "users": json });
    if rows.is_empty() {
        return Ok(Report::new("No users found.", json));
    }
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    let head = [
        "id",
        "username",
        "e-mail address",
        "verified",
        "superuser",
        "disabled",
        "joined",
    ];
    Ok(Report::new(table(head, &cells), json))
}

/// A user in a list.
struct Row {
    id: u64,
    username: String,
    email: String,
    email_verified: bool,
    is_superuser: bool,
    is_disabled: bool,
    date_joined: String,
}

impl Row {
    fn of(user: &User) -> Self {
        Self {
            id: user.id.number(),
            username: user.username.as_str().to_owned(),
            email: user.email.as_str().to_owned(),
            email_verified: user.email_verified,
            is_superuser: user.is_superuser,
            is_disabled: user.is_disabled(),
            date_joined: user.date_joined.to_string(),
        }
    }

    fn cells(&self) -> [String; 7] {
        let yes = |is: bool| if is { "yes" } else { "no" }.to_owned();
        [
            self.id.to_string(),
            self.username.clone(),
            self.email.clone(),
            yes(self.email_verified),
            yes(self.is_superuser),
            yes(self.is_disabled),
            self.date_joined.clone(),
        ]
    }

    fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "username": self.username,
            "email": self.email,
            "email_verified": self.email_verified,
            "is_superuser": self.is_superuser,
            "is_disabled": self.is_disabled,
            "date_joined": self.date_joined,
        })
    }
}
