//! What is true of one layer only.

use chainrule_core::{DType, Tensor, grad, manual_seed, no_grad, realize, with_threads};
use chainrule_fit::nn::loss::{self, CrossEntropy};
use chainrule_fit::nn::{
    Activation, BatchNorm1d, BatchNorm2d, Conv2d, ConvOptions, Dropout, Flatten, Init, Layer,
    Linear, MaxPool2d, Module, PositionalEmbedding, PositionalEncoding, Reduction, Sequential,
    from_bytes, init, load, load_state, save, sinusoids, state, summary,
};

use super::{drawing, seeded};

fn list(x: &Tensor) -> Vec<f64> {
    x.to_vec().expect("numbers")
}

#[test]
fn dropout_keeps_the_mean_and_forgets_its_mask() {
    let _alone = seeded(4);
    let dropout = Dropout::new(0.3);
    let x = Tensor::ones([20_000]);
    let first = list(&dropout.forward(&x).unwrap());
    let second = list(&dropout.forward(&x).unwrap());
    assert_ne!(first, second);
    assert!(first.iter().all(|&y| y == 0.0 || (y - 1.0 / 0.7).abs() < 1e-6));
    let mean = first.iter().sum::<f64>() / first.len() as f64;
    // Five standard errors of a mean of 20,000 numbers with variance p/(1 − p).
    assert!((mean - 1.0).abs() < 5.0 * (0.3f64 / 0.7 / 20_000.0).sqrt(), "{mean}");
    manual_seed(4);
    assert_eq!(list(&dropout.forward(&x).unwrap()), first);
    dropout.set_training(false);
    assert_eq!(list(&dropout.forward(&x).unwrap()), list(&x));
    assert_eq!(list(&Dropout::new(1.0).forward(&x).unwrap()), vec![0.0; 20_000]);
    assert!(Dropout::new(1.5).forward(&x).is_err());
}

#[test]
fn running_statistics_are_those_of_many_batches() {
    let _alone = seeded(2);
    let norm = BatchNorm1d { momentum: None, ..BatchNorm1d::new(1) };
    for _ in 0..50 {
        let x = Tensor::randn([64, 1]) * 3.0 + 10.0;
        norm.forward(&x).unwrap();
    }
    let (mean, var) = (norm.running_mean.get(), norm.running_var.get());
    // 3200 numbers: the mean is known to 3/√3200 = 0.05, the variance to 9 √(2/3200) = 0.23.
    assert!((mean.i(0).item::<f64>().unwrap() - 10.0).abs() < 0.25);
    assert!((var.i(0).item::<f64>().unwrap() - 9.0).abs() < 1.1);
    assert_eq!(norm.num_batches_tracked.get().item::<i64>().unwrap(), 50);
    norm.set_training(false);
    let y = norm.forward(&Tensor::from([[10.0f32], [13.0]])).unwrap();
    assert!((list(&y)[1] - list(&y)[0] - 1.0).abs() < 0.1);
    assert_eq!(norm.num_batches_tracked.get().item::<i64>().unwrap(), 50);
}

#[test]
fn running_statistics_hold_on_to_no_graph() {
    let _alone = seeded(0);
    let norm = BatchNorm1d::new(2);
    let mut counts = vec![];
    for _ in 0..6 {
        let lost = norm.forward(&Tensor::randn([8, 2])).unwrap().square().sum();
        let parameters = norm.parameters();
        let gradients = grad(&lost, &parameters.iter().collect::<Vec<_>>()).unwrap();
        realize(&[&lost, &gradients[0], &gradients[1]]).unwrap();
        drop((lost, gradients));
        counts.push(chainrule_core::live_nodes());
    }
    assert_eq!(counts[2], counts[5], "{counts:?}");
}

