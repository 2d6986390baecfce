//! A fitted network, and the file that keeps it.
//!
//! The file is like that of [`crate::model`], with the layout `mlp-1`: the tensors of the layers
//! under torch's names, `mean` and `scale` of the columns and `target`, the mean and deviation of a
//! target that is a number.

use std::path::Path;

use chainrule_core::{DType, Tensor, manual_seed, no_grad};
use serde_json::{Value, json};

use crate::atomic;
use crate::data::array::{Array, Numbers};
use crate::data::dataset::Arrays;
use crate::data::encode::Encoder;
use crate::data::loader::Batch;
use crate::data::table::Table;
use crate::data::target::Target;
use crate::error::{Error, Result, fail};
use crate::glm::Score;
use crate::glm::model::{Predictions, classes};
use crate::glm::target::Response;
use crate::model::{about, columns, feature_to_json, no_model};
use crate::nn::{
    Activation, Layer, Linear, Metadata, Module, Reduction, Sequential, from_bytes, load_state,
    loss, state, to_bytes,
};
use crate::train::Judged;

use super::{MAX_WEIGHTS, Request};

/// The version of the layout.
pub const LAYOUT: &str = "mlp-1";

/// The rows that are predicted at once.
pub(super) const CHUNK: usize = 4096;

/// A network with all that it needs to read a table.
pub struct Model {
    /// The column that is predicted.
    pub target: String,
    /// How features become numbers.
    pub encoder: Encoder,
    /// How the target became a number.
    pub kind: Target,
    /// The widths of the hidden layers.
    pub hidden: Vec<usize>,
    pub(super) net: Sequential,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a network for {} with hidden layers {:?}", self.target, self.hidden)
    }
}

fn layers(inputs: usize, hidden: &[usize], outputs: usize) -> Sequential {
    let (mut net, mut width) = (Sequential::new(), inputs);
    for &next in hidden {
        net = net.then(Linear::new(width, next)).then(Activation::Relu);
        width = next;
    }
    net.then(Linear::new(width, outputs))
}

/// The number of weights of a network, unless it is beyond counting.
fn weights(inputs: usize, hidden: &[usize], outputs: usize) -> Option<usize> {
    let widths: Vec<usize> = [&[inputs], hidden, &[outputs]].concat();
    widths
        .windows(2)
        .try_fold(0usize, |n, w| n.checked_add(w[0].checked_add(1)?.checked_mul(w[1])?))
}

impl Model {
    /// With first weights that follow from the seed.
    pub(super) fn fresh(request: &Request, encoder: Encoder, kind: Target) -> Result<Model> {
        let (inputs, outputs) = (encoder.width(), kind.outputs());
        if weights(inputs, &request.hidden, outputs).is_none_or(|n| n > MAX_WEIGHTS) {
            fail!("the network has more than {MAX_WEIGHTS} weights; choose narrower layers");
        }
        manual_seed(request.seed);
        let net = layers(inputs, &request.hidden, outputs);
        let (target, hidden) = (request.target.clone(), request.hidden.clone());
        Ok(Model { target, encoder, kind, hidden, net })
    }

    /// The classes, or none if the target is a number.
    pub fn classes(&self) -> &[String] {
        match &self.kind {
            Target::Number { .. } => &[],
            Target::Class(classes) => classes,
        }
    }

    /// The number of weights.
    pub fn weights(&self) -> usize {
        self.net.parameters().iter().map(Tensor::len).sum()
    }

    pub(super) fn data(
        &self,
        table: &Table,
        column: usize,
        rows: &[usize],
        warnings: &mut Vec<String>,
    ) -> Result<Arrays> {
        let x = self.encoder.encode(table, rows, warnings)?;
        let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
        let y = self.kind.encode(table, column, rows)?;
        let shape = match self.kind {
            Target::Number { .. } => vec![rows.len(), 1],
            Target::Class(_) => vec![rows.len()],
        };
        Arrays::new(Array::new([rows.len(), self.encoder.width()], x)?, Array::new(shape, y)?)
    }

