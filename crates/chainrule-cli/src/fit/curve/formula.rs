//! The formula: which of its names are columns, and its value for all rows.

use chainrule::formula::{Constant, Expr, Formula, Node};
use chainrule::op::Cmp;
use chainrule::{Tensor, vmap};
use chainrule_fit::data::table::Table;
use chainrule_fit::{Error, Result, shown};

/// A formula with its names told apart.
pub(crate) struct Curve {
    pub(crate) formula: Formula,
    pub(crate) target: String,
    /// The columns that it uses, in the order of their first use.
    pub(crate) columns: Vec<String>,
    /// The parameters, likewise.
    pub(crate) names: Vec<String>,
}

impl Curve {
    /// Reads a formula over a table; `declared` are names of parameters whatever else they mean.
    /// `target = …` and `target ~ …` say the same as what stands on the right.
    ///
    /// # Errors
    /// If it is no formula, or none to fit; the text says where.
    pub(crate) fn read(
        table: &Table,
        target: &str,
        text: &str,
        declared: &[String],
    ) -> std::result::Result<Curve, String> {
        let text = right_side(text, target)?;
        let is_name = |name: &&String| {
            Formula::parse_with(name, &[name]).is_ok_and(|f| f.variables() == [(*name).clone()])
        };
        let names: Vec<&str> =
            table.names().iter().chain(declared).filter(is_name).map(String::as_str).collect();
        let formula = Formula::parse_with(&text, &names).map_err(|e| plain(&e))?;
        let (columns, names): (Vec<String>, Vec<String>) =
            formula.variables().iter().cloned().partition(|name| table.names().contains(name));
        if columns.iter().any(|name| name == target) {
            return Err(format!(
                "the formula uses the target `{}`; write only what it is computed from",
                shown(target)
            ));
        }
        if names.is_empty() {
            return Err("the formula has no parameter: every name in it is a column; write one, \
                        such as a*x + b"
                .into());
        }
        if columns.is_empty() {
            let all: Vec<String> =
                table.names().iter().filter(|name| *name != target).map(|n| shown(n)).collect();
            return Err(format!(
                "the formula uses no column of {}; there are {}",
                table.path(),
                all.join(", ")
            ));
        }
        let curve = Curve { formula, target: target.into(), columns, names };
        curve.check()?;
        Ok(curve)
    }

    /// The formula in a model file.
    ///
    /// # Errors
    /// As a sentence's end, if it is not one of these names.
    pub(crate) fn saved(
        text: &str,
        target: &str,
        columns: &[String],
        names: &[String],
    ) -> std::result::Result<Curve, String> {
        let declared: Vec<&str> = columns.iter().chain(names).map(String::as_str).collect();
        let formula = Formula::parse_with(text, &declared).map_err(|_| "its formula is damaged")?;
        if formula.variables().iter().any(|name| !declared.contains(&name.as_str())) {
            return Err("its formula has a name without a value".into());
        }
        let (columns, names) = (columns.to_vec(), names.to_vec());
        let curve = Curve { formula, target: target.into(), columns, names };
        curve.check().map_err(|_| "its formula cannot be computed")?;
        Ok(curve)
    }

    /// Refuses a formula whose value for a row is no number.
    fn check(&self) -> std::result::Result<(), String> {
        let one = Tensor::from(1.0);
        let values: Vec<(&str, &Tensor)> =
            self.columns.iter().chain(&self.names).map(|name| (name.as_str(), &one)).collect();
        let value = self.formula.eval(&values).map_err(|e| plain(&e))?;
        match value.rank() {
            0 => Ok(()),
            _ => Err(format!(
                "the formula gives {} numbers for each row; write one that gives one",
                value.len()
            )),
        }
    }

    /// What the formula says about each row of the `columns` with the parameters in `theta`.
    pub(crate) fn at(&self, columns: &[Tensor], theta: &Tensor) -> chainrule::Result<Tensor> {
        let parameters: Vec<Tensor> = (0..self.names.len()).map(|k| theta.i(k as i64)).collect();
        let row = |row: &Vec<Tensor>| -> chainrule::Result<Tensor> {
            let columns = self.columns.iter().map(String::as_str).zip(row);
            let parameters = self.names.iter().map(String::as_str).zip(&parameters);
            let values: Vec<(&str, &Tensor)> = columns.chain(parameters).collect();
            Ok(self.formula.eval(&values)?)
        };
        vmap(row, &columns.to_vec())
    }

    /// Parameters that look like columns with a mistake in their names.
    pub(crate) fn warnings(&self, table: &Table) -> Vec<String> {
        let looks = |name: &&String| {
            let text = table.column(name).err().map(|e| e.to_string()).unwrap_or_default();
            let near = text.split("did you mean \"").nth(1)?.trim_end_matches("\"?").to_string();
            (name.chars().count() > 3).then(|| {
                format!(
                    "`{}` is taken as a parameter; did you mean the column {near}?",
                    shown(name)
                )
            })
        };
        let mut warnings: Vec<String> = self.names.iter().filter_map(|n| looks(&n)).collect();
        if has_plain_e(self.formula.root()) {
            warnings.push(
                "`e` is the number 2.718…; if it is meant to be a parameter, name it otherwise"
                    .into(),
            );
        }
        warnings
    }
}

/// The columns of a table that a curve uses, for these rows.
///
/// # Errors
/// If the table lacks one, or a cell is missing or no number.
pub(crate) fn columns(curve: &Curve, table: &Table, rows: &[usize]) -> Result<Vec<Tensor>> {
    let mut columns = vec![];
    for name in &curve.columns {
        let column = table.column(name)?;
        let mut numbers = vec![];
        for &row in rows {
            match table.number(row, column)? {
                Some(x) => numbers.push(x),
                None => {
                    return Err(Error::new(format!(
                        "{}, line {}: the column \"{}\" has no value; fill it in or leave the row \
                         out",
                        table.path(),
                        table.line(row),
                        shown(name)
                    )));
                }
            }
        }
        columns.push(Tensor::from(numbers));
    }
    Ok(columns)
}

/// What stands right of `target =` or `target ~`, at the same place in the line.
fn right_side(text: &str, target: &str) -> std::result::Result<String, String> {
    let Some(at) = text.find('~').or_else(|| equals(text, target)) else { return Ok(text.into()) };
    if text[..at].trim() != target {
        return Err(format!(
            "what stands left of `~` is the target, `{}`; write only what stands right of it",
            shown(target)
        ));
    }
    let blank = " ".repeat(text[..=at].chars().count());
    Ok(blank + &text[at + 1..])
}

/// Where `target = …` has its sign.
fn equals(text: &str, target: &str) -> Option<usize> {
    let formula = Formula::parse_with(text, &[target]).ok()?;
    let Expr::Compare(_, right) = formula.root().expr() else { return None };
    let at = text.find('=')?;
    (matches!(right[..], [(Cmp::Eq, _)]) && text[..at].trim() == target).then_some(at)
}

/// Whether e stands anywhere but below an exponent.
fn has_plain_e(node: &Node) -> bool {
    match node.expr() {
        Expr::Constant(Constant::E) => true,
        Expr::Power(base, exponent) if matches!(base.expr(), Expr::Constant(_)) => {
            has_plain_e(exponent)
        }
        other => {
            let mut found = false;
            other.for_children(&mut |child| found |= has_plain_e(child));
            found
        }
    }
}

/// An error as a clause for `note`, which writes its own `error: `.
fn plain(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    text.strip_prefix("error: ").unwrap_or(&text).to_string()
}