#[test]
fn initial_values_have_their_distributions() {
    let _alone = seeded(9);
    let spread = |init: Init, shape: [usize; 2]| -> (f64, f64) {
        let x = list(&init.draw(shape).unwrap());
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        (mean, (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt())
    };
    let fan = init::Fan::In;
    for (init, std) in [
        (Init::Uniform { low: -1.0, high: 1.0 }, 3f64.sqrt().recip()),
        (Init::Normal { mean: 0.0, std: 2.0 }, 2.0),
        (Init::XavierUniform { gain: 1.0 }, (2.0f64 / 300.0).sqrt()),
        (Init::XavierNormal { gain: 2.0 }, 2.0 * (2.0f64 / 300.0).sqrt()),
        (Init::KaimingUniform { gain: 1.0, fan }, 0.1),
        (Init::KaimingNormal { gain: 1.0, fan: init::Fan::Out }, 200f64.sqrt().recip()),
        // A normal number cut to ±2 has the variance 1 − 4 φ(2)/(2 Φ(2) − 1) = 0.7737.
        (Init::TruncNormal { mean: 0.0, std: 1.0, low: -2.0, high: 2.0 }, 0.7737f64.sqrt()),
    ] {
        let (mean, found) = spread(init, [200, 100]);
        // 20,000 numbers: both are known to under 1 %; three times that.
        assert!((found / std - 1.0).abs() < 0.03, "{init:?}: {found}, not {std}");
        assert!(mean.abs() < 0.03 * std, "{init:?}: {mean}");
    }
    let tail = Init::TruncNormal { mean: 0.0, std: 1.0, low: 4.0, high: 1e9 };
    let x = list(&tail.draw([1000]).unwrap());
    assert!(x.iter().all(|x| (4.0..9.0).contains(x)));
    assert!(Init::XavierNormal { gain: 1.0 }.draw([3]).is_err());
}

#[test]
fn orthogonal_columns_too() {
    let _any = drawing();
    let q =
        init::with_dtype(DType::F64, || Init::Orthogonal { gain: 2.0 }.draw([6, 2, 2])).unwrap();
    let q = q.reshape([6, 4]);
    let unit = q.t().matmul(&q) - Tensor::eye(4) * 4.0;
    assert!(list(&unit).iter().all(|x| x.abs() < 1e-12));
}

#[test]
fn wrong_states_change_nothing() {
    let _any = drawing();
    let net = Sequential::new().then(Linear::new(2, 3)).then(Linear::new(3, 1));
    let before: Vec<Vec<f64>> = state(&net).iter().map(|s| list(&s.1)).collect();
    let good = state(&Sequential::new().then(Linear::new(2, 3)).then(Linear::new(3, 1)));
    let mut short = good.clone();
    short.pop();
    let mut more = good.clone();
    more.push(("extra\u{1b}[2J".into(), Tensor::from(1.0)));
    let mut twice = good.clone();
    twice.push(good[0].clone());
    let mut integer = good.clone();
    integer[0].1 = integer[0].1.to_dtype(DType::I64);
    for (wrong, why) in [
        (&short, "missing are 1.bias"),
        (&more, r"unexpected are extra\u{1b}[2J"),
        (&twice, "0.weight is there twice"),
        (&integer, "0.weight is int64 instead of float32"),
    ] {
        let said = load_state(&net, wrong).unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
        let now: Vec<Vec<f64>> = state(&net).iter().map(|s| list(&s.1)).collect();
        assert_eq!(before, now);
    }
    load_state(&net, &good).unwrap();
}

#[test]
fn files_are_whole_or_refused() {
    let _any = drawing();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    let (a, b) = (Linear::new(3, 2), Linear::new(3, 2));
    save(&a, &path).unwrap();
    load(&b, &path).unwrap();
    assert_eq!(list(&a.weight), list(&b.weight));
    let bytes = std::fs::read(&path).unwrap();
    for n in 0..bytes.len() {
        assert!(from_bytes(&bytes[..n]).is_err(), "cut to {n} bytes");
    }
    let header = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    for hostile in [
        header(r#"{"w":{"dtype":"F32","shape":[9223372036854775807,4],"data_offsets":[0,0]}}"#),
        header(r#"{"w":{"dtype":"F32","shape":[0,4611686018427387904],"data_offsets":[0,0]}}"#),
        header(r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4000000000]}}"#),
        header(&format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))),
        u64::MAX.to_le_bytes().to_vec(),
    ] {
        assert!(from_bytes(&hostile).is_err());
    }
    let why = load(&b, folder.path().join("absent")).unwrap_err().to_string();
    assert!(why.ends_with("absent: there is no such file; check the path"), "{why}");
}

