//! The point in `--at`: `x=1,y=[1,2],A=[1,2;3,4]`.

use chainrule::formula::Formula;
use chainrule::{DType, Tensor};

use super::Trouble;
use super::function::misuse;

/// The values in `--at`: names, `=`, and formulas without variables.
pub(crate) fn values(at: &[String]) -> Result<Vec<(String, Tensor)>, Trouble> {
    let mut values: Vec<(String, Tensor)> = vec![];
    for part in at.iter().flat_map(|text| parts(text)) {
        let form = "write it as --at x=1,y=2";
        let Some((name, value)) = part.split_once('=') else {
            return Err(misuse(format!(
                "`{}` gives no value; {form}",
                chainrule_fit::shown(&part)
            )));
        };
        let name = name.trim();
        let shown = chainrule_fit::shown(name);
        let declared = Formula::parse_with(name, &[name]);
        let Some([name]) = declared.as_ref().ok().map(Formula::variables) else {
            return Err(misuse(format!("`{shown}` is no name of a variable; {form}")));
        };
        if values.iter().any(|(n, _)| n == name) {
            return Err(misuse(format!("--at gives `{shown}` twice")));
        }
        let x = Formula::parse(value)?.eval(&[])?;
        values.push((name.clone(), x.to_dtype(DType::F64)));
    }
    Ok(values)
}

/// The parts between commas that stand in no bracket.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0i32);
    for c in text.chars() {
        depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
        match parts.last_mut() {
            Some(part) if c != ',' || depth > 0 => part.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts
}
