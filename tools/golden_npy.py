"""Writes the archives that `crates/chainrule-fit/tests/data.rs` reads. Made with numpy 2.x.

    python tools/golden_npy.py
"""
import pathlib

import numpy as np

golden = pathlib.Path(__file__).parent.parent / "crates/chainrule-fit/tests/golden"
np.savez(
    golden / "mixed.npz",
    f4=np.arange(6, dtype="<f4").reshape(2, 3) + 0.5,
    i2_big=np.array([1, -2, 300], dtype=">i2"),
    fortran=np.asfortranarray(np.arange(6, dtype="<i4").reshape(2, 3)),
    truth=np.array([True, False]),
    scalar=np.float64(2.5),
    half=np.array([1.5, -0.25], dtype="<f2"),
)
np.savez_compressed(golden / "deflated.npz", a=np.full(1000, 7, dtype="<i8"))
