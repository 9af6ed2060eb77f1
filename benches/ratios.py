"""Prints how the programs `unet_step` compare: python3 ratios.py FILE, with a line of JSON for each of their runs."""

import collections
import json
import sys

seconds = collections.defaultdict(lambda: float("inf"))
memory = collections.defaultdict(int)
for line in open(sys.argv[1]):
    row = json.loads(line)
    key = (row["encoder"], row["batch"], row["mode"], row["stack"])
    seconds[key] = min(seconds[key], row["median_s"])
    memory[key] = max(memory[key], row["peak_mib"])

PEERS = ["pytorch eager", "pytorch channels-last", "pytorch bf16"]
print("network   batch mode   footpath           " + "".join(f"{peer:30}" for peer in PEERS))
for (network, batch, mode, stack), own in sorted(seconds.items()):
    if not stack.startswith("footpath"):
        continue
    line = f"{network:9} {batch:5} {mode:6} {own:.3f} s {memory[network, batch, mode, stack]:5} MiB "
    for peer in PEERS:
        theirs = seconds[network, batch, mode, peer]
        line += f" {theirs:.3f} s {memory[network, batch, mode, peer]:5} MiB {theirs / own:5.2f}x   "
    print(line, "" if stack == "footpath" else stack)
