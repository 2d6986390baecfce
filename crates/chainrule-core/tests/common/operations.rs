//! Every operation on whole tensors, each listed once as a function of its inputs: movement,
//! reductions, contractions.

#![allow(dead_code, unreachable_pub)] // each test file uses its part

use chainrule_core::{DType, NewAxis, Tensor, cat, einsum, stack};

use super::{distinct, tensor};

pub type Function = Box<dyn Fn(&[Tensor]) -> Tensor>;

/// One operation: its name, inputs, the function, and whether that is linear in all of them.
pub struct Case {
    pub name: &'static str,
    pub x: Vec<Tensor>,
    pub f: Function,
    pub linear: bool,
}

fn case(name: &'static str, x: Vec<Tensor>, f: impl Fn(&[Tensor]) -> Tensor + 'static) -> Case {
    Case { name, x, f: Box::new(f), linear: false }
}

fn linear(name: &'static str, x: Vec<Tensor>, f: impl Fn(&[Tensor]) -> Tensor + 'static) -> Case {
    Case { linear: true, ..case(name, x, f) }
}

/// Operations that move elements about.
pub fn movement() -> Vec<Case> {
    let x = || vec![tensor(&[2, 3, 4], 1)];
    let index = Tensor::from([[2, 0, 2, 1], [1, 1, 0, -1]]).unsqueeze(1).expand([2, 3, 4]);
    let rows = Tensor::from([1, 0, 0, 1, -1]);
    let (gather, scatter) = (index.clone(), index);
    vec![
        linear("reshape", x(), |x| x[0].reshape([4, -1])),
        linear("squeeze and unsqueeze", vec![tensor(&[2, 1, 3], 1)], |x| {
            x[0].squeeze(1).unsqueeze(-1).unsqueeze(0)
        }),
        linear("reshape of a permute", x(), |x| x[0].permute([1, 0, 2]).reshape([6, 4])),
        linear("permute", x(), |x| x[0].permute([2, 0, 1])),
        linear("transpose", x(), |x| x[0].transpose(0, 2).reshape([-1])),
        linear("flip", x(), |x| x[0].flip([0, 2])),
        linear("expand", vec![tensor(&[3, 1], 2)], |x| x[0].expand([2, 3, 4])),
        linear("slice", x(), |x| x[0].slice(2, 1..3)),
        linear("an element", x(), |x| x[0].i((1, -1, 2))),
        linear("new axes", x(), |x| x[0].i((NewAxis, 0, NewAxis, 1..))),
        linear("rows by index", x(), |x| x[0].i((.., &Tensor::from([[2, 0], [2, -1]])))),
        linear("slice with step", x(), |x| x[0].i((.., (0..3, 2), (.., -3)))),
        linear("pad", x(), |x| x[0].pad(1, 2, 1)),
        linear("pad of a slice", x(), |x| x[0].pad(0, 1, 0).slice(0, 0..2).pad(2, 0, 3)),
        linear("gather", x(), move |x| x[0].gather(1, &gather)),
        linear("scatter_add", vec![tensor(&[2, 3, 4], 1), tensor(&[2, 3, 4], 2)], move |x| {
            x[0].scatter_add(1, &scatter, &x[1])
        }),
        linear("index_select", x(), move |x| x[0].index_select(0, &rows)),
        linear("mask", x(), |x| x[0].i(&tensor(&[2, 3, 4], 5).gt(0.0))),
        linear("unfold", x(), |x| x[0].unfold(2, 2, 1)),
        linear("unfold of an inner axis", vec![tensor(&[2, 9, 2], 1)], |x| {
            x[0].unfold_dilated(1, 3, 2, 2)
        }),
        linear("unfold of windows", vec![tensor(&[5, 6], 1)], |x| {
            x[0].unfold(0, 2, 1).unfold(1, 3, 2).permute([3, 2, 0, 1]).reshape([6, -1])
        }),
        linear("unfold without overlap", vec![tensor(&[7], 1)], |x| x[0].unfold(0, 2, 3)),
        linear("fold", vec![tensor(&[2, 3, 4], 1)], |x| x[0].fold(1, 6, 1, 1)),
        linear("fold of an inner axis", vec![tensor(&[2, 3, 2, 3], 1)], |x| x[0].fold(1, 10, 2, 2)),
        linear("fold of a permute", vec![tensor(&[2, 3, 2, 4], 1)], |x| {
            x[0].permute([0, 3, 2, 1]).fold(1, 13, 3, 1).fold(0, 3, 1, 1)
        }),
        linear("cumsum", x(), |x| x[0].cumsum(1)),
        linear("cumsum backwards", x(), |x| x[0].flip(2).cumsum(-1).flip(2)),
        case("cumprod", x(), |x| x[0].cumprod(2)),
        case("cumprod with zeros", vec![Tensor::from([2.0, 0.0, 3.0, 0.0, 1.5])], |x| {
            x[0].cumprod(0)
        }),
        linear("cast", x(), |x| (x[0].to_dtype(DType::F64) * 2.0).to_dtype(DType::F64)),
        linear("cat", vec![tensor(&[2, 3], 1), tensor(&[2, 2], 2)], |x| {
            cat(&[&x[0], &x[1], &x[0]], 1).expect("cat")
        }),
        linear("stack", vec![tensor(&[2, 3], 1), tensor(&[2, 3], 2)], |x| {
            stack(&[&x[0], &x[1]], 1).expect("stack")
        }),
        linear("where", vec![tensor(&[2, 3], 1), tensor(&[3], 2)], |x| {
            tensor(&[2, 1], 3).gt(0.0).where_(&x[0], &x[1])
        }),
        // The cotangent of the `where`, and of the maximum, is 0 at this point: not masked, but a
        // number like others, on whose derivative the second derivative depends.
        case("where times 0", vec![Tensor::from([1.0, 2.0])], |x| {
            x[0].gt(-1.0).where_(&x[0].square(), 0.0) * (&x[0] - 1.0)
        }),
        case("max times 0", vec![Tensor::from([3.0, 1.0])], |x| {
            x[0].square().max() * (x[0].i(0) - 3.0)
        }),
        case("clamp", x(), |x| x[0].clamp(-0.5, 0.7)),
        linear("diagonal", vec![tensor(&[4, 3], 1)], |x| x[0].diagonal().expect("a matrix")),
        case("sort", vec![distinct(&[3, 5])], |x| x[0].sort(1, true)),
        case("topk", vec![distinct(&[3, 5])], |x| x[0].topk(2, 1).expect("topk").0),
        linear("lerp", vec![tensor(&[3], 1), tensor(&[3], 2)], |x| x[0].lerp(&x[1], 0.3)),
    ]
}

