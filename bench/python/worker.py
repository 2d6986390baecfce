"""A Python peer of the speed comparison: `worker.py ENGINE INPUTS RESULTS`.

ENGINE is `torch` (eager PyTorch), `compile` (torch.compile) or `jax` (jax.jit). The worker reads
commands from stdin and answers each with one line on stdout:

    name     ENGINE VERSION
    row N    loads row N, computes it once and writes its results: `ok`, or `absent REASON`
    time S   runs the row for at least S seconds and five times: `ns MEDIAN`, of one run
    drop     frees the row: `ok`
    quit     ends the worker

Inputs are INPUTS/N/NAME.bin, raw little-endian, with types and shapes in INPUTS/N/shapes; results
go to RESULTS/N in the same form. BENCH_THREADS is the number of threads.

`rows_torch.py` and `rows_jax.py` hold the rows; their `build` gives a function that computes a
row's results anew.
"""

import gc
import os
import statistics
import sys
import time
from pathlib import Path

GROUP = 100_000  # nanoseconds that one reading of the clock must cover at least
TYPES = {"f32": "<f4", "f64": "<f8", "i64": "<i8"}

MLP = "w1 b1 w2 b2 w3 b3"
RESULTS = {
    "1": "y grad",
    "2": "z grad",
    "6": "y grad",
    "9": f"loss {MLP}",
    "10": f"loss {MLP}",
    "11": "loss grad",
    "12": "y gx ggain gbias",
    "13": "loss wqkv wo wf1 wf2 ln1g bqkv",
    "14": "loss gw gb",
    "15b": "hw1 hb1 hw2 hb2 hw3 hb3",
    "16a": "y",
    "16b": "y galphas gmeans gicf",
    "17a": "y",
    "17b": "y gmain gextra",
    "17c": "y gmain gextra",
    "19": "out grad",
    "25": "y grad",
    **dict.fromkeys("3 4 5 7 8 15a 20 21 22 23 24 26".split(), "out"),
}


def read_inputs(folder):
    """The arrays of a row by name; none where it has no inputs."""
    import numpy as np

    arrays = {}
    shapes = folder / "shapes"
    for line in shapes.read_text().splitlines() if shapes.exists() else ():
        name, kind, *shape = line.split()
        flat = np.fromfile(folder / f"{name}.bin", TYPES[kind])
        arrays[name] = flat.reshape([int(n) for n in shape])
    return arrays


def write_results(folder, arrays):
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, array in arrays.items():
        kind = f"f{8 * array.itemsize}"
        array.astype(TYPES[kind]).tofile(folder / f"{name}.bin")
        lines.append(" ".join([name, kind, *map(str, array.shape)]) + "\n")
    (folder / "shapes").write_text("".join(lines))


def median_time(run, seconds):
    """The median time of one run in nanoseconds; short runs are timed in groups."""
    clock = time.perf_counter_ns
    warm = []
    while len(warm) < 3 or (sum(warm) < 5 * GROUP and len(warm) < 100):
        start = clock()
        run()
        warm.append(clock() - start)
    group = -(-GROUP // max(1, int(statistics.median(warm))))
    times = []
    gc.collect()
    gc.disable()
    try:
        end = clock() + int(seconds * 1e9)
        while len(times) < 5 or clock() < end:
            start = clock()
            for _ in range(group):
                run()
            times.append((clock() - start) / group)
    finally:
        gc.enable()
    return round(statistics.median(times))


def load(rows, row, inputs, results):
    """Builds a row, writes the results of its first run and gives the function that runs it."""
    if row not in RESULTS:
        raise NotImplementedError("not a row of this engine")
    run = rows.build(row, read_inputs(inputs / row))
    first = run()
    values = first if isinstance(first, (tuple, list)) else (first,)
    names = RESULTS[row].split()  # row 13 has more values than are compared
    write_results(results / row, {n: rows.to_numpy(v) for n, v in zip(names, values)})
    for _ in range(2):  # what is compiled on a second run is not timed either
        run()
    return run


def main():
    engine, inputs, results = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    threads = int(os.environ.get("BENCH_THREADS", "2"))
    os.environ["OMP_NUM_THREADS"] = str(threads)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to the log
    if engine == "jax":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        import rows_jax as rows
    else:
        import rows_torch as rows
    rows.setup(engine, threads)

    run = None
    for line in sys.stdin:
        command, *arguments = line.split()
        try:
            if command == "name":
                answer = f"{engine} {rows.version()}"
            elif command == "row":
                run = None
                rows.drop()
                run = load(rows, arguments[0], inputs, results)
                answer = "ok"
            elif command == "time":
                answer = f"ns {median_time(run, float(arguments[0]))}"
            elif command == "drop":
                run = None
                rows.drop()
                answer = "ok"
            elif command == "quit":
                break
            else:
                answer = f"absent no command {command}"
        except Exception as error:  # a row that fails must not end the worker
            reason = " ".join(str(error).split()) or type(error).__name__
            answer = f"absent {reason[:200]}"
        print(answer, file=answers, flush=True)


if __name__ == "__main__":
    main()
