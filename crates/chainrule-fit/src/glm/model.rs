//! A fitted generalised linear model, and the file that keeps it.
//!
//! The file is like that of [`crate::model`], with the layout `glm-1`: three tensors of F64,
//!
//! ```text
//! weight [m, p + 1]   mean [p]   scale [p]        η = B (x − μ)/σ + b, the last column of weight
//! ```
//!
//! and in the description also the family and, if the target is a class, the classes.

use std::collections::HashSet;
use std::path::Path;

use safetensors::tensor::SafeTensors;
use serde_json::{Value, json};

use super::target::Response;
use super::{Family, MAX_CLASSES, Score, likelihood};
use crate::data::encode::Encoder;
use crate::data::table::Table;
use crate::error::{Error, Result, count, fail, listed, shown};
use crate::model::{about, columns, feature_to_json, no_model, packed, tensor, text};
use crate::{atomic, report};

/// The version of the layout.
pub const LAYOUT: &str = "glm-1";

/// A model with all that it needs to read a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The column that is predicted.
    pub target: String,
    /// What it is distributed like.
    pub family: Family,
    /// The classes in order, if the target is one.
    pub classes: Vec<String>,
    /// How features become numbers.
    pub encoder: Encoder,
    /// For each linear predictor the weights of standardised columns, then the intercept.
    pub weight: Vec<f64>,
}

/// What a saved model says about a table.
#[derive(Clone, Debug)]
pub struct Predictions {
    /// For each row its mean, or a probability for each class.
    pub means: Vec<f64>,
    /// The number of the most probable class of each row; empty if the target is a number.
    pub called: Vec<usize>,
    /// What the table says of the target, if it has the column: a number or class as text.
    pub observed: Option<Vec<Option<String>>>,
    /// How well they agree, if any row has a target.
    pub score: Option<Score>,
    /// What the user should know, each a clause.
    pub warnings: Vec<String>,
}

impl Predictions {
    /// Compares `means`, a number or a probability for each of `classes` in each row of `table`,
    /// with its column `target`, if there is one. Rows of unknown classes are not compared, with a
    /// warning.
    pub(crate) fn of(
        table: &Table,
        target: &str,
        classes: &[String],
        means: Vec<f64>,
        mut warnings: Vec<String>,
    ) -> Result<Predictions> {
        let k = classes.len().max(1);
        if let Some(i) = means.iter().position(|y| !y.is_finite()) {
            fail!(
                "{}, line {}: the prediction is too large to represent; check the numbers \
                 of the row",
                table.path(),
                table.line(i / k)
            );
        }
        let column = table.names().iter().position(|name| name == target);
        let observed: Option<Vec<Option<String>>> = column.map(|column| {
            (0..table.len()).map(|row| table.cell(row, column).map(str::to_string)).collect()
        });
        let score = match column {
            Some(column) => score(table, column, classes, &means, &mut warnings)?,
            None => None,
        };
        let called = match classes {
            [] => vec![],
            _ => means.chunks(k).map(crate::metrics::classes::most_probable).collect(),
        };
        Ok(Predictions { means, called, observed, score, warnings })
    }
}

/// How well means agree with a column.
fn score(
    table: &Table,
    column: usize,
    classes: &[String],
    means: &[f64],
    warnings: &mut Vec<String>,
) -> Result<Option<Score>> {
    let k = classes.len().max(1);
    let (mut numbers, mut rows, mut chosen, mut unknown) = (vec![], vec![], vec![], vec![]);
    for row in 0..table.len() {
        let Some(cell) = table.cell(row, column) else { continue };
        if !classes.is_empty() {
            match class(classes, cell) {
                Some(class) => rows.push(class),
                None => {
                    unknown.push(cell);
                    continue;
                }
            }
        } else if let Some(y) = table.number(row, column)? {
            numbers.push(y);
        }
        chosen.extend_from_slice(&means[row * k..(row + 1) * k]);
    }
    if !unknown.is_empty() {
        let rows = count(unknown.len(), "row");
        unknown.sort_unstable();
        unknown.dedup();
        warnings.push(format!(
            "{rows} of the table have a \"{}\" that the model does not know ({}) and were not \
             compared",
            shown(&table.names()[column]),
            listed(&unknown)
        ));
    }
    let response = match classes {
        [] => Response::Numbers(numbers),
        _ => Response::Classes { classes: classes.to_vec(), rows },
    };
    Ok(response.score(&chosen))
}

/// The number of the class that a cell names; a number may be written in any way.
pub(crate) fn class(classes: &[String], cell: &str) -> Option<usize> {
    let number = cell.parse::<f64>().ok();
    classes
        .iter()
        .position(|class| class == cell || number.is_some() && class.parse::<f64>().ok() == number)
}

