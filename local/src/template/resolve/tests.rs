//! Intrinsics against a few names.

use super::*;

fn names() -> Names {
    let parameter = |default: Option<&str>, is_list| Parameter {
        default: default.map(str::to_owned),
        is_list,
    };
    let yaml = "{HasB: !Not [!Equals [!Ref B, \"\"]], Both: !And [!Condition HasB, !Equals [!Ref A, 8]], Loop: !Condition Loop}";
    Names {
        parameters: BTreeMap::from([
            ("A".to_owned(), parameter(Some("8"), false)),
            ("B".to_owned(), parameter(Some(""), false)),
            (
                "Origins".to_owned(),
                parameter(Some("https://a.example, https://b.example"), true),
            ),
            ("Needed".to_owned(), parameter(None, false)),
        ]),
        conditions: serde_saphyr::from_str(yaml).expect("valid YAML"),
        resources: BTreeMap::from([
            ("Users".to_owned(), "AWS::DynamoDB::Table".to_owned()),
            ("Role".to_owned(), "AWS::IAM::Role".to_owned()),
        ]),
    }
}

fn resolved(yaml: &str) -> String {
    let value = serde_saphyr::from_str(yaml).expect("valid YAML");
    match names().resolve(&value) {
        Ok(Value::Text(text)) => text,
        Ok(other) => format!("{other:?}"),
        Err(problem) => format!("error: {problem}"),
    }
}

#[test]
fn intrinsics_come_to_what_they_mean_on_this_machine() {
    for (yaml, expected) in [
        ("!Ref A", "8"),
        ("!Ref B", ""),
        ("!Ref AWS::NoValue", "Nothing"),
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
    assert_eq!(names().holds("Both"), Ok(false));
}

#[test]
fn what_is_not_known_is_an_error() {
    for (yaml, expected) in [
        (
            "!Ref Needed",
            "error: the parameter Needed has no Default, which is what the local server goes by",
        ),
        (
            "!Ref Role",
            "error: the local server has no name for Role, which is AWS::IAM::Role",
        ),
        ("!Ref Nobody", "error: nothing is called Nobody"),
        (
            "!GetAtt Users.Size",
            "error: the local server does not know the attribute Size of Users, which is AWS::DynamoDB::Table",
        ),
        ("!GetAtt Users", "error: !GetAtt takes Resource.Attribute"),
        (
            "!ImportValue x",
            "error: the intrinsic !ImportValue is not known to the local server",
        ),
        (
            "!Sub ['${A}', {A: b}]",
            "error: !Sub of a list is not known to the local server",
        ),
        ("!Sub '${A'", "error: !Sub has a ${ without its }"),
        (
            "!Sub '${Origins}'",
            "error: !Sub cannot put a list in place of ${Origins}",
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
