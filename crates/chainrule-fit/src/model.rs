//! A fitted model, and the file that keeps it.
//!
//! The file is in the safetensors format: a JSON header, then numbers. It holds five tensors of
//! F64,
//!
//! ```text
//! weight [p]   bias []   mean [p]   scale [p]   target [2]
//!
//! ŷ = t₀ + t₁ (b + Σ wⱼ (xⱼ − μⱼ) / σⱼ)        t: target, μ: mean, σ: scale
//! ```
//!
//! and one entry of metadata, `chainrule`, a JSON object with the version of this layout, the name
//! of the target and the features with their levels, so that a prediction needs nothing but the
//! file. Whoever sends a file may have written anything into it: everything is checked, sizes
//! before what they are the size of.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde_json::{Value, json};

use crate::atomic;
use crate::data::encode::{Encoder, Feature, Levels, MAX_LEVELS, MAX_WIDTH};
use crate::data::table::{MAX_COLUMNS, Table, contents, shown_path};
use crate::error::{Error, Result, fail};
use crate::linear::Linear;

/// The version of the layout.
const LAYOUT: &str = "linear-1";

/// The largest model file that is read: a thousand parameters with long names need much less.
const MAX_BYTES: usize = 64 << 20;

/// The largest header, which a parser turns into something larger still.
const MAX_HEADER: u64 = 16 << 20;

/// A linear model with all that it needs to read a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The column that is predicted.
    pub target: String,
    /// How features become numbers.
    pub encoder: Encoder,
    /// The parameters for standardised columns and target.
    pub linear: Linear,
    /// The mean of the target.
    pub target_mean: f64,
    /// The standard deviation of the target.
    pub target_scale: f64,
}

impl Model {
    /// Predictions for `rows` of a table, in the unit of the target.
    ///
    /// # Errors
    /// If the table lacks a feature, or a cell is not of its kind.
    pub fn predict(
        &self,
        table: &Table,
        rows: &[usize],
        warnings: &mut Vec<String>,
    ) -> Result<Vec<f64>> {
        let x = self.encoder.encode(table, rows, warnings)?;
        let predicted = self.in_units(&self.linear, &x)?;
        if let Some(i) = predicted.iter().position(|y| !y.is_finite()) {
            fail!(
                "{}, line {}: the prediction is too large to represent; check the numbers \
                 of the row",
                table.path(),
                table.line(rows[i])
            );
        }
        Ok(predicted)
    }

    /// The predictions of `linear` for encoded rows, in the unit of the target.
    pub(crate) fn in_units(&self, linear: &Linear, x: &[f64]) -> Result<Vec<f64>> {
        let z = linear.predict(x)?;
        Ok(z.iter().map(|z| self.target_mean + self.target_scale * z).collect())
    }

    /// The parameters of `linear` for columns and target in their own units; the intercept is last.
    pub(crate) fn parameters(&self, linear: &Linear) -> Vec<f64> {
        let Encoder { mean, scale, .. } = &self.encoder;
        let mut all: Vec<f64> =
            linear.weight.iter().zip(scale).map(|(w, s)| w * (self.target_scale / s)).collect();
        let moved: f64 = all.iter().zip(mean).map(|(c, m)| c * m).sum();
        all.push(self.target_mean + self.target_scale * linear.bias - moved);
        all
    }

    /// Writes the model to a file, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        atomic::write(path, &self.to_bytes()?)
    }

    /// Reads a model from a file.
    ///
    /// # Errors
    /// If the file cannot be read, or is no whole and sound model.
    pub fn load(path: &Path) -> Result<Model> {
        Model::from_bytes(&contents(path, MAX_BYTES)?).map_err(|why| no_model(path, &why))
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let features: Vec<Value> = self.encoder.features.iter().map(feature_to_json).collect();
        let about = json!({ "layout": LAYOUT, "target": self.target, "features": features });
        let width = self.encoder.width();
        let bytes = |x: &[f64]| x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let tensors = [
            ("weight", vec![width], bytes(&self.linear.weight)),
            ("bias", vec![], bytes(&[self.linear.bias])),
            ("mean", vec![width], bytes(&self.encoder.mean)),
            ("scale", vec![width], bytes(&self.encoder.scale)),
            ("target", vec![2], bytes(&[self.target_mean, self.target_scale])),
        ];
        packed(&about, &tensors)
    }

    /// The model in `bytes`, or what is wrong with them as the end of a sentence.
    fn from_bytes(bytes: &[u8]) -> Result<Model> {
        let about = about(bytes)?;
        has_layout(&about, LAYOUT)?;
        let (target, features, width) = columns(&about)?;
        let file = SafeTensors::deserialize(bytes)
            .map_err(|_| Error::new("it is damaged or in another format"))?;
        let one = |name, shape: &[usize]| tensor(&file, name, shape);
        let encoder =
            Encoder { features, mean: one("mean", &[width])?, scale: one("scale", &[width])? };
        let linear = Linear { weight: one("weight", &[width])?, bias: one("bias", &[])?[0] };
        let spread = one("target", &[2])?;
        if encoder.scale.iter().chain(&spread[1..]).any(|&s| s <= 0.0) {
            fail!("a standard deviation in it is not positive");
        }
        Ok(Model { target, encoder, linear, target_mean: spread[0], target_scale: spread[1] })
    }
}