impl Model {
    /// Predicts every row of `table`, and compares with the target if the table has it.
    ///
    /// # Errors
    /// If the table lacks a feature of the model, or a cell is not of its kind.
    pub fn predict(&self, table: &Table) -> Result<Predictions> {
        let mut warnings = vec![];
        let rows: Vec<usize> = (0..table.len()).collect();
        let x = self.encoder.encode(table, &rows, &mut warnings)?;
        let means = self.means(&x)?;
        warnings.extend(self.encoder.missing(table, &rows)?.iter().map(report::missing));
        Predictions::of(table, &self.target, &self.classes, means, warnings)
    }

    /// The means of encoded rows.
    pub(super) fn means(&self, x: &[f64]) -> Result<Vec<f64>> {
        likelihood::means(self.family, self.classes.len(), &self.weight, x)
    }

    /// Coefficients, and what their `covariance` becomes, for columns in their own units.
    pub(super) fn in_units(&self, covariance: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let p = self.weight.len();
        let flip = |a: Vec<f64>| (0..a.len()).map(|i| a[i % p * p + i / p]).collect::<Vec<f64>>();
        let each = |a: Vec<f64>| a.chunks(p).flat_map(|row| self.carried(row)).collect();
        (self.carried(&self.weight), flip(each(flip(each(covariance.to_vec())))))
    }

    /// T v for the T that carries coefficients over: wⱼ/σⱼ, and b − Σ wⱼ μⱼ/σⱼ.
    fn carried(&self, v: &[f64]) -> Vec<f64> {
        let Encoder { mean, scale, .. } = &self.encoder;
        let mut out = vec![];
        for block in v.chunks(mean.len() + 1) {
            let w: Vec<f64> = block.iter().zip(scale).map(|(w, s)| w / s).collect();
            let moved: f64 = w.iter().zip(mean).map(|(w, m)| w * m).sum();
            out.extend_from_slice(&w);
            out.push(block[mean.len()] - moved);
        }
        out
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        atomic::write(path, &self.to_bytes()?)
    }

    /// Reads a model from the bytes of the file at `path`, which is named in errors.
    ///
    /// # Errors
    /// If they are no whole and sound model.
    pub fn from_file(path: &Path, bytes: &[u8]) -> Result<Model> {
        Model::from_bytes(bytes).map_err(|why| no_model(path, &why))
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let features: Vec<Value> = self.encoder.features.iter().map(feature_to_json).collect();
        let penalty = match self.family {
            Family::Ridge(lambda) | Family::Lasso(lambda) => Some(lambda),
            _ => None,
        };
        let about = json!({
            "layout": LAYOUT, "target": self.target, "family": self.family.name(),
            "penalty": penalty, "classes": self.classes, "features": features,
        });
        let width = self.encoder.width();
        let bytes = |x: &[f64]| x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let m = self.family.predictors(self.classes.len());
        let tensors = [
            ("weight", vec![m, width + 1], bytes(&self.weight)),
            ("mean", vec![width], bytes(&self.encoder.mean)),
            ("scale", vec![width], bytes(&self.encoder.scale)),
        ];
        packed(&about, &tensors)
    }

    /// The model in `bytes`, or what is wrong with them as the end of a sentence.
    fn from_bytes(bytes: &[u8]) -> Result<Model> {
        let about = about(bytes)?;
        if about["layout"] != LAYOUT {
            fail!("it was written by another version");
        }
        let (target, features, width) = columns(&about)?;
        let (family, classes) = (family(&about)?, classes(&about)?);
        let fits = match family {
            Family::Logistic => classes.len() == 2,
            Family::Softmax => classes.len() >= 2,
            _ => classes.is_empty(),
        };
        if !fits {
            fail!("its classes do not fit its family");
        }
        let file = SafeTensors::deserialize(bytes)
            .map_err(|_| Error::new("it is damaged or in another format"))?;
        let m = family.predictors(classes.len());
        let encoder = Encoder {
            features,
            mean: tensor(&file, "mean", &[width])?,
            scale: tensor(&file, "scale", &[width])?,
        };
        if encoder.scale.iter().any(|&s| s <= 0.0) {
            fail!("a standard deviation in it is not positive");
        }
        let weight = tensor(&file, "weight", &[m, width + 1])?;
        Ok(Model { target, family, classes, encoder, weight })
    }
}

