//! The products: how each is started, and its requests.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, SET_COOKIE},
};
use serde_json::{Value, json};

use crate::Result;

use super::accounts::Account;

/// The key that signs tokens and cookies. It protects nothing: the servers listen on loopback while they are measured.
pub const SECRET: &str = "the-key-of-a-server-that-lives-for-a-minute";

/// A product that is measured.
#[derive(Clone, Debug)]
pub struct Product {
    /// The name in the tables.
    pub name: &'static str,
    /// The API that it has.
    pub api: Api,
    /// The folder of the application, in which it is started.
    pub folder: PathBuf,
    /// The program and its arguments, without the port.
    pub command: Vec<String>,
    /// The option before the address or the port.
    pub listen: Listen,
    /// The database as it is after the installation; in memory, if there is none.
    pub database: Option<Database>,
}

/// The file of a database.
#[derive(Clone, Debug)]
pub struct Database {
    /// The file that each start copies; the product creates its own, if there is none.
    pub template: Option<PathBuf>,
    /// The option for the name of the file; the environment variable `DATABASE` has it as well.
    pub option: Option<&'static str>,
}

/// How a server is given its port.
#[derive(Clone, Copy, Debug)]
pub enum Listen {
    /// As `OPTION PORT`.
    Port(&'static str),
    /// As `OPTION 127.0.0.1:PORT`.
    Address(&'static str),
    /// As the environment variable `PORT`.
    Environment,
}

/// The API of a product.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Api {
    /// This project's.
    Latchkey,
    /// djoser's, with its tokens.
    Djoser,
    /// fastapi-users', with JWTs.
    FastapiUsers,
    /// better-auth's, with its cookies.
    BetterAuth,
}

/// A request.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The header fields besides those of the connection.
    pub headers: Vec<(reqwest::header::HeaderName, String)>,
    /// The body.
    pub body: String,
    /// The status of a success.
    pub status: u16,
}

impl Product {
    /// True for this project's.
    pub fn is_ours(&self) -> bool {
        self.api == Api::Latchkey
    }

    /// The command for a server on `port` with the database in `database`.
    pub fn command(&self, port: u16, database: &Path) -> (Vec<String>, BTreeMap<String, String>) {
        let mut command = self.command.clone();
        match self.listen {
            Listen::Port(option) => command.extend([option.to_owned(), port.to_string()]),
            Listen::Address(option) => {
                command.extend([option.to_owned(), format!("127.0.0.1:{port}")]);
            }
            Listen::Environment => {}
        }
        let database = database.display().to_string();
        if let Some(option) = self.database.as_ref().and_then(|database| database.option) {
            command.extend([option.to_owned(), database.clone()]);
        }
        let environment = BTreeMap::from([
            ("DATABASE".to_owned(), database),
            ("NODE_ENV".to_owned(), "production".to_owned()),
            ("PORT".to_owned(), port.to_string()),
            ("SECRET".to_owned(), SECRET.to_owned()),
        ]);
        (command, environment)
    }
}

impl Api {
    /// The request that creates an account.
    pub fn sign_up(self, account: &Account) -> Call {
        let Account {
            name,
            email,
            password,
            ..
        } = account;
        match self {
            Self::Latchkey => post(
                "/auth/signup",
                201,
                &json!({ "username": name, "email": email, "password": password }),
            ),
            Self::Djoser => post(
                "/auth/users/",
                201,
                &json!({ "username": name, "email": email, "password": password }),
            ),
            Self::FastapiUsers => post(
                "/auth/register",
                201,
                &json!({ "email": email, "password": password }),
            ),
            Self::BetterAuth => post(
                "/api/auth/sign-up/email",
                200,
                &json!({ "name": name, "email": email, "password": password }),
            ),
        }
    }

