#!/bin/sh
# Times the U-Net here and in PyTorch alternately, in one run on one machine, and prints the ratios.
#
#   benches/compare_unet.sh [ROUNDS]
#
# Needs python3 with torch 2.15 and torchvision 0.29. A round takes some minutes; the machine should do nothing else.
set -eu
cd "$(dirname "$0")/.."
rounds=${1:-2}
cargo build --release -p footpath-benches
results=$(mktemp)
trap 'rm -f "$results"' EXIT
for round in $(seq "$rounds"); do
    for network in resnet34 resnet101; do
        for batch in 4 8; do
            for mode in train infer; do
                target/release/unet_step $network $batch $mode 5
                for stack in eager channels-last bf16; do
                    python3 benches/unet_step.py $network $batch $mode 5 $stack
                done
            done
        done
    done
done | tee "$results"
python3 - "$results" <<'PYTHON'
import collections, json, sys

best = collections.defaultdict(lambda: float("inf"))
memory = collections.defaultdict(int)
for line in open(sys.argv[1]):
    row = json.loads(line)
    key = (row["encoder"].lower(), row["batch"], "train" if row["train"] else "infer", row["stack"])
    best[key] = min(best[key], row["median_s"])
    memory[key] = max(memory[key], row["peak_mib"])
print("network    batch mode   footpath s  (MiB)   times as fast as PyTorch (its MiB)")
for (network, batch, mode, stack), seconds in sorted(best.items()):
    if stack != "footpath":
        continue
    peers = ", ".join(
        f"{peer}: {best[n, b, m, peer] / seconds:.2f} ({memory[n, b, m, peer]})"
        for n, b, m, peer in sorted(best)
        if (n, b, m) == (network, batch, mode) and peer != "footpath"
    )
    own = memory[network, batch, mode, stack]
    print(f"{network:10} {batch:5} {mode:6} {seconds:10.3f} {own:6}   {peers}")
PYTHON
