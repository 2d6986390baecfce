//! A fitted formula in a file, in the container of [`model`](crate::model).
//!
//! ```text
//! parameters [p]   covariance [p, p]   noise [3]: σ, degrees of freedom, level
//! ```
//!
//! The description has the formula in its canonical form, the names of its columns and parameters,
//! and the target. Errors that were not defined are kept as 0 degrees of freedom, and as −1 on the
//! diagonal of the covariance: a file has finite numbers only. What a formula means is not checked
//! here; whoever computes it reads it like any other.

use std::collections::HashSet;
use std::path::Path;

use safetensors::tensor::SafeTensors;
use serde_json::{Value, json};

use crate::atomic;
use crate::error::{Error, Result, fail};
use crate::model::{about, has_layout, no_model, packed, tensor, text};

/// The name of the layout.
pub const LAYOUT: &str = "curve-1";

/// The most names of a kind.
const MOST: usize = 1000;

/// A fitted formula with all that a prediction and its bands need.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedCurve {
    /// The formula, in its canonical form.
    pub formula: String,
    /// The column that is predicted.
    pub target: String,
    /// The columns that the formula uses.
    pub columns: Vec<String>,
    /// The names of the parameters.
    pub names: Vec<String>,
    /// Their values.
    pub parameters: Vec<f64>,
    /// Their covariance, row by row; NaN where it is not defined.
    pub covariance: Vec<f64>,
    /// The deviation of an observation; NaN if it is not defined.
    pub sigma: f64,
    /// The degrees of freedom.
    pub dof: usize,
    /// The level of bands.
    pub confidence: f64,
}

impl SavedCurve {
    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        atomic::write(path, &self.to_bytes()?)
    }

    /// The curve in the bytes of the file at `path`.
    ///
    /// # Errors
    /// If they are no whole and sound curve.
    pub fn load(path: &Path, bytes: &[u8]) -> Result<SavedCurve> {
        SavedCurve::from_bytes(bytes).map_err(|why| no_model(path, &why))
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let p = self.names.len();
        let about = json!({
            "layout": LAYOUT,
            "target": self.target,
            "formula": self.formula,
            "columns": self.columns,
            "parameters": self.names,
        });
        let known = |j: usize| self.covariance[j * p + j].is_finite();
        let covariance = |at: usize| match (known(at / p), known(at % p)) {
            (true, true) => self.covariance[at],
            _ if at / p == at % p => -1.0,
            _ => 0.0,
        };
        let bytes = |x: &[f64]| x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let (sigma, dof) =
            if self.sigma.is_finite() { (self.sigma, self.dof as f64) } else { (0.0, 0.0) };
        let tensors = [
            ("parameters", vec![p], bytes(&self.parameters)),
            ("covariance", vec![p, p], bytes(&(0..p * p).map(covariance).collect::<Vec<_>>())),
            ("noise", vec![3], bytes(&[sigma, dof, self.confidence])),
        ];
        packed(&about, &tensors)
    }

    fn from_bytes(bytes: &[u8]) -> Result<SavedCurve> {
        let about = about(bytes)?;
        has_layout(&about, LAYOUT)?;
        let (columns, names) = (list(&about["columns"])?, list(&about["parameters"])?);
        let mut seen = HashSet::new();
        if names.is_empty() || !columns.iter().chain(&names).all(|name| seen.insert(name)) {
            fail!("its list of names is damaged");
        }
        let file = SafeTensors::deserialize(bytes)
            .map_err(|_| Error::new("it is damaged or in another format"))?;
        let p = names.len();
        let parameters = tensor(&file, "parameters", &[p])?;
        let mut covariance = tensor(&file, "covariance", &[p, p])?;
        for j in (0..p).filter(|j| covariance[j * p + j] < 0.0).collect::<Vec<_>>() {
            for k in 0..p {
                covariance[j * p + k] = f64::NAN;
                covariance[k * p + j] = f64::NAN;
            }
        }
        let noise = tensor(&file, "noise", &[3])?;
        let whole = noise[1] >= 0.0 && noise[1] <= 1e15 && noise[1].fract() == 0.0;
        if noise[0] < 0.0 || !whole || !(noise[2] > 0.0 && noise[2] < 1.0) {
            fail!("its noise is damaged");
        }
        let dof = noise[1] as usize;
        Ok(SavedCurve {
            formula: text(&about["formula"])?,
            target: text(&about["target"])?,
            columns,
            names,
            parameters,
            covariance,
            sigma: if dof == 0 { f64::NAN } else { noise[0] },
            dof,
            confidence: noise[2],
        })
    }
}

fn list(value: &Value) -> Result<Vec<String>> {
    match value.as_array() {
        Some(all) if all.len() <= MOST => all.iter().map(text).collect(),
        _ => fail!("its list of names is damaged"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> SavedCurve {
        SavedCurve {
            formula: "a*exp(-b*x)".into(),
            target: "y".into(),
            columns: vec!["x".into()],
            names: vec!["a".into(), "b".into()],
            parameters: vec![2.0, 0.5],
            covariance: vec![0.1, 0.02, 0.02, 0.3],
            sigma: 0.4,
            dof: 7,
            confidence: 0.95,
        }
    }

    #[test]
    fn a_file_gives_back_the_curve() {
        let bytes = saved().to_bytes().unwrap();
        assert_eq!(SavedCurve::from_bytes(&bytes).unwrap(), saved());
        let mut vague = saved();
        vague.covariance = vec![f64::NAN, f64::NAN, f64::NAN, 0.3];
        let back = SavedCurve::from_bytes(&vague.to_bytes().unwrap()).unwrap();
        assert!(back.covariance[0].is_nan() && back.covariance[2].is_nan());
        assert_eq!(back.covariance[3], 0.3);
    }

    /// Wherever the file ends or a byte is changed, the answer is a curve or a sentence.
    #[test]
    fn damage_is_survived() {
        let bytes = saved().to_bytes().unwrap();
        for end in 0..bytes.len() {
            assert!(SavedCurve::from_bytes(&bytes[..end]).is_err());
        }
        for at in 0..bytes.len() {
            for change in [0x01, 0x20, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= change;
                if let Ok(curve) = SavedCurve::from_bytes(&bytes) {
                    assert_eq!(curve.covariance.len(), curve.names.len().pow(2));
                }
            }
        }
        let mut wrong = saved();
        wrong.confidence = 2.0;
        assert!(SavedCurve::from_bytes(&wrong.to_bytes().unwrap()).is_err());
        let mut twice = saved();
        twice.names[1] = "x".into();
        assert!(SavedCurve::from_bytes(&twice.to_bytes().unwrap()).is_err());
    }
}