/// Operations along axes.
pub fn reductions() -> Vec<Case> {
    let x = || vec![distinct(&[3, 4, 5])];
    let target = Tensor::from([1, 0, 3]);
    vec![
        linear("sum", x(), |x| x[0].sum()),
        linear("sum of rows", x(), |x| x[0].sum_axis(-1, false)),
        linear("sum of columns", x(), |x| x[0].sum_axis(0, true)),
        linear("sum of the middle", x(), |x| x[0].sum_axis(1, false)),
        linear("sum of both ends", x(), |x| x[0].sum_axis([0, 2], false)),
        linear("mean", x(), |x| x[0].mean_axis([1, 2], true)),
        case("var", x(), |x| x[0].var_axis(1, 1.0, false)),
        case("std", x(), |x| x[0].std_axis([0, 2], 0.0, false)),
        linear("sum of all but one", x(), |x| x[0].sum_axis([0, 1], true)),
        linear("sum of no axis", x(), |x| x[0].sum_axis([0i64; 0], false)),
        case("var of all", x(), |x| x[0].var()),
        case("std of all", x(), |x| x[0].std()),
        linear("mean of all", x(), |x| x[0].mean()),
        case("min", x(), |x| x[0].min()),
        case("max of two axes", x(), |x| x[0].max_axis([0, 2], false)),
        case("max", x(), |x| x[0].max()),
        case("max of rows", x(), |x| x[0].max_axis(2, true)),
        case("min of columns", x(), |x| x[0].min_axis(0, false)),
        case("min of the middle", x(), |x| x[0].min_axis(1, false)),
        case("prod", vec![Tensor::from([1.5, -0.5, 2.0, 0.3, 1.1])], |x| x[0].prod()),
        case("prod with zeros", vec![Tensor::from([[1.5, 0.0, 2.0], [0.0, 0.3, 0.0]])], |x| {
            x[0].prod_axis(1, false)
        }),
        case("logsumexp", x(), |x| x[0].logsumexp([0, 2], false)),
        case("softmax", x(), |x| x[0].softmax(1)),
        case("softmax of rows", x(), |x| x[0].softmax(-1)),
        case("log_softmax", x(), |x| x[0].log_softmax(-1)),
        case("cross_entropy", vec![tensor(&[3, 4], 7)], move |x| x[0].cross_entropy(&target)),
        case("logsumexp of rows", x(), |x| x[0].logsumexp(-1, true)),
        case("log_softmax of columns", x(), |x| x[0].log_softmax(0)),
        case("norm of rows", x(), |x| x[0].norm_axis(2, false)),
        case("norm", x(), |x| x[0].norm()),
        case("layer norm", vec![tensor(&[3, 6], 1), tensor(&[6], 2)], |x| {
            let centred = &x[0] - x[0].mean_axis(1, true);
            let variance = centred.square().mean_axis(1, true);
            centred * (variance + 1e-3).rsqrt() * &x[1]
        }),
    ]
}

