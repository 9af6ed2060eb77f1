"""The first 100 learning rates of PyTorch's schedulers, for `src/schedule/tests.rs`.

Run: python3 schedules.py > schedules.json   (torch 2.15.0)
"""

import json
import random

import torch
from torch.optim import lr_scheduler as lr

INITIAL = 0.02


def rates(make, scores=()):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=INITIAL)
    scheduler = make(optimizer)
    found = []
    for step in range(100):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(scores[step]) if len(scores) else scheduler.step()
    return found


random.seed(3)
SCORES = [1 - 0.9**step + random.uniform(-0.02, 0.02) for step in range(100)]
NO_WARMUP = {"steps": 0, "start": 1 / 3}


def case(name, schedule, make, scores=(), warmup=NO_WARMUP):
    return {
        "name": name,
        "initial": INITIAL,
        "schedule": schedule,
        "warmup": warmup,
        "scores": list(scores),
        "rates": rates(make, scores),
    }


def cyclic(mode):
    return lambda o: lr.CyclicLR(o, INITIAL, 0.3, step_size_up=7, mode=mode, cycle_momentum=False)


def one_cycle(**more):
    return lambda o: lr.OneCycleLR(o, 0.3, total_steps=101, cycle_momentum=False, **more)


def warm(optimizer):
    return lr.LinearLR(optimizer, start_factor=0.1, total_iters=12)


CASES = [
    case("exponential", {"kind": "exponential", "gamma": 0.93}, lambda o: lr.ExponentialLR(o, 0.93)),
    case("step", {"kind": "step", "size": 7, "gamma": 0.5}, lambda o: lr.StepLR(o, 7, 0.5)),
    case(
        "plateau",
        {"kind": "plateau", "factor": 0.3, "patience": 3},
        lambda o: lr.ReduceLROnPlateau(o, mode="max", factor=0.3, patience=3, eps=0),
        SCORES,
    ),
    case("cosine", {"kind": "cosine", "steps": 100}, lambda o: lr.CosineAnnealingLR(o, 100)),
    case(
        "cosine, whole run, floor",
        {"kind": "cosine", "floor": 0.001},
        lambda o: lr.CosineAnnealingLR(o, 100, 0.001),
    ),
    case(
        "cosine that rises again",
        {"kind": "cosine", "steps": 30, "floor": 0.001},
        lambda o: lr.CosineAnnealingLR(o, 30, 0.001),
    ),
    case(
        "warm restarts",
        {"kind": "warm_restarts", "first": 10, "growth": 2, "floor": 0.001},
        lambda o: lr.CosineAnnealingWarmRestarts(o, 10, 2, 0.001),
    ),
    case("cyclic", {"kind": "cyclic", "peak": 0.3, "half_period": 7}, cyclic("triangular")),
    case(
        "cyclic, halving",
        {"kind": "cyclic", "peak": 0.3, "half_period": 7, "shape": "halving"},
        cyclic("triangular2"),
    ),
    case("one cycle", {"kind": "one_cycle", "peak": 0.3, "steps": 101}, one_cycle()),
    case(
        "one cycle, all set",
        {
            "kind": "one_cycle",
            "peak": 0.3,
            "steps": 101,
            "rising": 0.2,
            "start_divisor": 10,
            "end_divisor": 100,
        },
        one_cycle(pct_start=0.2, div_factor=10, final_div_factor=100),
    ),
    case("warm-up", {"kind": "constant"}, warm, warmup={"steps": 12, "start": 0.1}),
    case(
        "warm-up, then exponential",
        {"kind": "exponential", "gamma": 0.93},
        lambda o: lr.ChainedScheduler([warm(o), lr.ExponentialLR(o, 0.93)]),
        warmup={"steps": 12, "start": 0.1},
    ),
]

print("[\n" + ",\n".join(json.dumps(one) for one in CASES) + "\n]")
