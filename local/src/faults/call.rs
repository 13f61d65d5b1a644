//! A call of the API of DynamoDB, SES, EventBridge or EventBridge Scheduler.

use hyper::{
    Method,
    header::{AUTHORIZATION, HeaderMap},
    http::request::Parts,
};
use serde_json::Value;

/// A call of the API of a service.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function that made the call: the development server has each function sign with its own name.
    pub function: String,
    /// The operation, such as `GetItem`.
    pub operation: String,
    /// The SDK's id of the call, the same for all its attempts.
    pub invocation: String,
    /// The request.
    pub body: Value,
    /// The capacity units that DynamoDB charged.
    pub units: f64,
}

/// One action on one item, which needs a permission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// The function that made the call.
    pub function: String,
    /// IAM's name of the action, such as `PutItem` for the `Put` of a transaction.
    pub action: String,
    /// The table.
    pub table: String,
    /// The partition key.
    pub key: String,
}

impl Call {
    /// The call that a request makes.
    #[must_use]
    pub fn new(head: &Parts, body: &[u8]) -> Self {
        let id = head.headers.get("amz-sdk-invocation-id");
        let id = id.and_then(|id| id.to_str().ok()).unwrap_or_default();
        Self {
            function: signer(&head.headers).unwrap_or_default().to_owned(),
            operation: operation(head).to_owned(),
            invocation: id.to_owned(),
            // A DELETE has no body.
            body: serde_json::from_slice(body).unwrap_or(Value::Null),
            units: 0.0,
        }
    }

    /// Returns true if `text` occurs anywhere in the request.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.body.to_string().contains(text)
    }

    /// Returns true for a write.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !["GetItem", "BatchGetItem", "Query", "Scan"].contains(&self.operation.as_str())
    }

    /// The accesses that need a permission: those of a transaction's parts, and none for calls of SES.
    #[must_use]
    pub fn accesses(&self) -> Vec<Access> {
        let of = |action: String, request: &Value| {
            let (table, key) = table_and_key(request)?;
            let function = self.function.clone();
            Some(Access {
                function,
                action,
                table,
                key,
            })
        };
        match self.transaction() {
            Some(parts) => parts
                .filter_map(|(part, request)| {
                    let action = match part.as_str() {
                        "ConditionCheck" => "ConditionCheckItem".to_owned(),
                        _ => format!("{part}Item"),
                    };
                    of(action, request)
                })
                .collect(),
            None => of(self.operation.clone(), &self.body).into_iter().collect(),
        }
    }

    /// Table and key of every item of the request.
    #[must_use]
    pub fn keys(&self) -> Vec<(String, String)> {
        match self.transaction() {
            Some(parts) => parts
                .filter_map(|(_, request)| table_and_key(request))
                .collect(),
            None => table_and_key(&self.body).into_iter().collect(),
        }
    }

    /// The parts of a transaction: the kind and the request of each; `None` if the call is no transaction.
    fn transaction(&self) -> Option<impl Iterator<Item = (&String, &Value)>> {
        let items = self.body.get("TransactItems")?.as_array()?;
        Some(items.iter().filter_map(Value::as_object).flatten())
    }
}

fn table_and_key(request: &Value) -> Option<(String, String)> {
    let table = request.get("TableName")?.as_str()?;
    let key = request
        .pointer("/Key/pk/S")
        .or_else(|| request.pointer("/Item/pk/S"))?;
    Some((table.to_owned(), key.as_str()?.to_owned()))
}

/// The access key that a request is signed with.
fn signer(headers: &HeaderMap) -> Option<&str> {
    let signature = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = signature.split_once("Credential=")?;
    credential.split('/').next()
}

/// The operation of a call. DynamoDB and EventBridge name it in a header; of SES one operation is used, and of EventBridge
/// Scheduler two.
fn operation(head: &Parts) -> &str {
    let target = head.headers.get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok());
    let is_schedule = head.uri.path().starts_with("/schedules/");
    match target {
        Some(target) => target.rsplit('.').next().unwrap_or_default(),
        None if is_schedule && head.method == Method::DELETE => "DeleteSchedule",
        None if is_schedule => "CreateSchedule",
        None => "SendEmail",
    }
}
