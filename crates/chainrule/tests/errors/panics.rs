//! Mistakes in arithmetic panic: with the text of the error, at the line of the caller.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, PoisonError};

use chainrule::{DType, Error, Tensor};
use insta::assert_snapshot;

/// The message of a panic, and the file and line of it.
type Panic = (String, String, u32);

type Operator = fn(&Tensor, &Tensor) -> Tensor;

/// There is one hook in a process.
static HOOK: Mutex<()> = Mutex::new(());

/// The panic of `f`.
fn panic_of<R>(f: impl FnOnce() -> R) -> Panic {
    let _alone = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    static SEEN: Mutex<Option<Panic>> = Mutex::new(None);
    let (thread, before) = (std::thread::current().id(), take_hook());
    set_hook(Box::new(move |info| {
        if std::thread::current().id() != thread {
            return eprintln!("{info}");
        }
        let text = info.payload_as_str().unwrap_or_default().to_string();
        let at = info.location().expect("a location");
        *SEEN.lock().unwrap() = Some((text, at.file().to_string(), at.line()));
    }));
    let outcome = catch_unwind(AssertUnwindSafe(f));
    set_hook(before);
    assert!(outcome.is_err(), "nothing panicked");
    SEEN.lock().unwrap().take().expect("the hook ran")
}

/// The error's text without its place.
fn without_place(error: &Error) -> String {
    let (text, place) = (error.to_string(), error.location().to_string());
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let first = first.strip_suffix(&place).expect("the place ends the first line").trim_end();
    [first, rest].join("\n").trim_end().to_string()
}

/// Runs the panicking form and its twin: the texts are one, and both lines are the caller's.
macro_rules! twins {
    ($($panics:expr, $fails:expr;)*) => { $(
        let (text, file, line) = panic_of(|| $panics);
        let error = $fails.expect_err("a mistake");
        assert_eq!(text, without_place(&error));
        assert_eq!((file.as_str(), line), (file!(), error.location().line()), "{text}");
        assert_eq!(error.location().file(), file!());
    )* };
}

#[test]
fn methods_panic_at_the_line_of_the_caller_with_the_text_of_the_error() {
    let (x, y) = (Tensor::ones([2, 3]), Tensor::ones([4]));
    let index = Tensor::from([0.0]);
    twins! {
        x.add(&y), x.try_add(&y);
        x.matmul(&y), x.try_matmul(&y);
        x.maximum(&y), x.try_maximum(&y);
        x.gt(&y), x.try_gt(&y);
        x.lerp(&y, 0.5), x.try_lerp(&y, 0.5);
        x.reshape([4, -1]), x.try_reshape([4, -1]);
        x.transpose(0, 2), x.try_transpose(0, 2);
        x.squeeze(1), x.try_squeeze(1);
        x.expand([5]), x.try_expand([5]);
        x.slice(0, 1..9), x.try_slice(0, 1..9);
        x.index_select(0, &index), x.try_index_select(0, &index);
        x.i((0, 5)), x.try_i((0, 5));
        x.sum_axis(3, false), x.try_sum_axis(3, false);
        x.std_axis(3, 1.0, false), x.try_std_axis(3, 1.0, false);
        x.any_axis(3, false), x.try_any_axis(3, false);
        x.norm_axis(3, false), x.try_norm_axis(3, false);
        x.prod_axis(3, false), x.try_prod_axis(3, false);
        x.softmax(2), x.try_softmax(2);
        x.sort(2, false), x.try_sort(2, false);
        x.dot(&y), x.try_dot(&y);
    }
}

#[test]
fn operators_panic_at_the_line_of_the_caller() {
    let (x, y) = (Tensor::ones([2, 3]), Tensor::ones([4]));
    let operators: [(Operator, u32); 4] = [
        (|x, y| x + y, line!()),
        (|x, y| x - y.clone(), line!()),
        (|x, y| x.clone() * y, line!()),
        (|x, y| x.clone() / y.clone(), line!()),
    ];
    for (operator, line) in operators {
        let (text, file, at) = panic_of(|| operator(&x, &y));
        assert_eq!((file.as_str(), at), (file!(), line));
        assert!(text.starts_with("error: shapes do not broadcast in `"), "{text}");
    }
}

#[test]
fn making_panics_at_the_line_of_the_caller() {
    let (text, file, line) = panic_of(|| Tensor::arange(0.0, 1.0, 0.0));
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
    assert_snapshot!(text, @r"
    error: `arange` from 0 to 1 in steps of 0 is no finite sequence
      hint: the step must not be 0, and all three numbers finite
    ");
    let (text, file, line) = panic_of(|| Tensor::zeros([2, -3]));
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
    assert_snapshot!(text, @r"
    error: `zeros` got the shape [2, -3] with the negative length -3
      hint: lengths are 0 or more
    ");
    let (text, file, line) = panic_of(|| Tensor::rand([1i64 << 40, 1 << 40]));
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
    assert_snapshot!(text, @r"
    error: `rand` got a shape for more elements than memory holds: [1099511627776, 1099511627776]
      hint: check the lengths; axes multiply
    ");
    let classes = Tensor::from([1, 2]).named("classes");
    let (text, file, line) = panic_of(|| classes.clone().requires_grad());
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
    assert!(text.starts_with("error: a tensor of int64 cannot require gradients\n"), "{text}");
}

#[test]
fn a_tensor_is_whole_after_a_panic() {
    let x = Tensor::from([1.0, 2.0]).requires_grad();
    panic_of(|| &x + Tensor::ones([3]));
    let y = x.square().sum();
    y.backward().unwrap();
    assert_eq!(x.grad().unwrap().to_vec::<f64>().unwrap(), [2.0, 4.0]);
    assert_eq!(x.dtype(), DType::F64);
}
