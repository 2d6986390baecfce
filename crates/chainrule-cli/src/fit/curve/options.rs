//! What only formulas are told.

use chainrule_fit::solve::{self, Loss, Method};
use chainrule_fit::{Error, Result, shown};
use clap::Args;

use crate::fit::given;

/// The options of formulas.
#[derive(Args)]
#[group(skip)]
pub(in crate::fit) struct Options {
    /// Where parameters begin, such as b1=500,b2=1e-4 [default: many places]
    #[arg(long, value_name = "NAME=X,…", value_delimiter = ',', value_parser = assignment)]
    start: Vec<(String, f64)>,
    /// Between what parameters stay, such as b1=0:1000,b2=0:
    #[arg(long, value_name = "NAME=A:B,…", value_delimiter = ',', value_parser = between)]
    bounds: Vec<(String, (f64, f64))>,
    /// How residuals count: linear, huber, soft_l1, cauchy, arctan, tukey, with a scale: huber:1.5
    #[arg(long, value_name = "LOSS[:SCALE]", default_value = "linear")]
    loss: Loss,
    /// The column with the weights of the squares, 1/variance
    #[arg(long, value_name = "COLUMN")]
    pub(super) weights: Option<String>,
    /// How to descend: lm (Levenberg–Marquardt), dogleg or gauss-newton
    #[arg(long, value_name = "METHOD", default_value = "lm", value_parser = method)]
    method: Method,
}

fn number(text: &str) -> std::result::Result<f64, String> {
    text.trim().parse().map_err(|_| format!("`{}` is not a number", shown(text)))
}

fn assignment(text: &str) -> std::result::Result<(String, f64), String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("write a name and a number: b1=500".into());
    };
    let value = number(value)?;
    match value.is_finite() {
        true => Ok((name.trim().into(), value)),
        false => Err("a start value is a finite number".into()),
    }
}

fn between(text: &str) -> std::result::Result<(String, (f64, f64)), String> {
    let form = "write a name and two numbers: b1=0:1000; leave one out where there is no bound";
    let Some((name, range)) = text.split_once('=') else { return Err(form.into()) };
    let Some((low, high)) = range.split_once(':') else { return Err(form.into()) };
    let end = |text: &str, open: f64| match text.trim() {
        "" => Ok(open),
        text => number(text),
    };
    let (low, high) = (end(low, f64::NEG_INFINITY)?, end(high, f64::INFINITY)?);
    if low.is_nan() || high.is_nan() || low > high {
        return Err(format!("there is nothing from {low} to {high}; the lower bound comes first"));
    }
    Ok((name.trim().into(), (low, high)))
}

fn method(text: &str) -> std::result::Result<Method, String> {
    match text {
        "lm" => Ok(Method::LevenbergMarquardt),
        "dogleg" => Ok(Method::Dogleg),
        "gauss-newton" => Ok(Method::GaussNewton),
        _ => Err("it is lm, dogleg or gauss-newton".into()),
    }
}

impl Options {
    /// The options that were given, as far as they say something else than their defaults.
    pub(in crate::fit) fn given(&self) -> Vec<&'static str> {
        given(&[
            ("--start", !self.start.is_empty()),
            ("--bounds", !self.bounds.is_empty()),
            ("--loss", self.loss != Loss::Linear),
            ("--weights", self.weights.is_some()),
            ("--method", self.method != Method::LevenbergMarquardt),
        ])
    }

    /// The names that the options say are parameters.
    pub(super) fn declared(&self) -> Vec<String> {
        let bounds = self.bounds.iter().map(|b| b.0.clone());
        self.start.iter().map(|s| s.0.clone()).chain(bounds).collect()
    }

    /// The start values of the parameters, if they are given.
    pub(super) fn start(&self, names: &[String]) -> Result<Option<Vec<f64>>> {
        known("--start", self.start.iter().map(|s| &s.0), names)?;
        if self.start.is_empty() {
            return Ok(None);
        }
        let value = |name: &String| match self.start.iter().find(|s| s.0 == *name) {
            Some((_, value)) => Ok(*value),
            None => Err(Error::new(format!(
                "--start gives no value for `{}`; give one, or leave --start out",
                shown(name)
            ))),
        };
        names.iter().map(value).collect::<Result<Vec<f64>>>().map(Some)
    }

    /// What the solver is told.
    pub(super) fn solver(&self, names: &[String], weights: Vec<f64>) -> Result<solve::Options> {
        known("--bounds", self.bounds.iter().map(|b| &b.0), names)?;
        let all = (f64::NEG_INFINITY, f64::INFINITY);
        let bound = |name: &String| {
            self.bounds.iter().find(|b| b.0 == *name).map_or(all, |(_, bound)| *bound)
        };
        Ok(solve::Options {
            method: self.method,
            loss: self.loss,
            weights,
            bounds: match self.bounds.is_empty() {
                true => vec![],
                false => names.iter().map(bound).collect(),
            },
            ..solve::Options::default()
        })
    }
}

/// Refuses names that are no parameters, or are given twice.
fn known<'a>(
    option: &str,
    given: impl Iterator<Item = &'a String>,
    names: &[String],
) -> Result<()> {
    let mut seen: Vec<&String> = vec![];
    for name in given {
        if !names.contains(name) {
            return Err(Error::new(format!(
                "{option} names `{}`, which is no parameter of the formula; they are {}",
                shown(name),
                names.join(", ")
            )));
        }
        if seen.contains(&name) {
            return Err(Error::new(format!("{option} gives `{}` twice", shown(name))));
        }
        seen.push(name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(assignment(" b1 = 5e2"), Ok(("b1".into(), 500.0)));
        assert_eq!(between("a=0:1"), Ok(("a".into(), (0.0, 1.0))));
        assert_eq!(between("a=:-1"), Ok(("a".into(), (f64::NEG_INFINITY, -1.0))));
        for wrong in ["a", "a=x", "a=nan", "a="] {
            assert!(assignment(wrong).is_err(), "{wrong}");
        }
        for wrong in ["a=1", "a", "a=2:1", "a=nan:1"] {
            assert!(between(wrong).is_err(), "{wrong}");
        }
        assert!(method("newton").is_err());
    }
}