    /// The request that logs in.
    pub fn log_in(self, account: &Account) -> Call {
        let Account {
            name,
            email,
            password,
            ..
        } = account;
        match self {
            Self::Latchkey => post(
                "/auth/login",
                200,
                &json!({ "username": name, "password": password }),
            ),
            Self::Djoser => post(
                "/auth/token/login/",
                200,
                &json!({ "username": name, "password": password }),
            ),
            Self::FastapiUsers => Call {
                method: Method::POST,
                path: "/auth/jwt/login".to_owned(),
                headers: vec![(CONTENT_TYPE, "application/x-www-form-urlencoded".to_owned())],
                body: format!("username={}&password={password}", email.replace('@', "%40")),
                status: 200,
            },
            Self::BetterAuth => post(
                "/api/auth/sign-in/email",
                200,
                &json!({ "email": email, "password": password }),
            ),
        }
    }

    /// The request that reads the account to which `token` belongs.
    pub fn read(self, id: &str, token: &str) -> Call {
        let (path, headers) = match self {
            Self::Latchkey => (
                format!("/api/users/{id}"),
                vec![(AUTHORIZATION, format!("Bearer {token}"))],
            ),
            Self::Djoser => (
                "/auth/users/me/".to_owned(),
                vec![(AUTHORIZATION, format!("Token {token}"))],
            ),
            Self::FastapiUsers => (
                "/users/me".to_owned(),
                vec![(AUTHORIZATION, format!("Bearer {token}"))],
            ),
            Self::BetterAuth => (
                "/api/auth/get-session".to_owned(),
                vec![(COOKIE, token.to_owned())],
            ),
        };
        Call {
            method: Method::GET,
            path,
            headers,
            body: String::new(),
            status: 200,
        }
    }

    /// The account in the response to a request that creates one.
    pub fn signed_up(self, body: &Value) -> Result<(String, String)> {
        match self {
            Self::Latchkey | Self::BetterAuth => account(&body["user"]),
            Self::Djoser | Self::FastapiUsers => account(body),
        }
    }

    /// The account in the response to a log-in, where that has one.
    pub fn logged_in(self, body: &Value) -> Result<Option<(String, String)>> {
        match self {
            Self::Latchkey | Self::BetterAuth => Ok(Some(account(&body["user"])?)),
            Self::Djoser | Self::FastapiUsers => Ok(None),
        }
    }

    /// The account in the response to a request that reads it.
    pub fn was_read(self, body: &Value) -> Result<(String, String)> {
        match self {
            Self::BetterAuth => account(&body["user"]),
            Self::Latchkey | Self::Djoser | Self::FastapiUsers => account(body),
        }
    }

    /// The token or cookie in the response to a log-in.
    pub fn token(self, headers: &HeaderMap, body: &Value) -> Result<String> {
        let token = match self {
            Self::Latchkey => body["token"].as_str(),
            Self::Djoser => body["auth_token"].as_str(),
            Self::FastapiUsers => body["access_token"].as_str(),
            Self::BetterAuth => {
                let cookie = headers.get(SET_COOKIE).ok_or("no cookie")?.to_str()?;
                cookie.split(';').next()
            }
        };
        match token {
            Some(token) if !token.is_empty() => Ok(token.to_owned()),
            _ => Err(format!("no token in {body}").into()),
        }
    }
}

/// A request with a body in JSON.
pub fn post(path: &str, status: u16, body: &Value) -> Call {
    Call {
        method: Method::POST,
        path: path.to_owned(),
        headers: vec![(CONTENT_TYPE, "application/json".to_owned())],
        body: body.to_string(),
        status,
    }
}

/// The id and the e-mail address.
fn account(user: &Value) -> Result<(String, String)> {
    let id = match &user["id"] {
        Value::String(id) => id.clone(),
        Value::Number(id) => id.to_string(),
        _ => return Err(format!("no id in {user}").into()),
    };
    let email = user["email"].as_str();
    Ok((id, email.ok_or(format!("no address in {user}"))?.to_owned()))
}
