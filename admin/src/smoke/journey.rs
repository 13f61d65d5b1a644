//! The steps of a new user's first minutes, including requests that must fail.

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    domain::{mail::State, user_id::UserId},
    store::transient::MailKey,
};

use super::{
    api::{Api, ApiResponse},
    expectations::{check, expect, kid, part, token},
    step::{Outcome, Step},
    test_user::{AccountState, TestUser},
};
use crate::{connection::Context, error::Error, report::span};

/// Time between two looks at the reset mail.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// A run through the steps. Ends at the first step that fails.
pub(crate) struct Journey<'a> {
    context: &'a Context,
    api: &'a Api,
    mail_timeout: Duration,
    pub(crate) steps: Vec<Step>,
}

impl<'a> Journey<'a> {
    pub(crate) const fn new(context: &'a Context, api: &'a Api, mail_timeout: u64) -> Self {
        Self {
            context,
            api,
            mail_timeout: Duration::from_secs(mail_timeout),
            steps: Vec::new(),
        }
    }

    /// Returns true if no step failed.
    pub(crate) async fn run(&mut self, user: &mut TestUser) -> bool {
        let result = self.run_steps(user).await;
        if let (Err(error), Some(step)) = (&result, self.steps.last_mut()) {
            step.outcome = Outcome::Failed(error.to_string());
        }
        result.is_ok()
    }

    async fn run_steps(&mut self, user: &mut TestUser) -> Result<(), Error> {
        let first = self.sign_up(user).await?;
        let second = self.log_in("log in", user).await?;
        self.read_and_change(user, &second).await?;
        self.get_access_token(&second).await?;
        self.be_rejected(user).await?;
        self.log_out(user, &first, &second).await?;
        let third = self.change_password(user, &first).await?;
        self.change_email(user, &third).await?;
        self.request_reset(user).await?;
        self.await_mail(user).await?;
        self.check_keys(&first).await?;
        self.delete_account(user, &third).await
    }

    async fn sign_up(&mut self, user: &mut TestUser) -> Result<String, Error> {
        self.begin("sign up");
        let body =
            json!({"username": user.username, "email": user.email, "password": user.password});
        let response = self
            .api
            .call("POST /auth/signup", None, Some(&body))
            .await?;
        if (400..500).contains(&response.status) {
            user.account = AccountState::Rejected;
        }
        let response = expect("POST /auth/signup", response, 201)?;
        let id = response.at("/user/id").as_u64();
        let id = id.ok_or_else(|| Error::message("the response contains no id"))?;
        user.account = AccountState::Created(id);
        token(&response)
    }

    async fn log_in(&mut self, name: &'static str, user: &TestUser) -> Result<String, Error> {
        self.begin(name);
        let body = json!({"email": user.email, "password": user.password});
        let response = self
            .send("POST /auth/login", None, Some(&body), 200)
            .await?;
        token(&response)
    }

    async fn read_and_change(&mut self, user: &TestUser, session: &str) -> Result<(), Error> {
        self.begin("read the user's own record");
        let own = user.own_record();
        let read = self.send(&own, Some(session), None, 200).await?;
        check(
            read.at("/username") == user.username.as_str(),
            "the response is about another user",
        )?;
        self.begin("change a name");
        let change = json!({"current-password": user.password, "first_name": "Smoke"});
        self.update(session, &change).await?;
        let read = self.send(&own, Some(session), None, 200).await?;
        check(
            read.at("/first_name") == "Smoke",
            "the change was not stored",
        )
    }

    /// Requests an access token and checks that its issuer's documents name the key. On a new deployment this creates the
    /// first key of access tokens.
    async fn get_access_token(&mut self, session: &str) -> Result<(), Error> {
        self.begin("get an access token whose key is published");
        let response = self
            .send("POST /auth/token", Some(session), None, 200)
            .await?;
        let token = response.at("/access_token").as_str();
        let token = token.ok_or_else(|| Error::message("the response contains no token"))?;
        let route = "GET /.well-known/openid-configuration";
        let discovery = self.send(route, None, None, 200).await?;
        let issuer = part(token, 1).and_then(|claims| claims.get("iss").cloned());
        check(
            issuer.is_some_and(|issuer| discovery.at("/issuer") == &issuer),
            "the token's issuer is not the one of the discovery document",
        )?;
        self.check_published(token).await
    }

    async fn be_rejected(&mut self, user: &TestUser) -> Result<(), Error> {
        self.begin("reject a wrong password");
        let body = json!({"email": user.email, "password": "not the password"});
        self.send("POST /auth/login", None, Some(&body), 401)
            .await?;
        self.begin("reject a request without a token");
        self.send(&user.own_record(), None, None, 401).await?;
        Ok(())
    }

