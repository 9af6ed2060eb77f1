"""Times one training step or inference batch of the same U-Net in PyTorch.

Usage: python3 unet_step.py ENCODER BATCH MODE [REPETITIONS] [STACK], for example
python3 unet_step.py resnet34 4 train 5 channels-last

STACK is one of eager, channels-last, bf16 (autocast and channels-last).
Needs torch 2.15 and torchvision 0.29. Prints one line of JSON as the Rust program `unet_step` does.
"""

import json
import resource
import sys
import time

import torch
import torchvision
from torch import nn
from torch.nn import functional


class Up(nn.Module):
    def __init__(self, channels_in, middle, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, middle, 3, padding=1)
        self.deconv = nn.ConvTranspose2d(middle, channels, 4, stride=2, padding=1)

    def forward(self, x):
        x = functional.relu(self.conv(x), inplace=True)
        return functional.relu(self.deconv(x), inplace=True)


class UNet(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = getattr(torchvision.models, encoder)(weights=None)
        del self.encoder.fc
        deepest = 512 if encoder == "resnet34" else 2048
        self.center = Up(deepest, 512, 256)
        self.dec5 = Up(deepest + 256, 512, 256)
        self.dec4 = Up(deepest // 2 + 256, 512, 256)
        self.dec3 = Up(deepest // 4 + 256, 256, 64)
        self.dec2 = Up(deepest // 8 + 64, 128, 128)
        self.dec1 = Up(128, 128, 32)
        self.dec0 = nn.Conv2d(32, 32, 3, padding=1)
        self.final = nn.Conv2d(32, 2, 1)

    def forward(self, x):
        e = self.encoder
        x = functional.max_pool2d(e.relu(e.bn1(e.conv1(x))), 2)
        c2 = e.layer1(x)
        c3 = e.layer2(c2)
        c4 = e.layer3(c3)
        c5 = e.layer4(c4)
        x = self.center(functional.max_pool2d(c5, 2))
        x = self.dec5(torch.cat([x, c5], 1))
        x = self.dec4(torch.cat([x, c4], 1))
        x = self.dec3(torch.cat([x, c3], 1))
        x = self.dec2(torch.cat([x, c2], 1))
        x = functional.relu(self.dec0(self.dec1(x)), inplace=True)
        return self.final(x)


def loss_of(logits, labels, weights):
    cross_entropy = (functional.cross_entropy(logits, labels, reduction="none") * weights).mean()
    probability = functional.softmax(logits, 1)[:, 1]
    building = (labels == 1).float()
    overlap = (probability * building).sum()
    dice = 1 - (2 * overlap + 1) / (probability.sum() + building.sum() + 1)
    return cross_entropy + 0.2 * dice


def main():
    encoder, batch, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    repetitions = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    stack = sys.argv[5] if len(sys.argv) > 5 else "channels-last"
    train = mode == "train"
    torch.manual_seed(7)
    network = UNet(encoder).train(train)
    x = torch.rand(batch, 3, 256, 256) * 2 - 1
    if stack != "eager":
        network = network.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    labels = (torch.arange(batch * 256 * 256) // 64 % 3 == 0).long().view(batch, 256, 256)
    weights = torch.ones(batch, 256, 256)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, weight_decay=1e-4)

    def run():
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=stack == "bf16"):
            if train:
                optimizer.zero_grad()
                logits = network(x)
                loss_of(logits.float(), labels, weights).backward()
                optimizer.step()
            else:
                with torch.inference_mode():
                    network(x)
        return time.perf_counter() - start

    run()
    seconds = sorted(run() for _ in range(repetitions))
    print(
        json.dumps(
            {
                "stack": f"pytorch {stack}",
                "encoder": encoder,
                "batch": batch,
                "mode": mode,
                "median_s": round(seconds[len(seconds) // 2], 4),
                "best_s": round(seconds[0], 4),
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