/// The bytes of a model file: what `about` says of the model, and its tensors of F64.
pub(crate) fn packed(about: &Value, tensors: &[(&str, Vec<usize>, Vec<u8>)]) -> Result<Vec<u8>> {
    let wrong = |e| Error::new(format!("the model cannot be written: {e}"));
    let mut views = vec![];
    for (name, shape, bytes) in tensors {
        views.push((*name, TensorView::new(Dtype::F64, shape.clone(), bytes).map_err(wrong)?));
    }
    let metadata = HashMap::from([("chainrule".to_string(), about.to_string())]);
    serialize(views, Some(metadata)).map_err(wrong)
}

/// Refuses what was written in another layout than `layout`.
pub(crate) fn has_layout(about: &Value, layout: &str) -> Result<()> {
    match about["layout"].as_str() {
        Some(found) if found == layout => Ok(()),
        Some(_) => fail!("it was written by another version"),
        None => fail!("its description is incomplete"),
    }
}

/// What the header of a model file says about the model, or what is wrong with it.
pub(crate) fn about(bytes: &[u8]) -> Result<Value> {
    let header = bytes.first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
    match header {
        None => fail!("it has less than 8 bytes"),
        Some(n) if n > MAX_HEADER || n > bytes.len() as u64 - 8 => {
            fail!("it is cut off or in another format")
        }
        Some(_) => {}
    }
    let (_, metadata) = SafeTensors::read_metadata(bytes)
        .map_err(|_| Error::new("it is damaged or in another format"))?;
    let about = metadata.metadata().as_ref().and_then(|m| m.get("chainrule"));
    let Some(about) = about else { fail!("it has tensors, but not those of a model") };
    serde_json::from_str(about).map_err(|_| Error::new("its description is damaged"))
}

/// The target, the features and the number of their columns.
pub(crate) fn columns(about: &Value) -> Result<(String, Vec<Feature>, usize)> {
    let target = text(&about["target"])?;
    let features = about["features"].as_array().map_or(&[][..], Vec::as_slice);
    if features.is_empty() || features.len() > MAX_COLUMNS {
        fail!("its list of features is damaged");
    }
    let features = features.iter().map(feature_from_json).collect::<Result<Vec<Feature>>>()?;
    let mut seen = HashSet::from([target.as_str()]);
    if !features.iter().all(|feature| seen.insert(&feature.name)) {
        fail!("two of its columns have the same name");
    }
    let width: usize = features.iter().map(Feature::width).sum();
    if width > MAX_WIDTH {
        fail!("it has more than {MAX_WIDTH} parameters");
    }
    Ok((target, features, width))
}

/// The bytes of a model file, and the name of their layout.
///
/// # Errors
/// If the file cannot be read or is no model.
pub fn read(path: &Path) -> Result<(Vec<u8>, String)> {
    let bytes = contents(path, MAX_BYTES)?;
    let layout = about(&bytes).and_then(|about| match about["layout"].as_str() {
        Some(layout) => Ok(layout.to_string()),
        None => fail!("its description is incomplete"),
    });
    Ok((bytes, layout.map_err(|why| no_model(path, &why))?))
}

/// That the file at `path` is no model, and why.
pub(crate) fn no_model(path: &Path, why: &Error) -> Error {
    let name = shown_path(&path.display().to_string());
    Error::new(format!("{name} is not a model of `chainrule fit`: {why}; make it again with --out"))
}

