//! The reference engine: one node after the other, every value dense, no cleverness.
//!
//! Scalar functions are called element by element, sums are taken one by one in `f64`; whatever
//! the fused engine does must agree with this — in the same bits where no sum is involved.

use bytemuck::cast_slice;
use chainrule_kernels::shared::Shared;
use chainrule_kernels::{Buffer, Layout};

use super::eval::{self, Elements};
use super::{Failure, dense};
use crate::graph::node::{Value, view};
use crate::op::{Cmp, DType, Element, Extremum, Linear, Logic, Op, Scalar};
use crate::plan::Item;

/// The numbers of a dense value.
fn numbers(bytes: &[u8], dtype: DType) -> Vec<Scalar> {
    match dtype {
        DType::Bool => bytes.iter().map(|&b| Scalar::Bool(b != 0)).collect(),
        DType::U8 => bytes.iter().map(|x| x.to_scalar()).collect(),
        DType::I32 => cast_slice::<u8, i32>(bytes).iter().map(|x| x.to_scalar()).collect(),
        DType::I64 => cast_slice::<u8, i64>(bytes).iter().map(|x| x.to_scalar()).collect(),
        DType::F32 => cast_slice::<u8, f32>(bytes).iter().map(|x| x.to_scalar()).collect(),
        DType::F64 => cast_slice::<u8, f64>(bytes).iter().map(|x| x.to_scalar()).collect(),
    }
}

fn put(out: &mut [u8], dtype: DType, values: impl Iterator<Item = Scalar>) {
    let size = dtype.size();
    for (cell, value) in out.chunks_exact_mut(size).zip(values) {
        value.fill(dtype, cell);
    }
}

/// Runs a scalar function at the precision of its type.
macro_rules! float {
    ($dtype:expr, |$x:ident: $F:ident| $value:expr) => {
        match $dtype {
            DType::F32 => {
                type $F = f32;
                Scalar::Float(f64::from($value))
            }
            _ => {
                type $F = f64;
                Scalar::Float($value)
            }
        }
    };
}

/// The values of the items with `output`, in order.
pub(super) fn run(items: &[Item], inputs: &[Value]) -> Result<Vec<Value>, Failure> {
    let mut values: Vec<Shared<Buffer>> = Vec::with_capacity(items.len());
    let mut inputs = inputs.iter();
    let mut outputs = vec![];
    for (i, item) in items.iter().enumerate() {
        let value = match item.input {
            Some(_) => {
                let Some(value) = inputs.next() else { unreachable!("an input per input item") };
                dense(value, &item.shape, item.dtype.size())
            }
            None => one(i, item, items, &values)?,
        };
        let value = Shared::new(value);
        if item.output {
            outputs.push(Value { buffer: value.clone(), layout: None });
        }
        values.push(value);
    }
    Ok(outputs)
}

