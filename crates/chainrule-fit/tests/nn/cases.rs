//! Every layer and every loss, under the names of the golden file.

use std::rc::Rc;

use chainrule_core::{DType, Tensor};
use chainrule_fit::Result;
use chainrule_fit::nn::loss::{self, CrossEntropy, TripletMargin};
use chainrule_fit::nn::{
    Activation, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, BatchNorm1d, BatchNorm2d, Cell, Conv1d,
    Conv2d, ConvOptions, ConvTranspose1d, ConvTranspose2d, Embedding, Flatten, Layer, LayerNorm,
    Linear, List, Masks, MaxPool1d, MaxPool2d, Module, MultiheadAttention, Recurrent,
    RecurrentOptions, Reduction, RmsNorm, Softmax, State, TransformerEncoderLayer,
    TransformerOptions, init,
};

type Function = Box<dyn Fn(&[Tensor]) -> Result<Vec<Tensor>>>;

/// A module and what is done with it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) module: Rc<dyn Module>,
    pub(crate) run: Function,
}

/// A module that holds nothing, for losses.
struct Nothing;

impl Module for Nothing {
    fn list(&self, _: &mut List) {}
}

fn of<M: Module + 'static>(
    name: impl Into<String>,
    module: M,
    run: impl Fn(&M, &[Tensor]) -> Result<Vec<Tensor>> + 'static,
) -> Case {
    let module = Rc::new(module);
    let own = module.clone();
    Case { name: name.into(), module, run: Box::new(move |x| run(&own, x)) }
}

fn layer(name: impl Into<String>, layer: impl Layer + 'static) -> Case {
    of(name, layer, |l, x| Ok(vec![l.forward(&x[0])?]))
}

/// Every layer, with parameters of this element type.
pub(crate) fn layers(dtype: DType) -> Vec<Case> {
    let all = || -> Result<Vec<Case>> {
        let parts = [basic()?, convolutions()?, activations(), recurrent(), attention()?];
        Ok(parts.into_iter().flatten().collect())
    };
    init::with_dtype(dtype, all).expect("layers")
}

fn basic() -> Result<Vec<Case>> {
    let evaluated = BatchNorm2d::new(2);
    evaluated.set_training(false);
    Ok(vec![
        layer("linear", Linear::new(3, 4)),
        layer("linear without bias", Linear::without_bias(3, 2)),
        layer("linear of a vector", Linear::new(3, 2)),
        layer("embedding", Embedding::new(6, 3)),
        layer("embedding with padding", Embedding::with_padding(5, 2, 3)?),
        layer("flatten", Flatten::default()),
        layer("layer norm", LayerNorm::new([5])),
        layer("layer norm over two axes", LayerNorm { eps: 1e-3, ..LayerNorm::new([2, 3]) }),
        layer("layer norm without parameters", LayerNorm::plain([4])),
        layer("rms norm", RmsNorm::new([5])),
        layer("rms norm with eps", RmsNorm { eps: Some(1e-2), ..RmsNorm::new([2, 3]) }),
        layer("batch norm 1d", BatchNorm1d::new(3)),
        layer(
            "batch norm 1d of sequences",
            BatchNorm1d { momentum: Some(0.3), ..BatchNorm1d::new(2) },
        ),
        layer("batch norm 2d", BatchNorm2d { eps: 1e-3, ..BatchNorm2d::new(2) }),
        layer("batch norm without parameters", BatchNorm2d::plain(2)),
        layer("batch norm of all batches", BatchNorm1d { momentum: None, ..BatchNorm1d::new(3) }),
        layer("batch norm in evaluation", evaluated),
        layer("softmax", Softmax { axis: 1, log: false }),
        layer("log softmax", Softmax { axis: -1, log: true }),
    ])
}

