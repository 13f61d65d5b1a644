//! Small templates, and the template of the project.

use super::*;

const SMALL: &str = r#"
Parameters:
  Days: {Type: Number, Default: 14}
  Stage: {Type: String}
  Origins: {Type: CommaDelimitedList, Default: "https://a.example,https://b.example"}
Conditions:
  Never: !Equals [!Ref Days, 1]
Globals:
  Function:
    Timeout: 15
    Environment:
      Variables: {TABLE: !Ref Items, DAYS: !Ref Days}
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration: {AllowOrigins: !Ref Origins, AllowMethods: [GET], MaxAge: 600}
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !If [Never, !Ref Missing, !Ref AWS::NoValue]
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
      KMSKey: !ImportValue not-read-here
  Absent:
    Type: AWS::DynamoDB::Table
    Condition: Never
  Show:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: show}}
    Properties:
      Environment: {Variables: {OWN: "yes"}}
      Events:
        One: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: "/items/{id}", Method: get}}
        Stream:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Items.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 10
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"]}'}]}
"#;

fn read(text: &str) -> Result<Template, String> {
    Template::parse(Path::new("template.yaml"), text, &BTreeMap::new())
        .map_err(|error| error.to_string())
}

fn problem_after(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    read(&SMALL.replacen(from, to, 1)).expect_err(to)
}

#[test]
fn a_template_is_read() {
    let template = read(SMALL).expect("a good template");
    let [function] = template.functions.as_slice() else {
        panic!("one function")
    };
    assert_eq!(
        (function.name.as_str(), function.binary.as_str()),
        ("Show", "show")
    );
    assert_eq!(function.timeout.as_secs(), 15);
    let environment: Vec<String> = function
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(environment, ["DAYS=14", "OWN=yes", "TABLE=Items"]);
    assert_eq!(
        function.routes,
        [Route {
            method: "GET".to_owned(),
            path: "/items/{id}".to_owned()
        }]
    );
    let [mapping] = function.mappings.as_slice() else {
        panic!("one mapping")
    };
    assert_eq!(
        (
            mapping.table.as_str(),
            mapping.batch_size,
            mapping.reports_failures
        ),
        ("Items", 10, true)
    );
    let [table] = template.tables.as_slice() else {
        panic!("one table: the condition of the other is false")
    };
    assert_eq!(table.key, [("pk".to_owned(), "S".to_owned())]);
    assert_eq!(
        (table.ttl_attribute.as_deref(), table.stream.as_deref()),
        (Some("expires_at"), Some("NEW_IMAGE"))
    );
    assert_eq!(
        template.cors.expect("CORS").origins,
        ["https://a.example", "https://b.example"]
    );
}

#[test]
fn an_error_names_its_path() {
    for (from, to, expected) in [
        (
            "DAYS: !Ref Days",
            "DAYS: !Ref Stage",
            "Template.Globals.Function.Environment.Variables.DAYS: the parameter Stage has neither a value nor a Default",
        ),
        (
            "DAYS: !Ref Days",
            "DAYS: !ImportValue x",
            "Template.Globals.Function.Environment.Variables.DAYS: the development server does not support the intrinsic !ImportValue",
        ),
        (
            "OWN: \"yes\"",
            "OWN: [a]",
            "Template.Resources.Show.Properties.Environment.Variables.OWN: must be a scalar, but is a list",
        ),
        (
            "Path: \"/items/{id}\"",
            "Path: \"/items/{id+}\"",
            "Events.One.Properties.Path: the development server does not support the segment \"{id+}\"",
        ),
        (
            "Method: get",
            "Method: get, Auth: {}",
            "Events.One.Properties: the development server does not support Auth",
        ),
        (
            "Type: DynamoDB\n",
            "Type: SQS\n",
            "Events.Stream.Type: the development server does not support events of type SQS",
        ),
        (
            "!GetAtt Items.StreamArn",
            "a-stream",
            "Stream.Properties.Stream: must be the StreamArn of a table",
        ),
        (
            "TRIM_HORIZON",
            "LATEST",
            "StartingPosition: the development server supports only TRIM_HORIZON",
        ),
        (
            "BatchSize: 10",
            "BatchSize: ten",
            "BatchSize: \"ten\" is invalid: invalid digit found in string",
        ),
        (
            "Metadata: {BuildProperties: {Binary: show}}",
            "Metadata: {}",
            "Template.Resources.Show: Metadata.BuildProperties.Binary is missing",
        ),
        (
            "KeyType: HASH",
            "KeyType: RANGE",
            "Resources.Items.Properties.KeySchema[0].KeyType: must be HASH",
        ),
        (
            "KMSKey:",
            "GlobalSecondaryIndexes:",
            "GlobalSecondaryIndexes: the development server does not support the intrinsic !ImportValue",
        ),
        (
            "      StreamSpecification: {StreamViewType: NEW_IMAGE}\n",
            "",
            "Items has no stream, but is an event source of show",
        ),
        (
            "AllowMethods: [GET]",
            "AllowTypo: true",
            "CorsConfiguration: the development server does not support AllowTypo",
        ),
        (
            "Condition: Never",
            "Condition: Unknown",
            "Resources.Absent: there is no condition Unknown",
        ),
    ] {
        let problem = problem_after(from, to);
        assert!(
            problem.starts_with("template.yaml: ") && problem.contains(expected),
            "{to}: {problem}"
        );
    }
    assert!(
        read("just text")
            .expect_err("no mapping")
            .contains("must be a mapping")
    );
    assert!(
        read("a: [")
            .expect_err("broken YAML")
            .starts_with("template.yaml: ")
    );
}

#[test]
fn the_template_of_the_project_is_supported() {
    let template = Template::read(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../template.yaml"
    )))
    .expect("template.yaml");
    let without_events: Vec<_> = template
        .functions
        .iter()
        .filter(|function| function.routes.is_empty() && function.mappings.is_empty())
        .map(|function| function.binary.as_str())
        .collect();
    assert_eq!(
        without_events,
        ["authorize"],
        "APIs of other stacks invoke it"
    );
    assert_eq!(
        template
            .tables
            .iter()
            .filter(|table| table.stream.is_some())
            .count(),
        1
    );
}
