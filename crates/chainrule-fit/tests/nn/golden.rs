//! Values and derivatives of every layer and loss, compared with those that torch computed
//! (`tools/golden_nn.py`).

use std::collections::BTreeMap;
use std::path::Path;

use chainrule_core::{DType, Tensor, grad};
use chainrule_fit::nn::{Slot, load_state, read};

use super::cases::{Case, layers, losses};
use super::drawing;

/// Relative to max(1, |y|). Both sides compute with 53 bits; the largest distance that occurs is
/// 3·10⁻¹⁴, and wherever a formula or a default differs it shows in the third digit.
const TOLERANCE: f64 = 1e-9;

/// The tensors of one case by their names.
pub(crate) type Stored = BTreeMap<String, Tensor>;

/// The golden file, by case.
pub(crate) fn stored() -> BTreeMap<String, Stored> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/nn.safetensors");
    let mut cases: BTreeMap<String, Stored> = BTreeMap::new();
    for (key, tensor) in read(&path).expect("the golden file").0 {
        let (case, name) = key.split_once('/').expect("a case and a name");
        cases.entry(case.into()).or_default().insert(name.into(), tensor);
    }
    cases
}

/// The tensors whose names start with `prefix`, without it.
pub(crate) fn part(stored: &Stored, prefix: &str) -> Vec<(String, Tensor)> {
    let strip =
        |(name, x): (&String, &Tensor)| Some((name.strip_prefix(prefix)?.into(), x.clone()));
    stored.iter().filter_map(strip).collect()
}

/// Inputs; those with derivatives are leaves that ask for them.
pub(crate) fn inputs(stored: &Stored) -> Vec<Tensor> {
    let leaf = |(i, x): (String, Tensor)| {
        if stored.contains_key(&format!("gin/{i}")) { x.requires_grad() } else { x }
    };
    part(stored, "in/").into_iter().map(leaf).collect()
}

/// Σ wᵢ yᵢ with wᵢ = sin(1 + i), over all results.
pub(crate) fn weighted(outputs: &[Tensor]) -> Tensor {
    let mut total = Tensor::from(0.0);
    for y in outputs {
        let w: Vec<f64> = (0..y.len()).map(|i| (1.0 + i as f64).sin()).collect();
        total = total + (y * Tensor::from_vec(w, y.shape()).expect("weights")).sum();
    }
    total
}

fn near(case: &str, what: &str, ours: &Tensor, theirs: &Tensor) {
    assert_eq!(ours.shape(), theirs.shape(), "{case}: the shape of {what}");
    let (x, y) = (ours.to_vec::<f64>().expect("ours"), theirs.to_vec::<f64>().expect("theirs"));
    for (i, (x, y)) in x.iter().zip(&y).enumerate() {
        let gap = (x - y).abs() / y.abs().max(1.0);
        assert!(x == y || gap <= TOLERANCE, "{case}: {what} at {i}: {x}, torch has {y}");
    }
}

/// Runs a case with torch's parameters and compares everything.
fn compare(case: &Case, stored: &Stored) {
    let name = &case.name;
    load_state(&*case.module, &part(stored, "param/")).unwrap_or_else(|e| panic!("{name}: {e}"));
    let x = inputs(stored);
    let y = (case.run)(&x).unwrap_or_else(|e| panic!("{name}: {e}"));
    let expected = part(stored, "out/");
    assert_eq!(y.len(), expected.len(), "{name}: the number of results");
    for (y, (i, expected)) in y.iter().zip(&expected) {
        near(name, &format!("result {i}"), y, expected);
    }
    let mut leaves: Vec<(String, Tensor)> = vec![];
    for (i, x) in x.iter().enumerate().filter(|(_, x)| x.tracks_grad()) {
        leaves.push((format!("gin/{i}"), x.clone()));
    }
    for entry in case.module.entries() {
        if let Slot::Parameter(p) = entry.slot {
            leaves.push((format!("grad/{}", entry.name), p));
        }
    }
    let all: Vec<&Tensor> = leaves.iter().map(|l| &l.1).collect();
    let gradients = grad(&weighted(&y), &all).unwrap_or_else(|e| panic!("{name}: {e}"));
    for ((key, _), gradient) in leaves.iter().zip(&gradients) {
        near(name, key, gradient, &stored[key]);
    }
    for entry in case.module.entries() {
        if let Some(after) = stored.get(&format!("after/{}", entry.name)) {
            near(name, &entry.name, &entry.slot.tensor(), after);
        }
    }
}

#[test]
fn layers_and_losses_agree_with_torch() {
    let _any = drawing();
    let mut golden = stored();
    for case in layers(DType::F64).into_iter().chain(losses()) {
        let stored = golden.remove(&case.name);
        let stored = stored.unwrap_or_else(|| panic!("{} is not in the golden file", case.name));
        compare(&case, &stored);
    }
    assert!(golden.is_empty(), "not compared: {:?}", golden.keys().collect::<Vec<_>>());
}