fn convolutions() -> Result<Vec<Case>> {
    let (one, two) = (ConvOptions::<1>::default(), ConvOptions::<2>::default());
    let strided = ConvOptions { stride: [2], padding: [2], dilation: [2], groups: 2, ..one };
    let flat = ConvOptions { stride: [2, 1], padding: [1, 2], dilation: [1, 2], ..two };
    let depth = ConvOptions { padding: [1, 1], groups: 3, ..two };
    let single = ConvOptions { stride: [2, 2], ..two };
    let up = ConvOptions { stride: [2], padding: [1], ..one };
    let up_parts = ConvOptions { stride: [3], padding: [1], dilation: [2], groups: 2, ..one };
    let up_flat = ConvOptions { stride: [2, 1], padding: [1, 0], groups: 2, bias: false, ..two };
    Ok(vec![
        layer("conv1d", Conv1d::new(2, 3, [3])),
        layer("conv1d with options", Conv1d::with(4, 6, [3], strided)?),
        layer("conv1d of one", Conv1d::with(3, 2, [1], ConvOptions { bias: false, ..one })?),
        layer("conv2d", Conv2d::new(2, 3, [3, 3])),
        layer("conv2d with options", Conv2d::with(2, 4, [3, 2], flat)?),
        layer("conv2d by depth", Conv2d::with(3, 6, [3, 3], depth)?),
        layer("conv2d of one", Conv2d::with(3, 2, [1, 1], single)?),
        layer("conv transpose 1d", ConvTranspose1d::with(3, 2, [4], up, [0])?),
        layer("conv transpose 1d with options", ConvTranspose1d::with(4, 4, [3], up_parts, [2])?),
        layer("conv transpose 2d", ConvTranspose2d::with(2, 3, [2, 2], single, [0, 0])?),
        layer(
            "conv transpose 2d with options",
            ConvTranspose2d::with(2, 4, [3, 2], up_flat, [1, 0])?,
        ),
        layer("max pool 1d", MaxPool1d::new([2])),
        layer("max pool 2d", MaxPool2d::new([2, 2])),
        layer(
            "max pool 2d with options",
            MaxPool2d { kernel: [3, 2], stride: [1, 2], padding: [1, 1], dilation: [1, 2] },
        ),
        layer("avg pool 1d", AvgPool1d { stride: [2], padding: [1], ..AvgPool1d::new([3]) }),
        layer("avg pool 2d", AvgPool2d::new([2, 2])),
        layer(
            "avg pool 2d without padding",
            AvgPool2d { kernel: [3, 3], stride: [2, 2], padding: [1, 1], count_include_pad: false },
        ),
        layer("adaptive avg pool", AdaptiveAvgPool2d { output: [3, 2] }),
        layer("global avg pool", AdaptiveAvgPool2d { output: [1, 1] }),
    ])
}

fn activations() -> Vec<Case> {
    let all = [
        Activation::Identity,
        Activation::Relu,
        Activation::LeakyRelu(0.2),
        Activation::Elu(0.7),
        Activation::Selu,
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Mish,
        Activation::Tanh,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Softsign,
        Activation::LogSigmoid,
        Activation::HardTanh,
        Activation::Relu6,
        Activation::HardSigmoid,
        Activation::HardSwish,
    ];
    let name = |a: &Activation| format!("{a:?}").split('(').next().unwrap_or_default().to_string();
    all.into_iter().map(|a| layer(format!("activation {}", name(&a)), a)).collect()
}

/// Output and last states, from an initial state if there are inputs for it.
fn states(layer: &Recurrent, x: &[Tensor]) -> Result<Vec<Tensor>> {
    let initial = x.get(1).map(|h| State { hidden: h.clone(), cell: x.get(2).cloned() });
    let (y, last) = layer.run(&x[0], initial.as_ref())?;
    Ok([y, last.hidden].into_iter().chain(last.cell).collect())
}

fn recurrent() -> Vec<Case> {
    let usual = RecurrentOptions::default();
    let plain = RecurrentOptions { bias: false, ..usual };
    let first = RecurrentOptions { batch_first: true, ..usual };
    let both = RecurrentOptions { layers: 2, bidirectional: true, ..usual };
    let all = [
        ("rnn", Cell::Rnn, 3, 4, usual),
        ("rnn with relu", Cell::RnnRelu, 3, 4, plain),
        ("gru", Cell::Gru, 3, 4, both),
        ("gru from a state", Cell::Gru, 2, 3, first),
        ("gru without bias", Cell::Gru, 2, 3, plain),
        ("lstm", Cell::Lstm, 3, 4, usual),
        ("lstm of two layers", Cell::Lstm, 2, 3, RecurrentOptions { batch_first: true, ..both }),
        ("lstm of one sequence", Cell::Lstm, 2, 3, usual),
    ];
    let case = |(name, cell, inputs, hidden, options)| {
        of(name, Recurrent::with(cell, inputs, hidden, options), states)
    };
    all.into_iter().map(case).collect()
}

fn attention() -> Result<Vec<Case>> {
    let first = |width, heads| -> Result<MultiheadAttention> {
        Ok(MultiheadAttention { batch_first: true, ..MultiheadAttention::new(width, heads)? })
    };
    let itself = |m: &MultiheadAttention, x: &Tensor, masks: &Masks| {
        let found = m.of_itself(x, masks)?;
        Ok(vec![found.output, found.weights])
    };
    let causal = Masks { causal: true, ..Masks::default() };
    let hidden = |x: &Tensor| Masks { key_padding: Some(x.clone()), ..Masks::default() };
    let options = TransformerOptions { dropout: 0.0, ..TransformerOptions::default() };
    let batch_first = TransformerOptions { batch_first: true, ..options };
    let before =
        TransformerOptions { norm_first: true, activation: Activation::Gelu, ..batch_first };
    let block = |options| TransformerEncoderLayer::with(4, 2, 6, options);
    Ok(vec![
        of("attention", MultiheadAttention::new(6, 2)?, move |m, x| {
            itself(m, &x[0], &Masks::default())
        }),
        of("attention causal", first(4, 2)?, move |m, x| itself(m, &x[0], &causal)),
        of("attention with padding", first(4, 2)?, move |m, x| itself(m, &x[0], &hidden(&x[1]))),
        of("attention with a mask", MultiheadAttention::without_bias(4, 2)?, move |m, x| {
            itself(m, &x[0], &Masks { attention: Some(x[1].clone()), ..Masks::default() })
        }),
        of("attention across", first(4, 1)?, |m, x| {
            let found = m.attention(&x[0], &x[1], &x[2], &Masks::default())?;
            Ok(vec![found.output, found.weights])
        }),
        of("attention of one sequence", MultiheadAttention::new(4, 2)?, move |m, x| {
            itself(m, &x[0], &Masks::default())
        }),
        layer("encoder layer", block(options)?),
        layer("encoder layer norm first", block(before)?),
        of("encoder layer with masks", block(batch_first)?, move |m, x| {
            Ok(vec![m.masked(&x[0], &Masks { causal: true, ..hidden(&x[1]) })?])
        }),
    ])
}

