"""Small files of encoder weights, for `src/pretrained/tests.rs`.

Run: python3 encoder_files.py   (torch 2.15.0)

Writes, beside this script, a dictionary of tensors with torchvision's names, in the zip layout of
today's `torch.save` and in the layout before PyTorch 1.6: float32, a transposed float16, bfloat16,
and what belongs to no encoder (a counter, classifiers).
"""

from pathlib import Path

import torch

here = Path(__file__).parent
state = {
    "features.0.weight": torch.arange(54.0).reshape(2, 3, 3, 3) / 8,
    "features.0.bias": torch.tensor([0.5, -1.25]),
    "features.3.weight": torch.arange(18.0).reshape(3, 3, 2, 1).transpose(0, 2).half(),
    "bn1.running_mean": torch.tensor([3.0, -0.5], dtype=torch.bfloat16),
    "bn1.num_batches_tracked": torch.tensor(7),
    "classifier.0.weight": torch.zeros(1, 1),
    "fc.bias": torch.zeros(2, dtype=torch.float64),
}
torch.save(state, here / "encoder.pth")
torch.save(state, here / "encoder_legacy.pth", _use_new_zipfile_serialization=False)
