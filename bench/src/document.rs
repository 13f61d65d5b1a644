//! The generated parts of a document.

use crate::Result;

/// Replaces the text between two markers.
pub fn replace(document: &str, section: &str, text: &str) -> Result<String> {
    let (begin, end) = (
        format!("<!-- {section}: generated -->\n"),
        format!("<!-- {section}: end -->"),
    );
    let missing = || format!("the document has no section {section}");
    let (before, rest) = document.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n{text}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_the_markers_is_replaced() {
        let document = "a\n<!-- x: generated -->\nold\n<!-- x: end -->\nb\n";
        let replaced = replace(document, "x", "new\n").expect("a section");
        assert_eq!(
            replaced,
            "a\n<!-- x: generated -->\n\nnew\n\n<!-- x: end -->\nb\n"
        );
        assert!(replace(document, "y", "new").is_err());
    }
}