type Loss = Box<dyn Fn(&[Tensor], Reduction) -> Result<Tensor>>;

/// Every loss with every reduction.
pub(crate) fn losses() -> Vec<Case> {
    let mut cases = vec![];
    let words = [
        ("mean", Reduction::Mean),
        ("sum", Reduction::Sum),
        ("none", Reduction::None),
        ("batchmean", Reduction::BatchMean),
    ];
    for (name, f) in loss_list() {
        let f = Rc::new(f);
        let many = match name {
            "kl div" => 4,
            "cross entropy of one" => 1,
            _ => 3,
        };
        for (word, reduction) in words.into_iter().take(many) {
            let f = f.clone();
            let name = format!("loss {name}, {word}");
            cases.push(of(name, Nothing, move |_, x| Ok(vec![f(x, reduction)?])));
        }
    }
    cases
}

#[rustfmt::skip] // a table
fn loss_list() -> Vec<(&'static str, Loss)> {
    fn new(f: impl Fn(&[Tensor], Reduction) -> Result<Tensor> + 'static) -> Loss {
        Box::new(f)
    }
    let plain = |x: &[Tensor], reduction| loss::cross_entropy(&x[0], &x[1], reduction);
    let smooth = |x: &[Tensor], reduction, label_smoothing| {
        let weight = Some(x[2].clone());
        CrossEntropy { weight, label_smoothing, reduction, ..CrossEntropy::default() }
            .of(&x[0], &x[1])
    };
    let triplet = |x: &[Tensor], reduction| {
        TripletMargin { margin: 2.0, p: 3.0, swap: true, reduction, ..TripletMargin::default() }
            .of(&x[0], &x[1], &x[2])
    };
    vec![
        ("mse", new(|x, r| loss::mse(&x[0], &x[1], r))),
        ("l1", new(|x, r| loss::l1(&x[0], &x[1], r))),
        ("smooth l1", new(|x, r| loss::smooth_l1(&x[0], &x[1], 0.7, r))),
        ("huber", new(|x, r| loss::huber(&x[0], &x[1], 0.7, r))),
        ("cross entropy", new(plain)),
        ("cross entropy, weighted and smoothed", new(move |x, r| smooth(x, r, 0.1))),
        ("cross entropy of images", new(plain)),
        ("cross entropy of one", new(plain)),
        ("cross entropy of probabilities", new(move |x, r| smooth(x, r, 0.2))),
        ("cross entropy, huge", new(plain)),
        ("nll", new(|x, reduction| {
            let weight = Some(x[2].clone());
            let options =
                CrossEntropy { weight, ignore_index: 0, reduction, ..CrossEntropy::default() };
            loss::nll(&x[0], &x[1], &options)
        })),
        ("bce", new(|x, r| loss::bce(&x[0], &x[1], r))),
        ("bce with logits", new(|x, r| loss::bce_with_logits(&x[0], &x[1], None, r))),
        ("bce with logits, weighted", new(|x, r| {
            loss::bce_with_logits(&x[0], &x[1], Some(&x[2]), r)
        })),
        ("bce with logits, huge", new(|x, r| loss::bce_with_logits(&x[0], &x[1], None, r))),
        ("kl div", new(|x, r| loss::kl_div(&x[0], &x[1], false, r))),
        ("kl div of logarithms", new(|x, r| loss::kl_div(&x[0], &x[1], true, r))),
        ("hinge embedding", new(|x, r| loss::hinge_embedding(&x[0], &x[1], 1.0, r))),
        ("margin ranking", new(|x, r| loss::margin_ranking(&x[0], &x[1], &x[2], 0.2, r))),
        ("cosine embedding", new(|x, r| loss::cosine_embedding(&x[0], &x[1], &x[2], -0.6, r))),
        ("triplet margin", new(|x, r| loss::triplet_margin(&x[0], &x[1], &x[2], r))),
        ("triplet margin, swapped", new(triplet)),
        ("poisson nll", new(|x, r| loss::poisson_nll(&x[0], &x[1], true, false, r))),
        ("poisson nll of rates", new(|x, r| loss::poisson_nll(&x[0], &x[1], false, true, r))),
        ("gaussian nll", new(|x, r| loss::gaussian_nll(&x[0], &x[1], &x[2], true, r))),
        ("soft margin", new(|x, r| loss::soft_margin(&x[0], &x[1], r))),
        ("multilabel soft margin", new(|x, r| {
            loss::multilabel_soft_margin(&x[0], &x[1], Some(&x[2]), r)
        })),
    ]
}