#[test]
fn mistakes_are_explained() {
    let _any = drawing();
    let (x, y) = (Tensor::ones([2, 3]), Tensor::ones([2]));
    let said = |result: chainrule_fit::Result<Tensor>| result.unwrap_err().to_string();
    assert_eq!(
        said(Linear::new(4, 1).forward(&x)),
        "a linear layer of 4 inputs got a tensor of shape [2, 3]; its last axis must have length 4"
    );
    assert_eq!(
        said(loss::mse(&x, &y, Reduction::Mean)),
        "mse needs prediction and target of one shape, not [2, 3] and [2]; `.reshape` one of them"
    );
    assert_eq!(
        said(loss::cross_entropy(&x, &Tensor::from([0, 3]), Reduction::Mean)),
        "cross_entropy of 3 classes got the target 3; classes are 0 to 2, and rows with -100 are \
         ignored"
    );
    assert_eq!(
        said(Conv2d::new(1, 1, [3, 3]).forward(&Tensor::ones([1, 1, 2, 5]))),
        "a convolution with kernel [3, 3] and dilation [1, 1] is larger than its input, which with \
         padding is [2, 5]"
    );
    let groups = ConvOptions { groups: 2, ..ConvOptions::default() };
    let why = Conv2d::with(3, 4, [1, 1], groups).unwrap_err().to_string();
    assert_eq!(why, "2 groups do not divide 3 input and 4 output channels");
}

#[test]
fn losses_are_finite_far_out() {
    let _any = drawing();
    let far = Tensor::from([[1e4, -1e4, 0.0]]).requires_grad();
    let target = Tensor::from([[0.0, 1.0, 0.5]]);
    let all = [
        loss::cross_entropy(&far, &Tensor::from([1]), Reduction::Mean),
        CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() }
            .of(&far, &Tensor::from([1])),
        loss::bce_with_logits(&far, &target, None, Reduction::Mean),
        loss::soft_margin(&far, &(&target * 2.0 - 1.0), Reduction::Mean),
        loss::multilabel_soft_margin(&far, &target, None, Reduction::Mean),
        loss::bce(&Tensor::from([[0.0, 1.0, 0.5]]).requires_grad(), &target, Reduction::Mean),
        loss::huber(&far, &target, 1.0, Reduction::Mean),
        loss::smooth_l1(&far, &target, 1.0, Reduction::Mean),
        loss::mse(&far, &target, Reduction::Mean),
    ];
    for (i, lost) in all.into_iter().enumerate() {
        let lost = lost.unwrap();
        assert!(lost.item::<f64>().unwrap().is_finite(), "loss {i}");
        far.zero_grad();
        lost.backward().unwrap();
        let finite = far.grad().is_none_or(|g| list(&g).iter().all(|x| x.is_finite()));
        assert!(finite, "gradient of loss {i}");
    }
}

#[test]
fn evaluation_needs_no_graph() {
    let _any = drawing();
    let net = Sequential::new().then(Linear::new(2, 2)).then(Dropout::new(0.5));
    net.set_training(false);
    let y = no_grad(|| net.forward(&Tensor::ones([1, 2]))).unwrap();
    assert!(!y.tracks_grad());
}

struct Net {
    encoder: Sequential,
    head: Linear,
    scale: Tensor,
    norm: BatchNorm1d,
}
chainrule_fit::module!(Net { encoder, head, scale, norm });

impl Layer for Net {
    fn forward(&self, x: &Tensor) -> chainrule_fit::Result<Tensor> {
        let x = self.encoder.forward(x)? * &self.scale;
        let x = self.norm.forward(&x.reshape([x.shape()[0] as i64, -1]))?;
        self.head.forward(&self.head.forward(&x)?)
    }
}

