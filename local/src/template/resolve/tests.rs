//! Intrinsics and conditions in a small scope.

use super::*;

fn scope() -> Scope {
    let parameter = |default: Option<&str>, is_list| Parameter {
        value: default.map(str::to_owned),
        is_list,
    };
    let yaml = "{HasB: !Not [!Equals [!Ref B, \"\"]], Both: !And [!Condition HasB, !Equals [!Ref A, 8]], Loop: !Condition Loop}";
    Scope {
        parameters: BTreeMap::from([
            ("A".to_owned(), parameter(Some("8"), false)),
            ("B".to_owned(), parameter(Some(""), false)),
            (
                "Origins".to_owned(),
                parameter(Some("https://a.example, https://b.example"), true),
            ),
            ("Needed".to_owned(), parameter(None, false)),
        ]),
        conditions: Arc::new(serde_saphyr::from_str(yaml).expect("valid YAML")),
        resources: BTreeMap::from([
            ("Users".to_owned(), "AWS::DynamoDB::Table".to_owned()),
            ("Role".to_owned(), "AWS::IAM::Role".to_owned()),
        ]),
    }
}

fn resolved(yaml: &str) -> String {
    let value = serde_saphyr::from_str(yaml).expect("valid YAML");
    match scope().resolve(&value) {
        Ok(Value::Text(text)) => text,
        Ok(other) => format!("{other:?}"),
        Err(problem) => format!("error: {problem}"),
    }
}

#[test]
fn supported_intrinsics_are_resolved() {
    for (yaml, expected) in [
        ("!Ref A", "8"),
        ("!Ref B", ""),
        ("!Ref AWS::NoValue", "Null"),
        ("!Ref Users", "Users"),
        (
            "!Sub '${A}-${AWS::Region}-${!kept}-${Users.Arn}'",
            "8-eu-central-1-${kept}-arn:aws:dynamodb:eu-central-1:123456789012:table/Users",
        ),
        (
            "!GetAtt Users.StreamArn",
            "arn:aws:dynamodb:eu-central-1:123456789012:table/Users/stream/local",
        ),
        ("!If [HasB, yes it has, !Ref A]", "8"),
        (
            "!Split [',', !Sub '${A},b']",
            r#"List([Text("8"), Text("b")])"#,
        ),
        (
            "!Ref Origins",
            r#"List([Text("https://a.example"), Text("https://b.example")])"#,
        ),
    ] {
        assert_eq!(resolved(yaml), expected, "{yaml}");
    }
    assert_eq!(scope().condition("Both"), Ok(false));
}

#[test]
fn unsupported_intrinsics_are_errors() {
    for (yaml, expected) in [
        (
            "!Ref Needed",
            "error: the parameter Needed has neither a value nor a Default",
        ),
        (
            "!Ref Role",
            "error: the development server does not support !Ref of Role, which is AWS::IAM::Role",
        ),
        (
            "!Ref Missing",
            "error: there is no parameter or resource Missing",
        ),
        (
            "!GetAtt Users.Size",
            "error: the development server does not support the attribute Size of Users, which is AWS::DynamoDB::Table",
        ),
        ("!GetAtt Users", "error: !GetAtt takes Resource.Attribute"),
        (
            "!ImportValue x",
            "error: the development server does not support the intrinsic !ImportValue",
        ),
        (
            "!Sub ['${A}', {A: b}]",
            "error: the development server does not support !Sub of a list",
        ),
        ("!Sub '${A'", "error: !Sub has a ${ without a }"),
        (
            "!Sub '${Origins}'",
            "error: !Sub cannot replace ${Origins} with a list",
        ),
        ("!If [Other, a, b]", "error: there is no condition Other"),
        ("!If [Loop, a, b]", "nest too deeply"),
    ] {
        assert!(
            resolved(yaml).ends_with(expected),
            "{yaml}: {}",
            resolved(yaml)
        );
    }
}