/// The numbers of a tensor of F64 with the given shape.
pub(crate) fn tensor(file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f64>> {
    let Ok(view) = file.tensor(name) else { fail!("the tensor \"{name}\" is missing") };
    if view.dtype() != Dtype::F64 || view.shape() != shape {
        fail!("the tensor \"{name}\" is not F64 of shape {shape:?}");
    }
    let (numbers, _) = view.data().as_chunks::<8>();
    let numbers: Vec<f64> = numbers.iter().map(|b| f64::from_le_bytes(*b)).collect();
    if numbers.iter().any(|x| !x.is_finite()) {
        fail!("the tensor \"{name}\" has numbers that are not finite");
    }
    if numbers.len() != shape.iter().product::<usize>() {
        fail!("the tensor \"{name}\" is cut off");
    }
    Ok(numbers)
}

pub(crate) fn feature_to_json(feature: &Feature) -> Value {
    match &feature.levels {
        None => json!({ "name": feature.name, "kind": "number" }),
        Some(Levels { baseline, others }) => json!({
            "name": feature.name, "kind": "text", "baseline": baseline, "levels": others,
        }),
    }
}

fn feature_from_json(value: &Value) -> Result<Feature> {
    let name = text(&value["name"])?;
    let levels = match value["kind"].as_str() {
        Some("number") => None,
        Some("text") => {
            let list = value["levels"].as_array().map_or(&[][..], Vec::as_slice);
            if list.is_empty() || list.len() > MAX_LEVELS {
                fail!("the levels of a feature are damaged");
            }
            let others = list.iter().map(text).collect::<Result<Vec<String>>>()?;
            Some(Levels { baseline: text(&value["baseline"])?, others })
        }
        _ => fail!("the kind of a feature is unknown"),
    };
    Ok(Feature { name, levels })
}

pub(crate) fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_string).ok_or_else(|| Error::new("its description is incomplete"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Model {
        let levels = Levels { baseline: "x".into(), others: vec!["y".into(), "z, \"é\"".into()] };
        Model {
            target: "t".into(),
            encoder: Encoder {
                features: vec![
                    Feature { name: "a".into(), levels: None },
                    Feature { name: "c".into(), levels: Some(levels) },
                ],
                mean: vec![1.0, 0.25, 0.25],
                scale: vec![2.0, 0.5, 0.5],
            },
            linear: Linear { weight: vec![0.1, -0.2, 0.3], bias: 0.01 },
            target_mean: 10.0,
            target_scale: 4.0,
        }
    }

    fn refused(bytes: &[u8]) -> String {
        Model::from_bytes(bytes).expect_err("the bytes should be refused").to_string()
    }

    #[test]
    fn a_file_gives_back_the_model() {
        let bytes = model().to_bytes().unwrap();
        assert_eq!(Model::from_bytes(&bytes).unwrap(), model());
        assert_eq!(bytes, model().to_bytes().unwrap());
    }

    #[test]
    fn parameters_in_units_predict_the_same() {
        let model = model();
        let table = Table::parse("t.csv", b"a,c\n5,y\n-3,x\n").unwrap();
        let predicted = model.predict(&table, &[0, 1], &mut vec![]).unwrap();
        let p = model.parameters(&model.linear);
        assert!((predicted[0] - (p[0] * 5.0 + p[1] + p[3])).abs() < 1e-12);
        assert!((predicted[1] - (p[0] * -3.0 + p[3])).abs() < 1e-12);
    }

    /// Wherever the file ends or a byte is changed, the answer is a model or a sentence.
    #[test]
    fn damage_is_survived() {
        let bytes = model().to_bytes().unwrap();
        for end in 0..bytes.len() {
            refused(&bytes[..end]);
        }
        for at in 0..bytes.len() {
            for change in [0x01, 0x20, 0x80, 0xff] {
                let mut bytes = bytes.clone();
                bytes[at] ^= change;
                if let Ok(model) = Model::from_bytes(&bytes) {
                    assert!(model.linear.weight.iter().all(|w| w.is_finite()));
                    assert_eq!(model.linear.weight.len(), model.encoder.width());
                }
            }
        }
    }

    #[test]
    fn hostile_files() {
        assert!(refused(b"").contains("less than 8 bytes"));
        assert!(refused(&[0xff; 64]).contains("cut off or in another format"));
        assert!(refused(&vec![b'{'; 1 << 16]).contains("another format"));
        let header =
            |json: &str| [&(json.len() as u64).to_le_bytes()[..], json.as_bytes()].concat();
        assert!(refused(&header("{}")).contains("not those of a model"));
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert!(refused(&header(&deep)).contains("damaged"));

        let mut infinite = model();
        infinite.linear.weight[1] = f64::INFINITY;
        let bytes = infinite.to_bytes().unwrap();
        assert_eq!(refused(&bytes), "the tensor \"weight\" has numbers that are not finite");

        let mut flat = model();
        flat.encoder.scale[0] = 0.0;
        assert!(refused(&flat.to_bytes().unwrap()).contains("not positive"));

        let mut narrow = model();
        narrow.encoder.features.truncate(1);
        narrow.encoder.mean.truncate(1);
        narrow.encoder.scale.truncate(1);
        assert!(narrow.to_bytes().is_err());
    }
}
