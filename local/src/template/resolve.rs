//! CloudFormation's intrinsic functions and conditions. An unsupported one is an error.

use std::{collections::BTreeMap, sync::Arc};

use super::value::Value;

/// The region of every local resource.
pub(crate) const REGION: &str = "eu-central-1";
/// The account of every local resource.
pub(crate) const ACCOUNT: &str = "123456789012";

/// The parts of a template that intrinsics refer to.
#[derive(Default)]
pub(super) struct Scope {
    pub parameters: BTreeMap<String, Parameter>,
    pub conditions: Arc<BTreeMap<String, Value>>,
    /// The resource types by logical id.
    pub resources: BTreeMap<String, String>,
}

/// A parameter, with the given value or its default.
pub(super) struct Parameter {
    pub value: Option<String>,
    pub is_list: bool,
}

/// The deepest nesting of intrinsics, which ends the evaluation of a condition that refers to itself.
const MAX_DEPTH: usize = 32;

impl Scope {
    /// Resolves `value` if it is an intrinsic. Its elements can still be intrinsics.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, String> {
        self.resolve_at(value, 0)
    }

    fn resolve_at(&self, value: &Value, depth: usize) -> Result<Value, String> {
        let Value::Intrinsic(name, argument) = value else {
            return Ok(value.clone());
        };
        if depth > MAX_DEPTH {
            return Err("intrinsics nest too deeply".to_owned());
        }
        match (name.as_str(), argument.as_ref()) {
            ("Ref", Value::Text(target)) => self.reference(target),
            ("Sub", Value::Text(pattern)) => self.substitute(pattern).map(Value::Text),
            ("GetAtt", Value::Text(target)) => self.attribute(target).map(Value::Text),
            ("If", Value::List(list)) => self.choose(list, depth + 1),
            ("Split", Value::List(list)) => self.split(list, depth + 1),
            ("Ref" | "Sub" | "GetAtt" | "If" | "Split", argument) => Err(format!(
                "the development server does not support !{name} of {}",
                argument.kind()
            )),
            _ => Err(format!(
                "the development server does not support the intrinsic !{name}"
            )),
        }
    }

    fn choose(&self, arguments: &[Value], depth: usize) -> Result<Value, String> {
        let [Value::Text(condition), yes, no] = arguments else {
            return Err("!If takes a condition and two values".to_owned());
        };
        let chosen = if self.condition_at(condition, depth)? {
            yes
        } else {
            no
        };
        self.resolve_at(chosen, depth)
    }

    fn split(&self, arguments: &[Value], depth: usize) -> Result<Value, String> {
        let [Value::Text(delimiter), whole] = arguments else {
            return Err("!Split takes a delimiter and a string".to_owned());
        };
        match self.resolve_at(whole, depth)? {
            Value::Text(whole) => Ok(list_of(whole.split(delimiter.as_str()))),
            other => Err(format!(
                "!Split takes a delimiter and a string, not {}",
                other.kind()
            )),
        }
    }

    fn reference(&self, target: &str) -> Result<Value, String> {
        if target == "AWS::NoValue" {
            return Ok(Value::Null);
        }
        if let Some(parameter) = self.parameters.get(target) {
            let value = parameter.value.as_deref().ok_or_else(|| {
                format!("the parameter {target} has neither a value nor a Default")
            })?;
            return Ok(if parameter.is_list {
                list_of(value.split(',').map(str::trim))
            } else {
                Value::Text(value.to_owned())
            });
        }
        self.physical_name(target).map(Value::Text)
    }

    /// The value of a pseudo parameter, or the name of a resource.
    fn physical_name(&self, target: &str) -> Result<String, String> {
        match target {
            "AWS::Region" => return Ok(REGION.to_owned()),
            "AWS::AccountId" => return Ok(ACCOUNT.to_owned()),
            "AWS::Partition" => return Ok("aws".to_owned()),
            "AWS::URLSuffix" => return Ok("amazonaws.com".to_owned()),
            "AWS::StackName" => return Ok("local".to_owned()),
            _ => {}
        }
        match self.resources.get(target).map(String::as_str) {
            Some(
                "AWS::DynamoDB::Table"
                | "AWS::Scheduler::ScheduleGroup"
                | "AWS::Serverless::HttpApi"
                | "AWS::SES::ConfigurationSet",
            ) => Ok(target.to_owned()),
            Some(kind) => Err(format!(
                "the development server does not support !Ref of {target}, which is {kind}"
            )),
            None => Err(format!("there is no parameter or resource {target}")),
        }
    }

    fn attribute(&self, target: &str) -> Result<String, String> {
        let (resource, attribute) = target
            .split_once('.')
            .ok_or("!GetAtt takes Resource.Attribute")?;
        match (self.resources.get(resource).map(String::as_str), attribute) {
            (Some("AWS::DynamoDB::Table"), "Arn") => Ok(table_arn(resource)),
            (Some("AWS::DynamoDB::Table"), "StreamArn") => Ok(stream_arn(resource)),
            (Some("AWS::IAM::Role"), "Arn") => {
                Ok(format!("arn:aws:iam::{ACCOUNT}:role/{resource}"))
            }
            (Some(kind), _) => Err(format!(
                "the development server does not support the attribute {attribute} of {resource}, which is {kind}"
            )),
            (None, _) => Err(format!("there is no resource {resource}")),
        }
    }

    fn substitute(&self, pattern: &str) -> Result<String, String> {
        let mut text = String::with_capacity(pattern.len());
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, remaining) = after.split_once('}').ok_or("!Sub has a ${ without a }")?;
            text.push_str(before);
            if let Some(literal) = name.strip_prefix('!') {
                text.extend(["${", literal, "}"]);
            } else if name.contains('.') {
                text.push_str(&self.attribute(name)?);
            } else {
                match self.reference(name)? {
                    Value::Text(value) => text.push_str(&value),
                    other => {
                        return Err(format!(
                            "!Sub cannot replace ${{{name}}} with {}",
                            other.kind()
                        ));
                    }
                }
            }
            rest = remaining;
        }
        text.push_str(rest);
        Ok(text)
    }

    /// Evaluates the condition with this name.
    pub(super) fn condition(&self, name: &str) -> Result<bool, String> {
        self.condition_at(name, 0)
    }

    fn condition_at(&self, name: &str, depth: usize) -> Result<bool, String> {
        let rule = self
            .conditions
            .get(name)
            .ok_or_else(|| format!("there is no condition {name}"))?;
        self.rule(rule, depth + 1)
            .map_err(|problem| format!("condition {name}: {problem}"))
    }

    fn rule(&self, rule: &Value, depth: usize) -> Result<bool, String> {
        if depth > MAX_DEPTH {
            return Err("conditions nest too deeply".to_owned());
        }
        let Value::Intrinsic(name, argument) = rule else {
            return Err(format!("{} is not a condition", rule.kind()));
        };
        match (name.as_str(), argument.as_ref()) {
            ("Condition", Value::Text(other)) => self.condition_at(other, depth + 1),
            ("Equals", Value::List(list)) => match list.as_ref() {
                [left, right] => {
                    Ok(self.resolve_at(left, depth + 1)? == self.resolve_at(right, depth + 1)?)
                }
                _ => Err("!Equals takes two values".to_owned()),
            },
            ("Not", Value::List(list)) => match list.as_ref() {
                [inner] => Ok(!self.rule(inner, depth + 1)?),
                _ => Err("!Not takes one condition".to_owned()),
            },
            ("And", Value::List(list)) => self
                .rules(list, depth)
                .map(|all| all.iter().all(|is_true| *is_true)),
            ("Or", Value::List(list)) => self
                .rules(list, depth)
                .map(|all| all.iter().any(|is_true| *is_true)),
            _ => Err(format!(
                "the development server does not support the condition !{name}"
            )),
        }
    }

    fn rules(&self, rules: &[Value], depth: usize) -> Result<Vec<bool>, String> {
        rules
            .iter()
            .map(|rule| self.rule(rule, depth + 1))
            .collect()
    }
}

fn list_of<'a>(items: impl Iterator<Item = &'a str>) -> Value {
    Value::List(items.map(|item| Value::Text(item.to_owned())).collect())
}

/// The ARN of the table with this name.
pub(super) fn table_arn(table: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}")
}

/// The ARN of the stream of the table with this name. Its label, a timestamp in AWS, is the same for every table here.
pub(crate) fn stream_arn(table: &str) -> String {
    format!("{}/stream/local", table_arn(table))
}

#[cfg(test)]
mod tests;
