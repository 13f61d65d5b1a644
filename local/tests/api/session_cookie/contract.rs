//! The cookie in responses, and the sessions that it carries.

use serde_json::{Value, json};

use crate::support::{
    app::{PASSWORD, TestApp, event},
    browser::{Browser, log_in_body, set_cookie, sign_up_body},
    paths::{DELETE_ACCOUNT, LOG_IN, SIGN_UP, TOKEN, UPDATE_DETAILS},
    response::{Response, problem},
};

/// The header that deletes the cookie on the development server.
const DELETED: &str = "session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0";

/// The development server with the parameter of the template.
async fn start() -> TestApp {
    TestApp::with_settings(&[("SessionCookie", "true")]).await
}

fn names(response: &Response) -> Vec<String> {
    let body = response.json();
    body.as_object().unwrap().keys().cloned().collect()
}

mod case_66_session_cookie {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_token_is_in_the_cookie_only() {
        // The setting as AWS has it.
        let app = TestApp::with_settings(&[("SESSION_COOKIE", "true")]).await;
        let browser = Browser::new(&app);
        let mut tokens = Vec::new();
        for response in [browser.sign_up("john").await, browser.log_in("john").await] {
            let cookie = set_cookie(&response).unwrap();
            // Browsers refuse a longer one (RFC 6265bis, section 5.6).
            assert!(cookie.len() < 4_096, "{cookie}");
            let (token, attributes) = cookie.split_once(';').unwrap();
            let expected = " Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=1209600";
            assert_eq!(attributes, expected);
            let token = token.strip_prefix("__Host-session=").unwrap().to_owned();
            assert_eq!(names(&response), ["user"]);
            assert!(!response.text.contains(&token));
            tokens.push(token);
        }
        assert_ne!(tokens[0], tokens[1]);
        let sessions = browser.call("GET", "/auth/sessions").await.json();
        assert_eq!(sessions["sessions"].as_array().unwrap().len(), 2);
        // A rejected request sets none.
        let wrong = json!({"username": "john", "password": "not the password"});
        for (path, body) in [(LOG_IN, wrong), (LOG_IN, json!({})), (SIGN_UP, json!({}))] {
            let response = browser.call_with("POST", path, &body).await;
            assert!([400, 401].contains(&response.status), "{response:?}");
            assert_eq!(set_cookie(&response), None);
        }
        assert!(browser.cookie().is_some());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_page_works_with_the_cookie_alone() {
        let app = start().await;
        let browser = Browser::new(&app);
        let user = browser.sign_up("john").await.json()["user"].clone();
        let own = format!("/api/users/{}", user["id"]);
        let read = browser.call("GET", &own).await;
        assert_eq!((read.status, read.json()), (200, user));
        let change = json!({"current-password": PASSWORD, "first_name": "John"});
        let changed = browser.call_with("PATCH", UPDATE_DETAILS, &change).await;
        assert_eq!((changed.status, set_cookie(&changed)), (200, None));
        let access_token = browser.call("POST", TOKEN).await;
        assert_eq!(access_token.status, 200, "{access_token:?}");
        // An access token is no session token, in a cookie either.
        let token = access_token.json()["access_token"].clone();
        let request = app.request(reqwest::Method::GET, &own);
        let request = request.header("cookie", format!("session={}", token.as_str().unwrap()));
        assert_eq!(app.send(request).await.status, 401);
        let logged_out = browser.call("POST", "/auth/logout").await;
        assert_eq!((logged_out.status, logged_out.text.as_str()), (204, ""));
        assert_eq!(set_cookie(&logged_out), Some(DELETED));
        assert_eq!(browser.cookie(), None);
        assert_eq!(browser.call("GET", &own).await.status, 401);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_ends_the_calling_session_deletes_the_cookie() {
        let app = start().await;
        let (browser, other) = (Browser::new(&app), Browser::new(&app));
        browser.sign_up("john").await;
        other.log_in("john").await;
        let sessions = browser.call("GET", "/auth/sessions").await.json()["sessions"].clone();
        let [theirs, own] = [0, 1].map(|at: usize| {
            assert_eq!(sessions[at]["current"], at == 1);
            format!("/auth/sessions/{}", sessions[at]["id"].as_str().unwrap())
        });
        let ended = browser.call("DELETE", &theirs).await;
        assert_eq!((ended.status, set_cookie(&ended)), (204, None));
        let unknown = browser.call("DELETE", &theirs).await;
        assert_eq!((unknown.status, set_cookie(&unknown)), (404, None));
        // The other browser learns it from the next response.
        let rejected = other.call("GET", "/auth/sessions").await;
        assert_eq!(rejected.problem(), problem(401, "not_authenticated"));
        assert_eq!(set_cookie(&rejected), Some(DELETED));
        assert_eq!(other.cookie(), None);
        let password = json!({"current-password": PASSWORD});
        for (method, path, body) in [
            ("DELETE", own.as_str(), Value::Null),
            ("DELETE", "/auth/sessions", Value::Null),
            ("POST", DELETE_ACCOUNT, password),
        ] {
            let ended = browser.call_with(method, path, &body).await;
            assert_eq!(ended.status, 204, "{path}: {ended:?}");
            assert_eq!(set_cookie(&ended), Some(DELETED), "{path}");
            assert_eq!(browser.cookie(), None);
            if path != DELETE_ACCOUNT {
                browser.log_in("john").await;
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn events_have_cookies_in_a_list_of_their_own() {
        let app = TestApp::with_settings(&[("SESSION_COOKIE", "true")]).await;
        let invoke = async |function: &str, change: &dyn Fn(&mut Value)| {
            let mut event = event(function);
            change(&mut event);
            let event = serde_json::value::to_raw_value(&event).unwrap();
            let returned = app.server.invoke(function, event).await.unwrap();
            serde_json::from_str::<Value>(returned.get()).unwrap()
        };
        let created = invoke("sign_up", &|event| {
            event["body"] = json!(sign_up_body("john").to_string());
            event["isBase64Encoded"] = json!(false);
            event["headers"]["sec-fetch-site"] = json!("same-origin");
        })
        .await;
        assert_eq!(created["statusCode"], 201, "{created}");
        assert_eq!(created["headers"]["set-cookie"], Value::Null);
        let [cookie] = created["cookies"].as_array().unwrap().as_slice() else {
            panic!("{created}");
        };
        let cookie = cookie.as_str().unwrap().split(';').next().unwrap();
        app.log_watch.add(cookie.split_once('=').unwrap().1);
        let read = invoke("sessions", &|event| {
            event["headers"]
                .as_object_mut()
                .unwrap()
                .remove("authorization");
            event["cookies"] = json!(["theme=dark", cookie, "lang=d\u{e9}"]);
        })
        .await;
        assert_eq!(read["statusCode"], 200, "{read}");
        assert_eq!(read["cookies"], json!([]));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn without_the_setting_cookies_are_ignored() {
        let app = TestApp::start().await;
        let user = app.sign_up("john").await;
        let response = app.post(LOG_IN, &log_in_body("john")).await;
        assert_eq!(names(&response), ["token", "user"]);
        assert_eq!(set_cookie(&response), None);
        let path = format!("/api/users/{}", user.id);
        for name in ["session", "__Host-session"] {
            let request = || {
                let request = app.request(reqwest::Method::GET, &path);
                request.header("cookie", format!("{name}={}", user.token))
            };
            let alone = app.send(request()).await;
            assert_eq!(alone.problem(), problem(401, "not_authenticated"));
            assert_eq!(set_cookie(&alone), None);
            let header = format!("Bearer {}", user.token);
            let beside = app.send(request().header("authorization", header)).await;
            assert_eq!(beside.status, 200);
        }
        assert_eq!(set_cookie(&app.log_out(&user.token).await), None);
    }
}
