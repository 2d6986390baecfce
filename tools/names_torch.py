"""The transformer of crates/chainrule-fit/examples/names.rs in torch, to compare held-out losses.

Same data and names held out, layers, initial distributions, optimiser, schedule, clipping, size and
number of batches; only the random numbers differ. docs/examples.md has the figures.

    python tools/names_torch.py [SEED]        made with Python 3.13, torch 2.15.0 (CPU)
"""

import math
import pathlib
import sys
import time

import torch
from torch import nn

LETTERS, PLACES, WIDTH = 27, 12, 64
EPOCHS, BATCH, RATE, WARM = 15, 64, 3e-3, 100


def split(n, fraction):
    """The rows to learn from and those held out, as chainrule_fit::data::split draws with seed 0."""
    state, rows, wrap = 0, list(range(n)), (1 << 64) - 1
    for i in range(n - 1, 0, -1):
        state = (state + 0x9E3779B97F4A7C15) & wrap
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & wrap
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & wrap
        z ^= z >> 31
        j = (z * (i + 1)) >> 64
        rows[i], rows[j] = rows[j], rows[i]
    held = math.floor(n * fraction + 0.5)
    return rows[:-held], rows[-held:]


def places(names):
    """What is known before each place, and what stands there (−100 is not judged)."""
    before = torch.zeros(len(names), PLACES, dtype=torch.long)
    there = torch.full((len(names), PLACES), -100)
    for k, name in enumerate(names):
        letters = torch.tensor([ord(c) - ord("a") + 1 for c in name])
        before[k, 1 : len(name) + 1] = letters
        there[k, : len(name)] = letters
        there[k, len(name)] = 0
    return before, there


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.letters = nn.Embedding(LETTERS, WIDTH)
        self.position = nn.Parameter(torch.randn(PLACES, WIDTH) * 0.02)
        block = dict(dropout=0.1, activation="gelu", norm_first=True, batch_first=True)
        layers = [nn.TransformerEncoderLayer(WIDTH, 4, 256, **block) for _ in range(2)]
        self.blocks = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, LETTERS)
        later = torch.ones(PLACES, PLACES, dtype=torch.bool).triu(1)
        self.register_buffer("later", later)

    def forward(self, x):
        x = self.letters(x) + self.position
        for block in self.blocks:
            x = block(x, src_mask=self.later)
        return self.head(self.norm(x))


def surprise(model, x, y):
    return nn.functional.cross_entropy(model(x).reshape(-1, LETTERS), y.reshape(-1))


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    torch.manual_seed(seed)
    file = pathlib.Path(__file__).parent.parent / "data" / "names.txt"
    names = file.read_text().split()
    known, held = split(len(names), 0.1)
    x, y = places([names[k] for k in sorted(known)])
    held_x, held_y = places([names[k] for k in sorted(held)])
    model = Transformer()
    print(f"{len(known)} names to learn from, {len(held)} held out,", end=" ")
    print(sum(p.numel() for p in model.parameters()), "parameters")
    optimiser = torch.optim.AdamW(model.parameters(), RATE, weight_decay=1e-2)
    per_epoch = len(x) // BATCH
    rest = EPOCHS * per_epoch - WARM

    def factor(t):
        if t < WARM:
            return 0.01 + 0.99 * t / WARM
        return (1 + math.cos(math.pi * (t - WARM) / rest)) / 2

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, factor)
    start = time.time()
    for epoch in range(EPOCHS):
        model.train()
        order, total = torch.randperm(len(x)), 0.0
        for batch in order[: per_epoch * BATCH].split(BATCH):
            loss = surprise(model, x[batch], y[batch])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total += loss.item() / per_epoch
        model.eval()
        with torch.no_grad():
            judged = surprise(model, held_x, held_y).item()
        seconds = time.time() - start
        print(f"epoch {epoch + 1:3}   loss {total:.4f}   held out {judged:.4f}   {seconds:5.1f} s")


if __name__ == "__main__":
    main()