#[test]
fn a_summary_is_a_table() {
    let _any = drawing();
    let net = Net {
        encoder: Sequential::new()
            .then(Conv2d::new(1, 4, [3, 3]))
            .then(Activation::Relu)
            .then(MaxPool2d::new([2, 2])),
        head: Linear::new(36, 36),
        scale: Tensor::ones([1]).requires_grad(),
        norm: BatchNorm1d::new(36),
    };
    let found = summary(&net, &Tensor::zeros([2, 1, 8, 8])).unwrap();
    assert_eq!(
        found.to_string(),
        "\
layer        kind         output        parameters   MACs   memory
encoder.0    Conv2d       [2, 4, 6, 6]          40  2 592  1.1 KiB
encoder.1    Relu         [2, 4, 6, 6]           0      0  1.1 KiB
encoder.2    MaxPool2d    [2, 4, 3, 3]           0      0    288 B
norm         BatchNorm1d  [2, 36]               72      0    288 B
head         Linear       [2, 36]            1 332  2 592    288 B
head         Linear       [2, 36]                0  2 592    288 B
(elsewhere)                                      1
total                                        1 445  7 776  3.4 KiB
"
    );
    assert_eq!(found.buffers, 73);
    assert_eq!(net.norm.num_batches_tracked.get().item::<i64>().unwrap(), 0);
    assert!(net.norm.mode.is_training());
}

/// Large enough for products, copies of windows, and their adjoint to be shared by threads.
#[test]
fn convolutions_have_the_same_bits_on_any_number_of_threads() {
    let _alone = seeded(8);
    let options = ConvOptions { padding: [1, 1], stride: [1, 2], ..ConvOptions::default() };
    let conv = Conv2d::with(8, 16, [3, 3], options).unwrap();
    let x = Tensor::randn([16, 8, 40, 40]).requires_grad();
    let run = |threads| {
        with_threads(threads, || {
            let y = conv.forward(&x).unwrap();
            let all = grad(&y.square().sum(), &[&x, &conv.weight]).unwrap();
            [list(&y), list(&all[0]), list(&all[1])]
        })
    };
    assert!(run(1) == run(2));
}

#[test]
fn sines_say_where() {
    let _any = drawing();
    let table = sinusoids(3, 4).unwrap();
    let expected = [0.0, 1.0, 0.0, 1.0, 1f64.sin(), 1f64.cos(), 0.01f64.sin(), 0.01f64.cos()];
    for (x, y) in list(&table).iter().zip(expected) {
        assert!((x - y).abs() < 1e-7); // rounded to F32
    }
    let x = Tensor::zeros([2, 3, 4]);
    let added = PositionalEncoding::new(10, 4, 0.0).unwrap().forward(&x).unwrap();
    assert_eq!(list(&added.i(1)), list(&table));
    let learnt = PositionalEmbedding::new(5, 4);
    assert_eq!(list(&learnt.forward(&x).unwrap().i(0)), list(&learnt.weight.i(0..3)));
    assert!(learnt.forward(&Tensor::zeros([6, 4])).is_err());
    assert!(sinusoids(3, 5).is_err());
}

/// A network of all kinds learns what it is shown: losses, gradients and buffers work together.
#[test]
fn a_small_network_learns() {
    let _alone = seeded(3);
    let net = Sequential::new()
        .then(Conv2d::new(1, 4, [3, 3]))
        .then(BatchNorm2d::new(4))
        .then(Activation::Relu)
        .then(MaxPool2d::new([2, 2]))
        .then(Flatten::default())
        .then(Linear::new(36, 2));
    // Images of noise; in those of class 1 the upper half is brighter.
    let bright = Tensor::arange(0, 8, 1).lt(4).to_dtype(DType::F32).reshape([8, 1]);
    let class = Tensor::from((0..32i64).map(|i| i % 2).collect::<Vec<_>>());
    let x =
        Tensor::randn([32, 1, 8, 8]) + class.reshape([32, 1, 1, 1]).to_dtype(DType::F32) * bright;
    let rate = Tensor::from(0.1f32);
    let mut last = f64::INFINITY;
    for _ in 0..60 {
        let lost = loss::cross_entropy(&net.forward(&x).unwrap(), &class, Reduction::Mean).unwrap();
        let parameters = net.parameters();
        let gradients = grad(&lost, &parameters.iter().collect::<Vec<_>>()).unwrap();
        no_grad(|| {
            for (p, g) in parameters.iter().zip(&gradients) {
                p.assign(&(p - g * &rate)).unwrap();
            }
        });
        last = lost.item().unwrap();
    }
    assert!(last < 0.05, "{last}");
    net.set_training(false);
    let guess = net.forward(&x).unwrap().argmax_axis(1, false);
    let right = guess.eq(&class).sum().item::<i64>().unwrap();
    assert!(right >= 31, "{right} of 32");
}
