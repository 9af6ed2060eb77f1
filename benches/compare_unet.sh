#!/bin/sh
# Times the U-Net here and in PyTorch alternately, in one run on one machine, and prints the ratios.
#
#   benches/compare_unet.sh [--quick] [ROUNDS]
#
# Without --quick: ResNet34 and ResNet101, batch 4 and 8 of 256x256 pixels, training and inference, and GFLOP/s of
# each layer at the end. With it: ResNet34 at batch 4. The least of the rounds' medians counts (2 rounds unless told).
# Needs python3 with torch 2.15 and torchvision 0.29 (PYTHON names another interpreter). The machine should do
# nothing else: a round takes some ten minutes, a quick one less than one.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
networks="resnet34 resnet101" batches="4 8" quick=no
if [ "${1:-}" = --quick ]; then
    networks=resnet34 batches=4 quick=yes
    shift
fi
rounds=${1:-2}
cargo build --release --workspace --bins
target=${CARGO_TARGET_DIR:-target}/release
results=$(mktemp)
trap 'rm -f "$results"' EXIT
for round in $(seq "$rounds"); do
    for network in $networks; do
        for batch in $batches; do
            for mode in train infer; do
                "$target/unet_step" "$network" "$batch" "$mode" 5
                if [ "$mode" = infer ] && grep -qw avx512_bf16 /proc/cpuinfo; then
                    "$target/unet_step" "$network" "$batch" infer-bf16 5
                fi
                for stack in eager channels-last bf16; do
                    "$python" benches/unet_step.py "$network" "$batch" "$mode" 5 "$stack"
                done
            done
        done
    done
done | tee "$results"
"$python" benches/ratios.py "$results"
if [ $quick = no ]; then
    "$target/layers"
fi
