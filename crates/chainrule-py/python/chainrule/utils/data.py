"""Datasets, and batches of them, as ``torch.utils.data``.

The order of an epoch is a function of a seed and the epoch, the one that the Rust loader has:
``DataLoader(…, shuffle=True, seed=0)`` goes over the rows as the Rust programs do.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .. import _native
from .._native import Tensor, _storage

__all__ = [
    "ConcatDataset", "DataLoader", "Dataset", "IterableDataset", "Subset", "TensorDataset",
    "default_collate", "random_split", "train_test_split",
]  # fmt: skip


class Dataset:
    """Anything with ``__getitem__`` of a number, and ``__len__``."""

    def __getitem__(self, index):
        raise NotImplementedError("a dataset needs a method `__getitem__`")

    def __add__(self, other):
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Anything that is iterated: derive from it and write ``__iter__``."""

    def __iter__(self):
        raise NotImplementedError("an iterable dataset needs a method `__iter__`")


class TensorDataset(Dataset):
    """Tensors whose first axes count the same rows."""

    def __init__(self, *tensors: Any) -> None:
        self.tensors = tuple(_native.as_tensor(t) for t in tensors)
        if len({t.shape[0] for t in self.tensors}) > 1:
            raise AssertionError("Size mismatch between tensors")

    def __getitem__(self, index):
        return tuple(t[index] for t in self.tensors)

    def __len__(self):
        return self.tensors[0].shape[0]

    def __getitems__(self, rows):
        """The rows with these numbers, as a batch."""
        chosen = _native.tensor(rows)
        return tuple(t.index_select(0, chosen) for t in self.tensors)


class Subset(Dataset):
    """Some rows of a dataset."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, list(indices)

    def __getitem__(self, index):
        return self.dataset[self.indices[index]]

    def __len__(self):
        return len(self.indices)


class ConcatDataset(Dataset):
    """Datasets one after another."""

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets, self.cumulative_sizes = list(datasets), []
        for each in self.datasets:
            self.cumulative_sizes.append((self.cumulative_sizes or [0])[-1] + len(each))

    def __len__(self):
        return self.cumulative_sizes[-1]

    def __getitem__(self, index):
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range")
        index %= len(self)
        which = bisect.bisect_right(self.cumulative_sizes, index)
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][index - before]


def _seed(generator):
    """A seed of a number, or one drawn from the generator of ``manual_seed``."""
    if isinstance(generator, int):
        return generator
    return int(_native.randint(0, 2**31 - 1, (1,)).item())


def random_split(dataset: Any, lengths: Sequence[float], generator: Any = None) -> list[Subset]:
    """Disjoint random parts, of these lengths or shares; ``generator`` is a seed, if given."""
    lengths = list(lengths)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1 + 1e-9 and any(
        not isinstance(n, int) for n in lengths
    ):
        counts = [math.floor(len(dataset) * share) for share in lengths]
        for i in range(len(dataset) - sum(counts)):
            counts[i % len(counts)] += 1
        lengths = counts
    if sum(lengths) != len(dataset):
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    rows, parts, start = _storage.order(len(dataset), _seed(generator), 0), [], 0
    for n in lengths:
        parts.append(Subset(dataset, rows[start : start + n]))
        start += n
    return parts


def train_test_split(n: int, fraction: float, seed: int = 0) -> tuple[list[int], list[int]]:
    """The rows of ``range(n)`` to learn from and those to test on, as the Rust programs split."""
    return _storage.split(n, fraction, seed)


def default_collate(batch) -> Any:
    """A list of samples as a batch: tensors and numbers stacked, containers by their parts."""
    first = batch[0]
    if isinstance(first, Tensor):
        return _native.stack(list(batch))
    if hasattr(first, "__array_interface__"):
        return _native.stack([_native.as_tensor(x) for x in batch])
    if isinstance(first, (bool, int, float)):
        dtype = _native.float64 if isinstance(first, float) else None
        return _native.tensor(list(batch), dtype=dtype)
    if isinstance(first, dict):
        return {name: default_collate([x[name] for x in batch]) for name in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(list(part)) for part in zip(*batch)))
    if isinstance(first, (tuple, list)):
        if any(len(x) != len(first) for x in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return [default_collate(list(part)) for part in zip(*batch)]
    if isinstance(first, str):
        return list(batch)
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}"
    )


class DataLoader:
    """Goes over a dataset in batches; each ``iter`` is an epoch.

        >>> data = TensorDataset(arange(5.0), arange(5))
        >>> [x.tolist() for x, y in DataLoader(data, batch_size=2)]
        [[0.0, 1.0], [2.0, 3.0], [4.0]]

    With ``shuffle`` the order follows from ``seed`` (drawn at first if not given) and the number of
    the epoch. Batches are lazy and made in this process; options about workers are accepted.
    """

    def __init__(
        self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None,
        sampler: Sequence[int] | None = None, batch_sampler: Sequence[Sequence[int]] | None = None,
        num_workers: int = 0, collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False, drop_last: bool = False, timeout: float = 0,
        worker_init_fn: Any = None, generator: Any = None, *, seed: int | None = None,
        **options: Any,
    ) -> None:  # fmt: skip
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"batch_size should be a positive integer, but got {batch_size}")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler or drop_last):
            raise ValueError("batch_sampler option is mutually exclusive with the others")
        self.dataset, self.batch_size, self.drop_last = dataset, batch_size, drop_last
        self.sampler, self.batch_sampler = sampler, batch_sampler
        self.shuffle, self.collate_fn, self.epoch = bool(shuffle), collate_fn, 0
        self._seed = seed if seed is not None else generator

    def _rows(self):
        if self.sampler is not None:
            return list(self.sampler)
        n = len(self.dataset)
        if not self.shuffle:
            return range(n)
        if not isinstance(self._seed, int):
            self._seed = _seed(None)
        return _storage.order(n, self._seed, self.epoch)

    def _batches(self):
        if self.batch_sampler is not None:
            yield from self.batch_sampler
            return
        rows, size = self._rows(), self.batch_size or 1
        for start in range(0, len(rows), size):
            batch = list(rows[start : start + size])
            if len(batch) == size or not self.drop_last:
                yield batch

    def __iter__(self):
        if isinstance(self.dataset, IterableDataset):
            yield from self._stream()
            return
        if self.batch_size is None:
            for row in self._rows():
                yield self.dataset[row]
            self.epoch += 1
            return
        whole = hasattr(self.dataset, "__getitems__") and self.collate_fn is None
        collate = self.collate_fn or default_collate
        batches = list(self._batches())
        self.epoch += 1
        for rows in batches:
            if whole and isinstance(self.dataset, TensorDataset):
                yield list(self.dataset.__getitems__(rows))
            else:
                yield collate([self.dataset[row] for row in rows])

    def _stream(self):
        collate, batch = self.collate_fn or default_collate, []
        for sample in self.dataset:
            batch.append(sample)
            if len(batch) == self.batch_size:
                yield collate(batch)
                batch = []
        if batch and not self.drop_last:
            yield collate(batch)

    def __len__(self):
        if self.batch_sampler is not None:
            return len(self.batch_sampler)
        n = len(self.sampler if self.sampler is not None else self.dataset)
        size = self.batch_size or 1
        return n // size if self.drop_last else -(-n // size)
