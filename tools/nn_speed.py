"""What `cargo run --release -p chainrule-fit --example nn_speed -- 2` measures, with torch 2.15.0."""

import sys
import time

import torch
from torch import nn

torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 2)


def measure(name, layer, x):
    x = x.requires_grad_()
    leaves = [*layer.parameters(), x]
    least = [1e9, 1e9]
    for _ in range(50):
        start = time.perf_counter()
        with torch.no_grad():
            layer(x)
        least[0] = min(least[0], time.perf_counter() - start)
        start = time.perf_counter()
        y = layer(x)
        y = y[0] if isinstance(y, tuple) else y
        torch.autograd.grad((y * y).sum(), leaves)
        least[1] = min(least[1], time.perf_counter() - start)
    print(f"{name:24} {least[0] * 1e3:8.3f} {least[1] * 1e3:8.3f}")


x = torch.randn(32, 16, 28, 28)
measure("conv2d 3x3", nn.Conv2d(16, 32, 3, padding=1), x)
measure("conv2d 1x1", nn.Conv2d(16, 32, 1), x)
measure("lstm 50 steps", nn.LSTM(64, 128), torch.randn(50, 32, 64))
block = nn.TransformerEncoderLayer(
    128, 4, 512, dropout=0.0, activation="gelu", norm_first=True, batch_first=True
)
measure("transformer block", block, torch.randn(16, 64, 128))
