//! Parts of a document that a task writes: what stands between `<!-- NAME -->` and
//! `<!-- /NAME -->`.

/// `text` with `new` between the marks of this name; `None` without marks.
pub(crate) fn between(text: &str, name: &str, new: &str) -> Option<String> {
    let [begin, end] = ["", "/"].map(|slash| format!("<!-- {slash}{name} -->"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{new}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_last() {
        let text = "a\n<!-- table -->\nold\n<!-- /table -->\nb\n";
        let new = between(text, "table", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- table -->\n\nnew\n\n<!-- /table -->\nb\n");
        assert_eq!(between(&new, "table", "new\n"), Some(new));
        assert_eq!(between("a", "table", "new"), None);
        assert_eq!(between(text, "chart", "new"), None);
    }
}
