"""Special functions, by the names of ``torch.special``."""

from ._native import Tensor

digamma = psi = Tensor.digamma
erf, erfc = Tensor.erf, Tensor.erfc
exp2, expm1, log1p = Tensor.exp2, Tensor.expm1, Tensor.log1p
expit, logit = Tensor.sigmoid, Tensor.logit
gammaln = Tensor.lgamma
log_softmax, logsumexp, softmax = Tensor.log_softmax, Tensor.logsumexp, Tensor.softmax
round = Tensor.round
xlogy = Tensor.xlogy


def polygamma(n, x):
    """The n-th derivative of the digamma function."""
    return x.polygamma(n)


def xlog1py(x, y):
    """x ln(1 + y), and 0 where x = 0."""
    return x.xlogy(y + 1)