    pub(super) fn judged(&self, batch: &Batch) -> Result<Judged> {
        let out = self.net.forward(&batch.x)?;
        match self.kind {
            Target::Number { .. } => Ok(loss::mse(&out, &batch.y, Reduction::Mean)?.into()),
            Target::Class(_) => {
                let hits = out.argmax_axis(1, false).eq(&batch.y).to_dtype(DType::F32).mean();
                let loss = loss::cross_entropy(&out, &batch.y, Reduction::Mean)?;
                Ok(Judged { loss, metrics: vec![("accuracy", hits)] })
            }
        }
    }

    /// For each row the prediction in the unit of the target, or a probability for each class.
    pub(super) fn means(
        &self,
        table: &Table,
        rows: &[usize],
        warnings: &mut Vec<String>,
    ) -> Result<Vec<f64>> {
        self.net.set_training(false);
        let x = self.encoder.encode(table, rows, warnings)?;
        let width = self.encoder.width();
        let mut means = vec![];
        for chunk in x.chunks(CHUNK * width) {
            let x: Vec<f32> = chunk.iter().map(|&x| x as f32).collect();
            let x = Tensor::from_vec(x, [chunk.len() / width, width])?;
            let out = no_grad(|| self.net.forward(&x))?.to_dtype(DType::F64);
            match &self.kind {
                Target::Number { mean, scale } => {
                    means.extend(out.to_vec::<f64>()?.iter().map(|z| mean + scale * z));
                }
                Target::Class(_) => means.extend(out.softmax(-1).to_vec::<f64>()?),
            }
        }
        Ok(means)
    }

    /// The targets of rows, in their own unit.
    pub(super) fn observed(
        &self,
        table: &Table,
        column: usize,
        rows: &[usize],
    ) -> Result<Response> {
        let number = |&row: &usize| Ok(table.number(row, column)?.unwrap_or(f64::NAN));
        let Target::Class(classes) = &self.kind else {
            return Ok(Response::Numbers(rows.iter().map(number).collect::<Result<_>>()?));
        };
        let rows = match self.kind.encode(table, column, rows)? {
            Numbers::I64(places) => places.into_iter().map(|place| place as usize).collect(),
            _ => vec![],
        };
        Ok(Response::Classes { classes: classes.clone(), rows })
    }

    pub(super) fn score(
        &self,
        table: &Table,
        column: usize,
        rows: &[usize],
    ) -> Result<Option<Score>> {
        let means = self.means(table, rows, &mut vec![])?;
        Ok(self.observed(table, column, rows)?.score(&means))
    }

    /// Predicts every row of `table`, and compares with the target if the table has it.
    ///
    /// # Errors
    /// If the table lacks a feature of the model, or a cell is not of its kind.
    pub fn predict(&self, table: &Table) -> Result<Predictions> {
        let mut warnings = vec![];
        let rows: Vec<usize> = (0..table.len()).collect();
        let means = self.means(table, &rows, &mut warnings)?;
        let missing = self.encoder.missing(table, &rows)?;
        warnings.extend(missing.iter().map(crate::report::missing));
        Predictions::of(table, &self.target, self.classes(), means, warnings)
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
        let about = json!({
            "layout": LAYOUT, "target": self.target, "classes": self.classes(),
            "hidden": self.hidden, "features": features,
        });
        let mut tensors = prefixed(state(&self.net));
        tensors.push(("mean".into(), Tensor::from(self.encoder.mean.clone())));
        tensors.push(("scale".into(), Tensor::from(self.encoder.scale.clone())));
        if let Target::Number { mean, scale } = self.kind {
            tensors.push(("target".into(), Tensor::from([mean, scale])));
        }
        to_bytes(&tensors, Some(Metadata::from([("chainrule".to_string(), about.to_string())])))
    }

