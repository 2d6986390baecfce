"""Reads an event file of `chainrule fit --tensorboard FOLDER` with TensorBoard itself.

    pip install tensorboard==2.20
    python tools/check_tensorboard.py FOLDER LOG.jsonl

Compares every loss of a step with the log that `--log` wrote in the same run.
"""
import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

folder, log = sys.argv[1:]
events = EventAccumulator(folder, size_guidance={"scalars": 0})
events.Reload()
tags = events.Tags()["scalars"]
print("tags:", ", ".join(tags))
lines = [json.loads(line) for line in open(log)]
steps = {line["step"]: line["loss"] for line in lines if line["event"] == "step"}
seen = {event.step: event.value for event in events.Scalars("train/loss")}
assert seen.keys() == steps.keys(), (len(seen), len(steps))
worst = max(abs(seen[s] - steps[s]) / abs(steps[s]) for s in steps)
assert worst < 1e-6, worst
epochs = [line for line in lines if line["event"] == "epoch"]
assert len(events.Scalars("epoch/loss")) == len(epochs)
print(f"{len(steps)} steps and {len(epochs)} epochs agree to {worst:.1e}")
