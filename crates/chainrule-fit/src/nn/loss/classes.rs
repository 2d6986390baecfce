//! Losses of classification.
//!
//! With logits z and log-probabilities ln p = z − ln Σ eᶻ, the cross-entropy of class c is −ln p_c.
//! Label smoothing by ε (Szegedy et al. 2016) spreads a share of the target over all C classes: the
//! target becomes (1 − ε) onehot(c) + ε/C. Class weights w multiply each class's term; the mean is
//! then divided by the sum of the targets' weights. Rows whose target is `ignore_index` count
//! nowhere.
//!
//! With truth y ∈ \[0, 1\] and logit z, binary cross-entropy is −y ln σ(z) − (1 − y) ln σ(−z)
//! = (1 − y) z + softplus(−z), which does not overflow.

use chainrule_core::{DType, Tensor};

use super::{BOTH, Reduction, alike};
use crate::error::{Result, fail};

/// The target for which torch ignores a row unless it is told another.
const IGNORED: i64 = -100;

/// The options of a cross-entropy.
///
/// ```
/// use chainrule_core::Tensor;
/// use chainrule_fit::nn::loss::CrossEntropy;
/// let smooth = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() };
/// let lost = smooth.of(&Tensor::from([[4.0, 0.0]]), &Tensor::from([0]))?;
/// assert!((lost.item::<f64>()? - 0.218).abs() < 1e-3);
/// # Ok::<(), chainrule_fit::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CrossEntropy {
    /// A weight for each class, \[C\].
    pub weight: Option<Tensor>,
    /// Rows with this class count nowhere.
    pub ignore_index: i64,
    /// ε, from 0 to 1.
    pub label_smoothing: f64,
    /// What becomes of the rows' losses.
    pub reduction: Reduction,
}

impl Default for CrossEntropy {
    fn default() -> CrossEntropy {
        CrossEntropy {
            weight: None,
            ignore_index: IGNORED,
            label_smoothing: 0.0,
            reduction: Reduction::Mean,
        }
    }
}

impl CrossEntropy {
    /// The loss of logits \[n, C, …\] or \[C\] with target classes \[n, …\] or \[\] (I64), or with
    /// target probabilities of the shape of the logits.
    ///
    /// # Errors
    /// If shapes or element types do not fit, or a class does not exist.
    pub fn of(&self, logits: &Tensor, target: &Tensor) -> Result<Tensor> {
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            fail!("label smoothing is between 0 and 1, not {}", self.label_smoothing);
        }
        let axis = class_axis("cross_entropy", logits)?;
        let log = logits.try_log_softmax(axis)?;
        if target.dtype().is_float() {
            return self.of_probabilities(&log, target, axis);
        }
        let all = Terms::new("cross_entropy", &log, target, axis, self)?;
        let mut lost = -all.at_target()?;
        if self.label_smoothing > 0.0 {
            let share = self.label_smoothing / log.shape()[axis as usize] as f64;
            let every = weighted(&log, self.weight.as_ref(), axis)?.try_sum_axis(axis, false)?;
            let every = all.valid.try_where(&every, 0.0)?;
            lost = lost * (1.0 - self.label_smoothing) - every * share;
        }
        all.reduced(&lost, self.reduction)
    }

    fn of_probabilities(&self, log: &Tensor, target: &Tensor, axis: i64) -> Result<Tensor> {
        alike("cross_entropy with probabilities", ["logits", "target"], log, target)?;
        let mut p = target.clone();
        if self.label_smoothing > 0.0 {
            let share = self.label_smoothing / log.shape()[axis as usize] as f64;
            p = p * (1.0 - self.label_smoothing) + share;
        }
        let lost = -(weighted(log, self.weight.as_ref(), axis)? * p).try_sum_axis(axis, false)?;
        self.reduction.of(&lost)
    }
}

/// [`CrossEntropy`] without options.
///
/// # Errors
/// As [`CrossEntropy::of`].
pub fn cross_entropy(logits: &Tensor, target: &Tensor, reduction: Reduction) -> Result<Tensor> {
    CrossEntropy { reduction, ..CrossEntropy::default() }.of(logits, target)
}

/// −ln p at the target class, for log-probabilities \[n, C, …\] or \[C\]; weights and ignored rows
/// as in `options`, whose label smoothing is not used.
///
/// # Errors
/// If shapes or element types do not fit, or a class does not exist.
pub fn nll(log: &Tensor, target: &Tensor, options: &CrossEntropy) -> Result<Tensor> {
    let axis = class_axis("nll", log)?;
    let all = Terms::new("nll", log, target, axis, options)?;
    let lost = -all.at_target()?;
    all.reduced(&lost, options.reduction)
}

fn class_axis(loss: &str, x: &Tensor) -> Result<i64> {
    match x.rank() {
        0 => fail!("{loss} needs [n, classes, …] or [classes], not a single number"),
        1 => Ok(0),
        _ => Ok(1),
    }
}

/// `x` times the weight of each class.
fn weighted(x: &Tensor, weight: Option<&Tensor>, axis: i64) -> Result<Tensor> {
    let Some(weight) = weight else { return Ok(x.clone()) };
    let classes = x.shape()[axis as usize];
    if weight.shape() != [classes] {
        fail!(
            "class weights have shape {:?}; for {classes} classes, make it [{classes}]",
            weight.shape()
        );
    }
    let mut column = vec![1; x.rank()];
    column[axis as usize] = classes;
    Ok(x.try_mul(&weight.try_reshape(column)?)?)
}

