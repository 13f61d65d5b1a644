//! What a new user does in the first minute, and what must not work.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::api::{Answer, Api};
use crate::{connection::Admin, failure::Failure};

/// The traveller: a user whom nobody else is, with a password that nobody gets to see.
pub(crate) struct Traveller {
    pub(crate) username: String,
    /// At SES's mailbox simulator, which takes every mail and never bounces one.
    pub(crate) email: String,
    password: String,
    /// Known once the sign-up has gone well.
    pub(crate) id: Option<u64>,
}

/// A step, and how it went.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// What was wrong.
    pub(crate) problem: Option<String>,
}

impl Traveller {
    pub(crate) fn new(admin: &Admin) -> Self {
        let name: String = admin.random.name().chars().take(20).collect();
        Self {
            username: format!("smoke-{name}"),
            email: format!("success+{name}@simulator.amazonses.com"),
            password: admin.random.name(),
            id: None,
        }
    }
}

/// A journey under way: ends at the first step that goes wrong.
pub(crate) struct Journey<'a> {
    api: &'a Api,
    pub(crate) steps: Vec<Step>,
}

impl<'a> Journey<'a> {
    pub(crate) const fn through(api: &'a Api) -> Self {
        Self {
            api,
            steps: Vec::new(),
        }
    }

    /// Whether it went well to its end.
    pub(crate) async fn go(&mut self, traveller: &mut Traveller) -> bool {
        let went = self.walk(traveller).await;
        if let (Err(failure), Some(step)) = (&went, self.steps.last_mut()) {
            step.problem = Some(failure.to_string());
        }
        went.is_ok()
    }

    async fn walk(&mut self, traveller: &mut Traveller) -> Result<(), Failure> {
        let first = self.sign_up(traveller).await?;
        let second = self.log_in(traveller).await?;
        self.read_and_change(traveller, &second).await?;
        self.refused(traveller).await?;
        self.log_out(traveller, &first, &second).await?;
        self.check_keys(&first).await
    }

    async fn sign_up(&mut self, traveller: &mut Traveller) -> Result<String, Failure> {
        self.begin("sign up");
        let body = json!({"username": traveller.username, "email": traveller.email, "password": traveller.password});
        let answer = self
            .ask("POST /auth/signup", None, Some(&body), 201)
            .await?;
        traveller.id = answer.at("/user/id").as_u64();
        check(traveller.id.is_some(), "the answer names no id")?;
        token(&answer)
    }

    async fn log_in(&mut self, traveller: &Traveller) -> Result<String, Failure> {
        self.begin("log in");
        let body = json!({"email": traveller.email, "password": traveller.password});
        let answer = self.ask("POST /auth/login", None, Some(&body), 200).await?;
        token(&answer)
    }

    async fn read_and_change(
        &mut self,
        traveller: &Traveller,
        session: &str,
    ) -> Result<(), Failure> {
        self.begin("read one's own details");
        let own = own(traveller);
        let read = self.ask(&own, Some(session), None, 200).await?;
        check(
            read.at("/username") == traveller.username.as_str(),
            "the answer is about somebody else",
        )?;
        self.begin("change a name");
        let change = json!({"current-password": traveller.password, "first_name": "Smoke"});
        let route = "PATCH /api/users/update_details";
        self.ask(route, Some(session), Some(&change), 200).await?;
        let again = self.ask(&own, Some(session), None, 200).await?;
        check(again.at("/first_name") == "Smoke", "the change was lost")
    }

    async fn refused(&mut self, traveller: &Traveller) -> Result<(), Failure> {
        self.begin("be refused with a wrong password");
        let body = json!({"email": traveller.email, "password": "not the password"});
        self.ask("POST /auth/login", None, Some(&body), 401).await?;
        self.begin("be refused without a token");
        self.ask(&own(traveller), None, None, 401).await.map(drop)
    }

    async fn log_out(
        &mut self,
        traveller: &Traveller,
        first: &str,
        second: &str,
    ) -> Result<(), Failure> {
        self.begin("log out, of one session alone");
        let own = own(traveller);
        self.ask("POST /auth/logout", Some(second), None, 204)
            .await?;
        self.ask(&own, Some(second), None, 401).await?;
        self.ask(&own, Some(first), None, 200).await?;
        self.ask("POST /auth/logout", Some(first), None, 204)
            .await
            .map(drop)
    }

    /// The key that signed the token must be among the public ones.
    async fn check_keys(&mut self, token: &str) -> Result<(), Failure> {
        self.begin("find the key that signed among the public ones");
        let jwks = self
            .ask("GET /.well-known/jwks.json", None, None, 200)
            .await?;
        let kid = kid(token);
        let keys = jwks.at("/keys").as_array().map(Vec::as_slice);
        let is_there = keys
            .unwrap_or_default()
            .iter()
            .any(|key| key.get("kid") == kid.as_ref());
        check(kid.is_some() && is_there, "it is not there")
    }

    fn begin(&mut self, name: &'static str) {
        self.steps.push(Step {
            name,
            problem: None,
        });
    }

    async fn ask(
        &self,
        request: &str,
        token: Option<&str>,
        body: Option<&Value>,
        expected: u16,
    ) -> Result<Answer, Failure> {
        let answer = self.api.call(request, token, body).await?;
        if answer.status == expected {
            return Ok(answer);
        }
        let code = answer.at("/code").as_str().map(|code| format!(" ({code})"));
        Err(Failure::said(format!(
            "{request} answered {}{} and not {expected}",
            answer.status,
            code.unwrap_or_default()
        )))
    }
}

fn own(traveller: &Traveller) -> String {
    format!("GET /api/users/{}", traveller.id.unwrap_or_default())
}

fn check(holds: bool, problem: &str) -> Result<(), Failure> {
    if holds {
        Ok(())
    } else {
        Err(Failure::said(problem))
    }
}

fn token(answer: &Answer) -> Result<String, Failure> {
    let token = answer.at("/token").as_str().map(str::to_owned);
    token.ok_or_else(|| Failure::said("the answer holds no token"))
}

/// The key that a token's header names.
fn kid(token: &str) -> Option<Value> {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
    let mut header: Value = serde_json::from_slice(&header).ok()?;
    header.get_mut("kid").map(Value::take)
}
