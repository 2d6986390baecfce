//! What a model consists of and costs, layer by layer.
//!
//! The model is run on an input without computing a number: recording a graph knows all shapes.
//! Layers tell what they make; names come from the model's list. A multiplication with an addition
//! is one MAC, two floating-point operations; only products of matrices and convolutions are
//! counted, as elementwise work is small beside them. A backward pass costs about twice the forward
//! pass. `memory` is that of the layers' results, which training keeps for the backward pass.
//!
//! ```
//! use chainrule_core::Tensor;
//! use chainrule_fit::nn::{Activation, Linear, Sequential, summary};
//! let net = Sequential::new()
//!     .named("hidden", Linear::new(20, 64))
//!     .then(Activation::Relu)
//!     .named("out", Linear::new(64, 3));
//! let found = summary(&net, &Tensor::zeros([8, 20]))?;
//! assert_eq!(found.parameters, 20 * 64 + 64 + 64 * 3 + 3);
//! assert_eq!(found.macs, 8 * (20 * 64 + 64 * 3));
//! assert_eq!(found.to_string(), "\
//! layer   kind    output   parameters    MACs   memory
//! hidden  Linear  [8, 64]       1 344  10 240  2.0 KiB
//! 1       Relu    [8, 64]           0       0  2.0 KiB
//! out     Linear  [8, 3]          195   1 536     96 B
//! total                         1 539  11 776  4.1 KiB
//! ");
//! # Ok::<(), chainrule_fit::Error>(())
//! ```

use std::collections::HashMap;
use std::fmt;

use chainrule_core::{Tensor, no_grad};

use super::layer::{Layer, Seen, listen};
use super::module::{Mode, Slot};
use crate::error::Result;

/// One layer's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    /// The names on the way to the layer, joined by dots; empty for a model that is one layer.
    pub name: String,
    /// The layer's type.
    pub kind: String,
    /// The shape of its result.
    pub output: Vec<usize>,
    /// How many numbers it learns; 0 if the layer came before.
    pub parameters: usize,
    /// Multiplications with an addition.
    pub macs: u64,
    /// The bytes of its result.
    pub bytes: usize,
}

/// What a model consists of and costs: [`summary`]. Its `Display` is a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// In the order in which layers ran.
    pub rows: Vec<SummaryRow>,
    /// How many numbers the model learns, those that no row has included.
    pub parameters: usize,
    /// How many numbers it keeps without learning them.
    pub buffers: usize,
    /// Multiplications with an addition of a forward pass.
    pub macs: u64,
    /// The bytes of all results.
    pub bytes: usize,
}

/// Runs `model` in evaluation on `input`, of which only shape and element type matter.
///
/// # Errors
/// If the model does not take such an input.
pub fn summary(model: &(impl Layer + ?Sized), input: &Tensor) -> Result<Summary> {
    let list = model.all();
    let before: Vec<bool> = list.modes().iter().map(Mode::is_training).collect();
    model.set_training(false);
    let (y, seen) = listen(|| no_grad(|| model.forward(input)));
    list.modes().iter().zip(before).for_each(|(mode, on)| mode.set_training(on));
    y?;

    let mut names: HashMap<_, String> = HashMap::from([(model.identity(), String::new())]);
    for part in list.parts() {
        names.insert(part.identity, part.name.clone());
    }
    let mut own: HashMap<&str, usize> = HashMap::new();
    let (mut parameters, mut buffers) = (0, 0);
    let told: Vec<&str> =
        seen.iter().filter_map(|s| Some(names.get(&s.identity)?.as_str())).collect();
    for entry in model.entries() {
        let n = entry.slot.tensor().len();
        if matches!(entry.slot, Slot::Buffer(_)) {
            buffers += n;
            continue;
        }
        parameters += n;
        if let Some(owner) = told.iter().filter(|t| owns(t, &entry.name)).max_by_key(|t| t.len()) {
            *own.entry(owner).or_default() += n;
        }
    }
    let mut rows = vec![];
    for Seen { identity, label, shape, bytes, macs } in &seen {
        let name = names.get(identity).cloned().unwrap_or_else(|| "?".into());
        let parameters = own.remove(name.as_str()).unwrap_or(0);
        let (output, bytes) = (shape.clone(), *bytes);
        let kind = label.clone();
        rows.push(SummaryRow { name, kind, output, parameters, macs: *macs, bytes });
    }
    let macs = rows.iter().map(|r| r.macs).sum();
    let bytes = rows.iter().map(|r| r.bytes).sum();
    Ok(Summary { rows, parameters, buffers, macs, bytes })
}

/// Whether the tensor `name` is inside the module `part`.
fn owns(part: &str, name: &str) -> bool {
    part.is_empty() || name.strip_prefix(part).is_some_and(|rest| rest.starts_with('.'))
}

/// Digits in groups of three.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(c);
    }
    text
}

fn memory(bytes: usize) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KiB", "MiB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} GiB")
}

const HEAD: [&str; 6] = ["layer", "kind", "output", "parameters", "MACs", "memory"];

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![HEAD.map(String::from)];
        let numbers = |parameters: usize, macs, bytes| {
            [grouped(parameters as u64), grouped(macs), memory(bytes)]
        };
        for row in &self.rows {
            let name = if row.name.is_empty() { "(model)" } else { &row.name };
            let [p, m, b] = numbers(row.parameters, row.macs, row.bytes);
            lines.push([name.into(), row.kind.clone(), format!("{:?}", row.output), p, m, b]);
        }
        let rest = self.parameters - self.rows.iter().map(|r| r.parameters).sum::<usize>();
        if rest > 0 {
            let empty = String::new;
            let rest = grouped(rest as u64);
            lines.push(["(elsewhere)".into(), empty(), empty(), rest, empty(), empty()]);
        }
        let [p, m, b] = numbers(self.parameters, self.macs, self.bytes);
        lines.push(["total".into(), String::new(), String::new(), p, m, b]);
        let width = |k: usize| lines.iter().map(|l| l[k].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
        for line in &lines {
            let mut text = String::new();
            for (k, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let gap = if k == 0 { "" } else { "  " };
                text += &match k {
                    0..3 => format!("{gap}{cell:<width$}"),
                    _ => format!("{gap}{cell:>width$}"),
                };
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}
