"""Six training steps of a small ResNet 18 U-Net, for `src/optimizer/tests.rs`.

Run: python3 training_steps.py   (torch 2.15.0, torchvision 0.29.2, numpy)

Weights and input are formulas of the tensors' names (splitmix64 seeded by their CRC-32), so no
file travels between the two programs. Prints for each optimizer the losses of each step, then the
mean logit in evaluation mode and three running variances; last with the encoder frozen.
"""

import zlib

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision


def stream(seed, count):
    index = np.arange(1, count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + index * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) / 2**52 - 1


def formula(name, shape):
    u = stream(zlib.crc32(name.encode()), int(np.prod(shape))).reshape(shape)
    if len(shape) == 4:
        return np.sqrt(6 / np.prod(shape[1:])) * u
    if name.endswith("running_var"):
        return 1 + 0.5 * u
    if name.endswith(("running_mean", "bias")):
        return 0.1 * u
    return 0.5 + 0.1 * u


class ConvRelu(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x):
        return F.relu(self.conv(x))


class Up(nn.Module):
    def __init__(self, inputs, middle, outputs):
        super().__init__()
        self.conv = ConvRelu(inputs, middle)
        self.deconv = nn.ConvTranspose2d(middle, outputs, 4, 2, 1)

    def forward(self, x):
        return F.relu(self.deconv(self.conv(x)))


class Unet(nn.Module):
    def __init__(self, nf):
        super().__init__()
        self.encoder = torchvision.models.resnet18()
        self.encoder.fc = nn.Identity()
        self.center = Up(512, 16 * nf, 8 * nf)
        self.dec5 = Up(8 * nf + 512, 16 * nf, 8 * nf)
        self.dec4 = Up(8 * nf + 256, 16 * nf, 8 * nf)
        self.dec3 = Up(8 * nf + 128, 8 * nf, 2 * nf)
        self.dec2 = Up(2 * nf + 64, 4 * nf, 4 * nf)
        self.dec1 = Up(4 * nf, 4 * nf, nf)
        self.dec0 = ConvRelu(nf, nf)
        self.final = nn.Conv2d(nf, 2, 1)

    def forward(self, x):
        e = self.encoder
        skips = [F.max_pool2d(e.relu(e.bn1(e.conv1(x))), 2, 2)]
        for layer in (e.layer1, e.layer2, e.layer3, e.layer4):
            skips.append(layer(skips[-1]))
        x = self.center(F.max_pool2d(skips[4], 2, 2))
        for block in (self.dec5, self.dec4, self.dec3, self.dec2):
            x = block(torch.cat([x, skips.pop()], 1))
        return self.final(self.dec0(self.dec1(x)))


def optimizer_of(kind, groups):
    if kind == "adam":
        return torch.optim.Adam(groups, lr=5e-4)
    if kind == "adamw":
        return torch.optim.AdamW(groups, lr=5e-4)
    return torch.optim.SGD(groups, lr=0.02, momentum=0.9, nesterov=kind == "nesterov")


def train(kind, weight_decay, frozen=False):
    net = Unet(4)
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                tensor.copy_(torch.tensor(formula(name, tuple(tensor.shape))))
    images = torch.tensor(stream(7, 2 * 3 * 64 * 64).reshape(2, 3, 64, 64), dtype=torch.float32)
    labels = ((torch.arange(2 * 64 * 64).reshape(2, 64, 64) // 8) % 5 == 0).long()
    if frozen:
        net.encoder.eval()
        net.encoder.requires_grad_(False)
    decayed = [p for p in net.parameters() if p.dim() == 4]
    others = [p for p in net.parameters() if p.dim() != 4]
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0},
    ]
    optimizer = optimizer_of(kind, groups)
    print(kind)
    for _ in range(6):
        logits = net(images)
        cross_entropy = F.cross_entropy(logits, labels)
        p = logits.softmax(1)[:, 1]
        dice = 1 - (2 * (p * labels).sum() + 1) / (p.sum() + labels.sum() + 1)
        loss = cross_entropy + 0.2 * dice
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(loss.item(), cross_entropy.item(), dice.item())
    net.eval()
    print(net(images).mean().item())
    print(net.encoder.bn1.running_var[:3].tolist())


train("adam", 1e-4)
train("adamw", 0.1)
train("sgd", 0.1)
train("nesterov", 0.1)
train("adam", 1e-4, frozen=True)