    /// The model in `bytes`, or what is wrong with them as the end of a sentence.
    fn from_bytes(bytes: &[u8]) -> Result<Model> {
        let about = about(bytes)?;
        if about["layout"] != LAYOUT {
            fail!("it was written by another version");
        }
        let (target, features, width) = columns(&about)?;
        let (classes, hidden) = (classes(&about)?, hidden(&about)?);
        let (mut tensors, _) = from_bytes(bytes)?;
        let mut take = |name: &str, n: usize| -> Result<Vec<f64>> {
            let Some(at) = tensors.iter().position(|(n, _)| n == name) else {
                fail!("the tensor \"{name}\" is missing")
            };
            let tensor = tensors.swap_remove(at).1;
            let numbers: Vec<f64> = tensor.to_vec()?;
            if tensor.shape() != [n] || numbers.iter().any(|x| !x.is_finite()) {
                fail!("the tensor \"{name}\" is not made of {n} finite numbers");
            }
            Ok(numbers)
        };
        let encoder =
            Encoder { features, mean: take("mean", width)?, scale: take("scale", width)? };
        let kind = match classes.len() {
            0 => {
                let numbers = take("target", 2)?;
                Target::Number { mean: numbers[0], scale: numbers[1] }
            }
            1 => fail!("it has a single class"),
            _ => Target::Class(classes),
        };
        let scale = if let Target::Number { scale, .. } = kind { scale } else { 1.0 };
        if encoder.scale.iter().chain([&scale]).any(|&s| s <= 0.0) {
            fail!("a standard deviation in it is not positive");
        }
        if weights(width, &hidden, kind.outputs()).is_none_or(|n| n > bytes.len() / 4) {
            fail!("its layers do not fit the file");
        }
        let net = layers(width, &hidden, kind.outputs());
        let own = tensors.into_iter().map(|(name, tensor)| {
            let name = name.strip_prefix("net.").unwrap_or(&name).to_string();
            (name, tensor)
        });
        load_state(&net, &own.collect::<Vec<_>>())
            .map_err(|_| Error::new("its tensors are not those of its layers"))?;
        for p in net.parameters() {
            if p.to_vec::<f32>()?.iter().any(|w| !w.is_finite()) {
                fail!("a weight in it is not finite");
            }
        }
        Ok(Model { target, encoder, kind, hidden, net })
    }
}

fn prefixed(tensors: Vec<(String, Tensor)>) -> Vec<(String, Tensor)> {
    tensors.into_iter().map(|(name, tensor)| (format!("net.{name}"), tensor)).collect()
}

fn hidden(about: &Value) -> Result<Vec<usize>> {
    let list = about["hidden"].as_array().map_or(&[][..], Vec::as_slice);
    if list.len() > 1000 {
        fail!("it has more than 1000 layers");
    }
    let width = |n: &Value| match n.as_u64() {
        Some(n @ 1..=65_536) => Ok(n as usize),
        _ => Err(Error::new("the widths of its layers are damaged")),
    };
    list.iter().map(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::encode::Feature;

    fn model(kind: Target) -> Model {
        manual_seed(1);
        let features = vec![Feature { name: "a".into(), levels: None }];
        let encoder = Encoder { features, mean: vec![1.0], scale: vec![2.0] };
        let net = layers(1, &[3], kind.outputs());
        Model { target: "t".into(), encoder, kind, hidden: vec![3], net }
    }

    fn both() -> [Model; 2] {
        [
            model(Target::Number { mean: 10.0, scale: 4.0 }),
            model(Target::Class(vec!["no".into(), "yes, \"é\"".into()])),
        ]
    }

    #[test]
    fn files_give_back_their_models() {
        let table = Table::parse("t.csv", b"a,t\n5,1\n-3,2\n").unwrap();
        for model in both() {
            let again = Model::from_bytes(&model.to_bytes().unwrap()).unwrap();
            let (a, b) = (model.predict(&table).unwrap(), again.predict(&table).unwrap());
            assert_eq!((a.means, again.kind), (b.means, model.kind));
        }
    }

    /// Wherever the file ends or a byte is changed, the answer is a model or a sentence.
    #[test]
    fn damage_is_survived() {
        for model in both() {
            let bytes = model.to_bytes().unwrap();
            for end in 0..bytes.len() {
                assert!(Model::from_bytes(&bytes[..end]).is_err());
            }
            for at in 0..bytes.len() {
                for change in [0x01, 0x20, 0x80] {
                    let mut bytes = bytes.clone();
                    bytes[at] ^= change;
                    let _ = Model::from_bytes(&bytes);
                }
            }
        }
    }
}
