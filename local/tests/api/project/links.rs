//! Every relative link of the documents leads to a file, and its fragment to a heading of that file.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use crate::support::repository::{read, root, routes};

/// The names of the project's documents.
fn documents() -> Vec<String> {
    let mut list = Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let output = list
        .args(["*.md", "llms.txt"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success());
    let names = String::from_utf8(output.stdout).unwrap();
    // A file that was removed from the working tree may still be in the index.
    let names: Vec<_> = names.lines().map(str::to_owned).collect();
    names
        .into_iter()
        .filter(|name| root().join(name).exists())
        .collect()
}

/// The lines of a document that are not in a code block.
fn prose(text: &str) -> Vec<&str> {
    let mut in_code = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            lines.push(line);
        }
    }
    lines
}

/// A heading's fragment, as GitHub makes it.
fn fragment(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The fragments of all headings; a heading that is repeated has a number.
fn fragments(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in prose(text) {
        let heading = line.trim_start_matches('#');
        if heading.len() < line.len() && heading.starts_with(' ') {
            let fragment = fragment(heading.trim());
            let numbered = (1..).map(|number| format!("{fragment}-{number}"));
            let free = std::iter::once(fragment.clone())
                .chain(numbered)
                .find(|one| !found.contains(one));
            found.extend(free);
        }
    }
    found
}

/// The targets of links and images, `[text](target)`.
fn targets(text: &str) -> Vec<String> {
    let joined = prose(text).join("\n");
    let after = joined.split("](").skip(1);
    after
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

/// What is wrong with a link in `document`, if anything is.
fn problem(document: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let file = if path.is_empty() {
        root().join(document)
    } else {
        root()
            .join(Path::new(document).parent().unwrap())
            .join(path)
    };
    if !file.exists() {
        return Some(format!("{document}: there is no {target}"));
    }
    let is_missing =
        !fragment.is_empty() && !fragments(&fs::read_to_string(file).unwrap()).contains(fragment);
    is_missing.then(|| format!("{document}: no heading has {target}"))
}

#[test]
fn every_relative_link_leads_somewhere() {
    let documents = documents();
    assert!(documents.len() > 20, "{documents:?}");
    let links = documents.iter().flat_map(|document| {
        let targets = targets(&read(document)).into_iter();
        targets.map(move |target| (document, target))
    });
    let links: Vec<_> = links.collect();
    assert!(links.len() > 200, "{}", links.len());
    let problems: Vec<_> = links
        .iter()
        .filter_map(|(document, target)| problem(document, target))
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn fragments_are_those_of_github() {
    let found = fragments("# `admin`: a, b\n\n## a\n\n```\n# no heading\n```\n\n## a\n");
    let expected = ["a", "a-1", "admin-a-b"].map(str::to_owned);
    assert_eq!(found, BTreeSet::from(expected));
    assert_eq!(fragment("A month with `n` users"), "a-month-with-n-users");
    assert!(problem("README.md", "docs/none.md").is_some());
    assert!(problem("README.md", "docs/cost.md#none").is_some());
}

/// Readers find the documents by these maps.
#[test]
fn the_maps_list_every_document() {
    for (map, prefix) in [("docs/README.md", ""), ("llms.txt", "docs/")] {
        let listed: BTreeSet<_> = targets(&read(map)).into_iter().collect();
        for entry in fs::read_dir(root().join("docs")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if Path::new(&name).extension() == Some("md".as_ref()) && name != "README.md" {
                let is_listed = listed
                    .iter()
                    .any(|target| target.split('#').next() == Some(&*format!("{prefix}{name}")));
                assert!(is_listed, "{map} does not list {name}");
            }
        }
    }
}

#[test]
fn calling_lists_every_route() {
    let document = read("docs/calling.md");
    let mut listed = BTreeSet::new();
    for line in document.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (names, function) = (cells.next().unwrap(), cells.next().unwrap());
        // Two methods of one path have one entry: `POST`, `PATCH /path`.
        let mut path = "";
        for name in names.split(", ").collect::<Vec<_>>().into_iter().rev() {
            let name = name.trim_matches('`');
            let (method, own) = name.split_once(' ').unwrap_or((name, path));
            path = own;
            if path.starts_with('/') {
                listed.insert((
                    format!("{method} {path}"),
                    function.trim_matches('`').to_owned(),
                ));
            }
        }
    }
    assert_eq!(listed, routes().into_iter().collect());
}