fn family(about: &Value) -> Result<Family> {
    let penalty = || match about["penalty"].as_f64() {
        Some(lambda) if lambda >= 0.0 && lambda.is_finite() => Ok(lambda),
        _ => Err(Error::new("its penalty is damaged")),
    };
    Ok(match about["family"].as_str() {
        Some("linear") => Family::Linear,
        Some("ridge") => Family::Ridge(penalty()?),
        Some("lasso") => Family::Lasso(penalty()?),
        Some("logistic") => Family::Logistic,
        Some("softmax") => Family::Softmax,
        Some("poisson") => Family::Poisson,
        _ => fail!("its family is unknown"),
    })
}

pub(crate) fn classes(about: &Value) -> Result<Vec<String>> {
    let list = about["classes"].as_array().map_or(&[][..], Vec::as_slice);
    if list.len() > MAX_CLASSES {
        fail!("it has more than {MAX_CLASSES} classes");
    }
    let classes = list.iter().map(text).collect::<Result<Vec<String>>>()?;
    let mut seen = HashSet::new();
    if !classes.iter().all(|class| seen.insert(class)) {
        fail!("two of its classes have the same name");
    }
    Ok(classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::encode::{Feature, Levels};

    fn model(family: Family, classes: &[&str], weight: Vec<f64>) -> Model {
        let levels = Levels { baseline: "x".into(), others: vec!["y".into()] };
        let features = vec![
            Feature { name: "a".into(), levels: None },
            Feature { name: "c".into(), levels: Some(levels) },
        ];
        let encoder = Encoder { features, mean: vec![1.0, 0.25], scale: vec![2.0, 0.5] };
        let classes = classes.iter().map(|c| (*c).to_string()).collect();
        Model { target: "t".into(), family, classes, encoder, weight }
    }

    fn all() -> [Model; 4] {
        let softmax = vec![0.5, -0.5, 0.1, 1.0, 2.0, -0.1];
        [
            model(Family::Lasso(0.25), &[], vec![1.0, 2.0, 3.0]),
            model(Family::Logistic, &["no", "yes, \"é\""], vec![1.0, 2.0, 3.0]),
            model(Family::Softmax, &["0", "1", "2.5"], softmax),
            model(Family::Poisson, &[], vec![0.1, 0.2, 0.3]),
        ]
    }

    #[test]
    fn files_give_back_their_models() {
        for model in all() {
            assert_eq!(Model::from_bytes(&model.to_bytes().unwrap()).unwrap(), model);
        }
    }

    /// By hand: η = 1·(5 − 1)/2 + 2·(1 − ¼)/½ + 3 = 8 for the first row.
    #[test]
    fn predictions_and_observations() {
        let table = Table::parse("t.csv", b"a,c,t\n5,y,no\n1,x,maybe\n,x,\n").unwrap();
        let model = model(Family::Logistic, &["no", "yes"], vec![1.0, 2.0, 3.0]);
        let found = model.predict(&table).unwrap();
        assert!((found.means[1] - 1.0 / (1.0 + (-8.0f64).exp())).abs() < 1e-15);
        assert_eq!(found.called, [1, 1, 1]);
        assert!(found.warnings.iter().any(|w| w.contains("does not know (maybe)")));
        let Some(Score::Classes(score)) = found.score else { panic!("classes are scored") };
        assert_eq!(score.confusion, [[0, 1], [0, 0]]);
        let (values, _) = model.in_units(&[]);
        assert_eq!(values, [0.5, 4.0, 3.0 - 0.5 - 1.0]);
    }

    /// Wherever the file ends or a byte is changed, the answer is a model or a sentence.
    #[test]
    fn damage_is_survived() {
        for model in all() {
            let bytes = model.to_bytes().unwrap();
            for end in 0..bytes.len() {
                assert!(Model::from_bytes(&bytes[..end]).is_err());
            }
            let table = Table::parse("t.csv", b"a,c\n5,y\n").unwrap();
            for at in 0..bytes.len() {
                for change in [0x01, 0x20, 0x80] {
                    let mut bytes = bytes.clone();
                    bytes[at] ^= change;
                    if let Ok(model) = Model::from_bytes(&bytes) {
                        let _ = model.predict(&table);
                    }
                }
            }
        }
    }

    #[test]
    fn hostile_files() {
        let refused = |model: &Model| {
            Model::from_bytes(&model.to_bytes().unwrap()).expect_err("it is refused").to_string()
        };
        let [_, logistic, softmax, poisson] = all();
        let three = Model { classes: softmax.classes.clone(), ..logistic.clone() };
        assert!(refused(&three).contains("do not fit"));
        let twice = Model { classes: vec!["a".into(), "a".into()], ..logistic };
        assert!(refused(&twice).contains("same name"));
        let infinite = Model { weight: vec![f64::NAN, 1.0, 1.0], ..poisson };
        assert!(refused(&infinite).contains("not finite"));
    }
}