    async fn log_out(&mut self, user: &TestUser, first: &str, second: &str) -> Result<(), Error> {
        self.begin("log out of one session only");
        let own = user.own_record();
        self.send("POST /auth/logout", Some(second), None, 204)
            .await?;
        self.send(&own, Some(second), None, 401).await?;
        self.send(&own, Some(first), None, 200).await?;
        Ok(())
    }

    /// Returns the token of a session that was started with the new password.
    async fn change_password(
        &mut self,
        user: &mut TestUser,
        session: &str,
    ) -> Result<String, Error> {
        self.begin("change the password");
        let new = self.context.random.name();
        let change = json!({"current-password": user.password, "password": new});
        self.update(session, &change).await?;
        user.password = new;
        self.log_in("log in with the new password", user).await
    }

    async fn change_email(&mut self, user: &mut TestUser, session: &str) -> Result<(), Error> {
        self.begin("change the e-mail address");
        let new = user.email.replacen("success+", "success+new-", 1);
        let change = json!({"current-password": user.password, "email": new});
        let changed = self.update(session, &change).await?;
        if changed.at("/pending_email") == new.as_str() {
            return Ok(());
        }
        check(
            changed.at("/email") == new.as_str(),
            "the change was not stored",
        )?;
        user.email = new;
        Ok(())
    }

    async fn request_reset(&mut self, user: &TestUser) -> Result<(), Error> {
        self.begin("request a password reset");
        let body = json!({"email": user.email});
        self.send("POST /api/passwords/reset_password", None, Some(&body), 200)
            .await?;
        Ok(())
    }

    /// Waits until the reset mail is sent.
    async fn await_mail(&mut self, user: &TestUser) -> Result<(), Error> {
        self.begin("send the reset mail");
        let table = &self.context.transient_table;
        if !table.is_explicit {
            let reason = "name the table of mails with --transient-table to test this";
            if let Some(step) = self.steps.last_mut() {
                step.outcome = Outcome::Skipped(reason.to_owned());
            }
            return Ok(());
        }
        let id = UserId::new(user.id()).map_err(|error| Error::new("invalid id", &error))?;
        let key = MailKey::reset(id);
        let poll = async {
            loop {
                match self
                    .context
                    .transient
                    .mail(&key)
                    .await?
                    .map(|mail| mail.state)
                {
                    Some(State::Queued) => tokio::time::sleep(POLL_INTERVAL).await,
                    Some(State::Sent) => return Ok(()),
                    Some(State::Failed) => {
                        return Err(Error::message(
                            "the mail failed; `admin mails show --failed` shows the reason",
                        ));
                    }
                    Some(State::Dropped) => {
                        return Err(Error::message("the mail was dropped"));
                    }
                    None => {
                        return Err(Error::message(format!(
                            "the mail is not in the table {}. Does the API use another one?",
                            table.name
                        )));
                    }
                }
            }
        };
        let result = tokio::time::timeout(self.mail_timeout, poll).await;
        result.unwrap_or_else(|_| {
            Err(Error::message(format!(
                "the mail is still queued after {}; look at the logs of send_mail",
                span(self.mail_timeout.as_secs())
            )))
        })
    }

    async fn delete_account(&mut self, user: &mut TestUser, session: &str) -> Result<(), Error> {
        self.begin("delete the account");
        let body = json!({"current-password": user.password});
        let route = "POST /api/users/delete_account";
        self.send(route, Some(session), Some(&body), 204).await?;
        self.send(&user.own_record(), Some(session), None, 401)
            .await?;
        user.account = AccountState::Deleted;
        Ok(())
    }

    /// Checks that the key that signed the token is published.
    async fn check_keys(&mut self, token: &str) -> Result<(), Error> {
        self.begin("find the signing key among the public keys");
        self.check_published(token).await
    }

    async fn check_published(&self, token: &str) -> Result<(), Error> {
        let jwks = self
            .send("GET /.well-known/jwks.json", None, None, 200)
            .await?;
        let kid = kid(token);
        let keys = jwks.at("/keys").as_array().map(Vec::as_slice);
        let is_published = keys
            .unwrap_or_default()
            .iter()
            .any(|key| key.get("kid") == kid.as_ref());
        check(kid.is_some() && is_published, "it is not published")
    }

    fn begin(&mut self, name: &'static str) {
        self.steps.push(Step {
            name,
            outcome: Outcome::Passed,
        });
    }

    async fn update(&self, session: &str, change: &Value) -> Result<ApiResponse, Error> {
        let route = "PATCH /api/users/update_details";
        self.send(route, Some(session), Some(change), 200).await
    }

    /// Sends a request that must return the status `expected`.
    async fn send(
        &self,
        route: &str,
        token: Option<&str>,
        body: Option<&Value>,
        expected: u16,
    ) -> Result<ApiResponse, Error> {
        expect(route, self.api.call(route, token, body).await?, expected)
    }
}