/// Log-probabilities and target classes.
struct Terms<'a> {
    log: &'a Tensor,
    axis: i64,
    /// Where index along the class axis = target.
    chosen: Tensor,
    /// Which rows count.
    valid: Tensor,
    weight: Option<&'a Tensor>,
}

impl<'a> Terms<'a> {
    fn new(
        loss: &str,
        log: &'a Tensor,
        target: &Tensor,
        axis: i64,
        options: &'a CrossEntropy,
    ) -> Result<Terms<'a>> {
        let mut rows = log.shape().to_vec();
        let classes = rows.remove(axis as usize);
        if !target.dtype().is_integer() || target.shape() != rows {
            fail!(
                "{loss} of a tensor of shape {:?} needs classes (int64) of shape {rows:?}; the \
                 target is {} {:?}",
                log.shape(),
                target.dtype(),
                target.shape()
            );
        }
        let target = &target.to_dtype(DType::I64);
        // Inside a transformation the numbers are not known yet; then a class that does not exist
        // is no class.
        let known = target.to_vec::<i64>().unwrap_or_default();
        let exists = |&c: &i64| c == options.ignore_index || (0..classes as i64).contains(&c);
        if let Some(c) = known.iter().find(|c| !exists(c)) {
            fail!(
                "{loss} of {classes} classes got the target {c}; classes are 0 to {}, and rows \
                 with {} are ignored",
                classes.saturating_sub(1),
                options.ignore_index
            );
        }
        let mut column = vec![1; log.rank()];
        column[axis as usize] = classes;
        let index = Tensor::arange(0, classes as i64, 1).try_reshape(column)?;
        let valid = target.ne(options.ignore_index);
        let chosen = index.try_eq(&target.try_unsqueeze(axis)?)?;
        let chosen = chosen.try_logical_and(&valid.try_unsqueeze(axis)?)?;
        Ok(Terms { log, axis, chosen, valid, weight: options.weight.as_ref() })
    }

    /// w ln p of each row's class; 0 for rows that do not count.
    fn at_target(&self) -> Result<Tensor> {
        let all = weighted(self.log, self.weight, self.axis)?;
        Ok(self.chosen.try_where(&all, 0.0)?.try_sum_axis(self.axis, false)?)
    }

    /// The mean is over the weights of the targets that count.
    fn reduced(&self, lost: &Tensor, reduction: Reduction) -> Result<Tensor> {
        if reduction != Reduction::Mean {
            return reduction.of(lost);
        }
        let total = match self.weight {
            None => self.valid.to_dtype(lost.dtype()).try_sum()?,
            Some(_) => {
                let ones = self.log.ones_like();
                let all = weighted(&ones, self.weight, self.axis)?;
                self.chosen.try_where(&all, 0.0)?.try_sum()?
            }
        };
        Ok(lost.try_sum()? / total)
    }
}

/// −y ln x − (1 − y) ln(1 − x) for probabilities x; logarithms count at least −100, as in torch.
///
/// # Errors
/// If the shapes differ.
pub fn bce(x: &Tensor, y: &Tensor, reduction: Reduction) -> Result<Tensor> {
    alike("bce", BOTH, x, y)?;
    let [yes, no] = [x.ln(), (-x).log1p()].map(|log| log.maximum(-100.0));
    reduction.of(&-(y * yes + (1.0 - y) * no))
}

/// Binary cross-entropy of logits z: (1 − y) z + softplus(−z). With `pos_weight` q, which must
/// broadcast, the term of y is multiplied by q.
///
/// # Errors
/// If the shapes do not fit.
pub fn bce_with_logits(
    z: &Tensor,
    y: &Tensor,
    pos_weight: Option<&Tensor>,
    reduction: Reduction,
) -> Result<Tensor> {
    alike("bce_with_logits", BOTH, z, y)?;
    let soft = -z.logsigmoid();
    let lost = match pos_weight {
        None => (1.0 - y) * z + soft,
        Some(q) => (1.0 - y) * z + ((q - 1.0).try_mul(y)? + 1.0) * soft,
    };
    reduction.of(&lost)
}

/// y (ln y − x) for log-probabilities x and probabilities y, or with `log_target`
/// eʸ (y − x) for log-probabilities y. The divergence of Kullback and Leibler of a batch is its
/// [`Reduction::BatchMean`].
///
/// # Errors
/// If the shapes differ.
pub fn kl_div(x: &Tensor, y: &Tensor, log_target: bool, reduction: Reduction) -> Result<Tensor> {
    alike("kl_div", BOTH, x, y)?;
    let lost = match log_target {
        true => y.exp() * (y - x),
        false => y.try_xlogy(y)? - y * x,
    };
    reduction.of(&lost)
}

/// ln(1 + e^(−yx)) for y ∈ {−1, 1}.
///
/// # Errors
/// If the shapes differ.
pub fn soft_margin(x: &Tensor, y: &Tensor, reduction: Reduction) -> Result<Tensor> {
    alike("soft_margin", BOTH, x, y)?;
    reduction.of(&(-(y * x)).softplus())
}

/// The mean over the last axis of the binary cross-entropies of logits, for several labels at once,
/// each times its class's weight.
///
/// # Errors
/// If the shapes do not fit.
pub fn multilabel_soft_margin(
    z: &Tensor,
    y: &Tensor,
    weight: Option<&Tensor>,
    reduction: Reduction,
) -> Result<Tensor> {
    let lost = bce_with_logits(z, y, None, Reduction::None)?;
    let lost = match weight {
        None => lost,
        Some(w) => lost.try_mul(w)?,
    };
    reduction.of(&lost.try_mean_axis(-1, false)?)
}