/// Products of matrices and their like.
pub fn contractions() -> Vec<Case> {
    let pair = |a: &[usize], b: &[usize]| vec![tensor(a, 1), tensor(b, 2)];
    vec![
        case("dot", pair(&[4], &[4]), |x| x[0].dot(&x[1])),
        case("matmul", pair(&[2, 3], &[3, 4]), |x| x[0].matmul(&x[1])),
        case("matmul transposed", pair(&[3, 2], &[4, 3]), |x| x[0].t().matmul(&x[1].t())),
        case("matrix · vector", pair(&[2, 3], &[3]), |x| x[0].matmul(&x[1])),
        case("vector · matrix", pair(&[3], &[3, 2]), |x| x[0].matmul(&x[1])),
        case("vector · batch", pair(&[3], &[2, 3, 2]), |x| x[0].matmul(&x[1])),
        case("batch · vector", pair(&[2, 2, 3], &[3]), |x| x[0].matmul(&x[1])),
        case("vector · vector", pair(&[3], &[3]), |x| x[0].matmul(&x[1])),
        case("a matrix and itself", vec![tensor(&[3, 3], 1)], |x| x[0].matmul(&x[0]).matmul(&x[0])),
        case("batched", pair(&[2, 2, 3], &[2, 3, 2]), |x| x[0].matmul(&x[1])),
        case("one matrix for a batch", pair(&[2, 2, 3], &[3, 2]), |x| x[0].matmul(&x[1])),
        case("broadcast batch", pair(&[2, 1, 2, 3], &[3, 3, 2]), |x| x[0].matmul(&x[1])),
        linear("trace", vec![tensor(&[3, 3], 1)], |x| einsum("ii", &[&x[0]]).expect("einsum")),
        case("quadratic form", pair(&[3], &[3, 3]), |x| {
            einsum("i,ij,j->", &[&x[0], &x[1], &x[0]]).expect("einsum")
        }),
        case("bilinear", pair(&[2, 3], &[3, 4]), |x| {
            einsum("bi,ij->jb", &[&x[0], &x[1]]).expect("einsum")
        }),
        case("attention", pair(&[2, 3, 4], &[2, 5, 4]), |x| {
            let scores = einsum("bqd,bkd->bqk", &[&x[0], &x[1]]).expect("einsum");
            einsum("bqk,bkd->qbd", &[&scores.softmax(-1), &x[1]]).expect("einsum")
        }),
        case("einsum with sums", pair(&[2, 3], &[4, 3]), |x| {
            einsum("ik,jk->j", &[&x[0], &x[1]]).expect("einsum")
        }),
        case("outer", pair(&[2], &[3]), |x| einsum("i,j->ji", &[&x[0], &x[1]]).expect("einsum")),
        linear("diagonal", vec![tensor(&[3, 3], 1)], |x| {
            einsum("ii->i", &[&x[0]]).expect("einsum")
        }),
    ]
}

/// Every operation.
pub fn cases() -> impl Iterator<Item = Case> {
    movement().into_iter().chain(reductions()).chain(contractions())
}
