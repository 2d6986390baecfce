//! Plain tables: cells in columns, aligned for the terminal or in Markdown.
//!
//! The first columns hold words and stand left, the others numbers and stand right.

/// The table in Markdown, `words` columns of words.
pub(crate) fn markdown(head: Vec<String>, rows: Vec<Vec<String>>, words: usize) -> String {
    let align = |at: usize| if at < words { "---" } else { "--:" };
    let rule = (0..head.len()).map(|at| align(at).to_string()).collect();
    let lines = [head, rule].into_iter().chain(rows);
    lines.map(|cells| format!("| {} |\n", cells.join(" | "))).collect()
}

/// The table for the terminal.
pub(crate) fn aligned(head: &[String], rows: &[Vec<String>], words: usize) -> String {
    let lines = || std::iter::once(head).chain(rows.iter().map(Vec::as_slice));
    let width = |at: usize| lines().map(|cells| cells[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let cell = |(at, (cell, width)): (usize, (&String, &usize))| match at < words {
        true => format!("{cell:width$}"),
        false => format!("{cell:>width$}"),
    };
    let line = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().zip(&widths).enumerate().map(cell).collect();
        cells.join("  ").trim_end().to_string() + "\n"
    };
    lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let cells = |line: &str| line.split(' ').map(String::from).collect::<Vec<_>>();
        let (head, rows) = (cells("kind time"), vec![cells("plan 1"), cells("µ 20000")]);
        assert_eq!(aligned(&head, &rows, 1), "kind   time\nplan      1\nµ     20000\n");
        let expected = "| kind | time |\n| --- | --: |\n| plan | 1 |\n| µ | 20000 |\n";
        assert_eq!(markdown(head, rows, 1), expected);
    }
}