fn one(
    i: usize,
    item: &Item,
    items: &[Item],
    values: &[Shared<Buffer>],
) -> Result<Buffer, Failure> {
    let src: Vec<(&Item, &Buffer)> =
        item.src.iter().map(|&s| (&items[s as usize], &*values[s as usize])).collect();
    let dtype = item.dtype;
    let mut buffer = Buffer::new(item.len() * dtype.size());
    let out = buffer.bytes_mut();
    let all = |k: usize| numbers(src[k].1.bytes(), src[k].0.dtype);
    match &item.op {
        Op::Leaf | Op::Parameter => unreachable!("a leaf has a value"),
        Op::Version | Op::Detach | Op::Variable | Op::Custom(_) => {
            out.copy_from_slice(&src[0].1.bytes()[..item.len() * dtype.size()]);
        }
        Op::Part(_, start) => {
            let bytes = item.len() * dtype.size();
            out.copy_from_slice(&src[0].1.bytes()[*start..start + bytes]);
        }
        Op::Const(c) => c.fill(dtype, out),
        Op::Iota(axis) => {
            let axis = usize::from(*axis);
            let inner: usize = item.shape[axis + 1..].iter().product();
            let index = |k: usize| Scalar::Int((k / inner % item.shape[axis]) as i64);
            put(out, dtype, (0..item.len()).map(index));
        }
        Op::Map(op) => put(
            out,
            dtype,
            all(0).into_iter().map(|x| match (x, dtype) {
                (Scalar::Int(x), DType::I64) => Scalar::Int(op.int().map_or(0, |f| f(x))),
                _ => float!(dtype, |x: F| op.f(x.to_f64() as F)),
            }),
        ),
        Op::Zip(op) => put(
            out,
            dtype,
            all(0).into_iter().zip(all(1)).map(|pair| match pair {
                (Scalar::Int(x), Scalar::Int(y)) => Scalar::Int(op.int().map_or(0, |f| f(x, y))),
                (x, y) => float!(dtype, |x: F| op.f(x.to_f64() as F, y.to_f64() as F)),
            }),
        ),
        Op::Compare(cmp) => {
            put(out, dtype, all(0).into_iter().zip(all(1)).map(|p| compare(*cmp, p)));
        }
        Op::Logic(op) => put(
            out,
            dtype,
            all(0).into_iter().zip(all(1)).map(|(x, y)| {
                let (x, y) = (x.to_i64(), y.to_i64());
                Scalar::Int(match op {
                    Logic::And => x & y,
                    Logic::Or => x | y,
                    Logic::Xor => x ^ y,
                })
            }),
        ),
        Op::Where => {
            let branches = all(1).into_iter().zip(all(2));
            let pick = |(c, (x, y)): (Scalar, _)| if c.to_f64() != 0.0 { x } else { y };
            put(out, dtype, all(0).into_iter().zip(branches).map(pick));
        }
        Op::Linear(Linear::Cast) => put(out, dtype, all(0).into_iter().map(|x| x.cast(dtype))),
        Op::Linear(Linear::Sum(axes)) => {
            let groups = groups(&src[0].0.shape, |a| axes.contains(a));
            let x = all(0);
            put(
                out,
                dtype,
                groups.map(|group| match dtype {
                    DType::I64 => Scalar::Int(group.iter().fold(0, |sum: i64, &k| match x[k] {
                        Scalar::Int(v) => sum.wrapping_add(v),
                        _ => sum,
                    })),
                    _ => Scalar::Float(group.iter().fold(0.0, |sum, &k| sum + x[k].to_f64())),
                }),
            );
        }
        Op::Reduce(kind, axes) => {
            let x = all(0);
            put(
                out,
                dtype,
                groups(&src[0].0.shape, |a| axes.contains(a)).map(|group| {
                    let first = x[group[0]];
                    group.iter().skip(1).fold(first, |best, &k| extreme(*kind, best, x[k]))
                }),
            );
        }
        Op::Linear(linear) if linear.is_view() => {
            let source = Layout::dense(&src[0].0.shape);
            let Some(layout) = view(linear, &source, &item.shape) else {
                unreachable!("a view of dense elements")
            };
            eval::copy(&layout, 0, src[0].1.bytes(), out, dtype.size());
        }
        op => {
            let elements: Vec<Elements<'_>> = src
                .iter()
                .map(|(item, b)| Elements {
                    bytes: b.bytes(),
                    layout: Layout::dense(&item.shape),
                    dtype: item.dtype,
                })
                .collect();
            eval::eval(op, &elements, &item.shape, dtype, out)
                .map_err(|fault| Failure::new(i, op, fault))?;
        }
    }
    Ok(buffer)
}

fn compare(cmp: Cmp, pair: (Scalar, Scalar)) -> Scalar {
    Scalar::Bool(match pair {
        (Scalar::Int(x), Scalar::Int(y)) => cmp.holds(x, y),
        (x, y) => cmp.holds(x.to_f64(), y.to_f64()),
    })
}

fn extreme(kind: Extremum, x: Scalar, y: Scalar) -> Scalar {
    let better = match (x, y) {
        (Scalar::Int(x), Scalar::Int(y)) => {
            if kind == Extremum::Max {
                y > x
            } else {
                y < x
            }
        }
        (x, y) => {
            let (x, y) = (x.to_f64(), y.to_f64());
            !x.is_nan() && (y.is_nan() || if kind == Extremum::Max { y > x } else { y < x })
        }
    };
    if better { y } else { x }
}

/// For each index of the axes that are kept, the positions of the elements that are combined.
fn groups(shape: &[usize], reduced: impl Fn(usize) -> bool) -> impl Iterator<Item = Vec<usize>> {
    let part = |want: bool| {
        let axes: Vec<usize> = (0..shape.len()).filter(|&a| reduced(a) == want).collect();
        let dense = Layout::dense(shape);
        Layout {
            shape: axes.iter().map(|&a| shape[a]).collect(),
            strides: axes.iter().map(|&a| dense.strides[a]).collect(),
            offset: 0,
        }
    };
    let (kept, combined) = (part(false), part(true));
    (0..kept.len())
        .map(move |i| (0..combined.len()).map(|j| kept.at(i) + combined.at(j)).collect::<Vec<_>>())
}
