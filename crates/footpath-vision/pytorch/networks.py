"""Logits of networks with options, for `src/network/tests.rs`.

Run: python3 networks.py > networks.json   (torch 2.15.0, torchvision 0.29.2, numpy)

Weights and input are formulas of the tensors' names (splitmix64 seeded by their CRC-32), so no
weights travel between the two programs.
"""

import json
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


class Doubling(nn.Module):
    """Bilinear, then a convolution."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)

    def forward(self, x):
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return F.relu(self.conv(x))


class Transposed(nn.ConvTranspose2d):
    def __init__(self, inputs, outputs, kernel):
        super().__init__(inputs, outputs, kernel, 2, 1, output_padding=kernel % 2)

    def forward(self, x):
        return F.relu(super().forward(x))


def doubling(inputs, outputs, kernel, bilinear):
    return Doubling(inputs, outputs) if bilinear else Transposed(inputs, outputs, kernel)


class Up(nn.Module):
    def __init__(self, inputs, middle, outputs, kernel, bilinear):
        super().__init__()
        self.conv = ConvRelu(inputs, middle)
        self.deconv = doubling(middle, outputs, kernel, bilinear)

    def forward(self, x):
        return self.deconv(self.conv(x))


class Pyramid(nn.Module):
    def __init__(self, channels):
        super().__init__()
        narrow = channels // 4
        self.branches = nn.ModuleList(nn.Conv2d(channels, narrow, 1) for _ in range(4))
        self.project = nn.Conv2d(channels + 4 * narrow, channels, 1)

    def forward(self, x):
        parts = [x]
        for conv, side in zip(self.branches, (1, 2, 3, 6)):
            means = F.relu(conv(F.adaptive_avg_pool2d(x, side)))
            parts.append(F.interpolate(means, x.shape[2:], mode="bilinear", align_corners=False))
        return F.relu(self.project(torch.cat(parts, 1)))


class Aspp(nn.Module):
    def __init__(self, channels):
        super().__init__()
        narrow = channels // 4
        self.point = nn.Conv2d(channels, narrow, 1)
        self.branches = nn.ModuleList(
            nn.Conv2d(channels, narrow, 3, padding=r, dilation=r) for r in (3, 6, 9))
        self.image = nn.Conv2d(channels, narrow, 1)
        self.project = nn.Conv2d(5 * narrow, channels, 1)

    def forward(self, x):
        parts = [F.relu(self.point(x)), *(F.relu(conv(x)) for conv in self.branches)]
        parts.append(F.relu(self.image(x.mean((2, 3), keepdim=True))).expand_as(parts[0]))
        return F.relu(self.project(torch.cat(parts, 1)))


class Cascade(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=r, dilation=r) for r in (1, 2, 4, 8))

    def forward(self, x):
        total = x
        for conv in self.convolutions:
            x = F.relu(conv(x))
            total = total + x
        return total


class ResNetUnet(nn.Module):
    def __init__(self, nf, classes, context, bilinear):
        super().__init__()
        up = lambda *channels: Up(*channels, 4, bilinear)
        self.encoder = torchvision.models.resnet18()
        self.encoder.fc = nn.Identity()
        self.center = up(512, 16 * nf, 8 * nf)
        self.dec5 = up(8 * nf + 512, 16 * nf, 8 * nf)
        self.context = context(8 * nf)
        self.dec4 = up(8 * nf + 256, 16 * nf, 8 * nf)
        self.dec3 = up(8 * nf + 128, 8 * nf, 2 * nf)
        self.dec2 = up(2 * nf + 64, 4 * nf, 4 * nf)
        self.dec1 = up(4 * nf, 4 * nf, nf)
        self.dec0 = ConvRelu(nf, nf)
        self.final = nn.Conv2d(nf, classes, 1)

    def forward(self, x):
        e = self.encoder
        skips = [F.max_pool2d(e.relu(e.bn1(e.conv1(x))), 2, 2)]
        for layer in (e.layer1, e.layer2, e.layer3, e.layer4):
            skips.append(layer(skips[-1]))
        x = self.center(F.max_pool2d(skips[4], 2, 2))
        x = self.context(self.dec5(torch.cat([x, skips.pop()], 1)))
        for block in (self.dec4, self.dec3, self.dec2):
            x = block(torch.cat([x, skips.pop()], 1))
        return self.final(self.dec0(self.dec1(x)))


class VggUnet(nn.Module):
    def __init__(self, nf, classes, context, bilinear):
        super().__init__()
        up = lambda *channels: Up(*channels, 3, bilinear)
        self.encoder = torchvision.models.vgg11().features
        self.center = up(512, 16 * nf, 8 * nf)
        self.dec5 = up(8 * nf + 512, 16 * nf, 8 * nf)
        self.context = context(8 * nf)
        self.dec4 = up(8 * nf + 512, 16 * nf, 4 * nf)
        self.dec3 = up(4 * nf + 256, 8 * nf, 2 * nf)
        self.dec2 = up(2 * nf + 128, 4 * nf, nf)
        self.dec1 = ConvRelu(nf + 64, nf)
        self.final = nn.Conv2d(nf, classes, 1)

    def forward(self, x):
        skips = []
        for layer in self.encoder:
            if isinstance(layer, nn.MaxPool2d):
                skips.append(x)
            x = layer(x)
        x = self.center(x)
        x = self.context(self.dec5(torch.cat([x, skips.pop()], 1)))
        for block in (self.dec4, self.dec3, self.dec2, self.dec1):
            x = block(torch.cat([x, skips.pop()], 1))
        return self.final(x)


class ConvNormRelu(nn.Module):
    def __init__(self, inputs, outputs, kernel, dilation, norm):
        super().__init__()
        padding = dilation * (kernel - 1) // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, 1, padding, dilation, bias=not norm)
        self.bn = nn.BatchNorm2d(outputs) if norm else nn.Identity()

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class DoubleConv(nn.Module):
    def __init__(self, inputs, outputs, kernel=3, dilation=1, norm=True):
        super().__init__()
        self.first = ConvNormRelu(inputs, outputs, kernel, dilation, norm)
        self.second = ConvNormRelu(outputs, outputs, kernel, dilation, norm)

    def forward(self, x):
        return self.second(self.first(x))


class PlainUnet(nn.Module):
    def __init__(self, filters=16, depth=4, kernel=3, norm=True, classes=2,
                 context=lambda channels: nn.Identity(), bilinear=False):
        super().__init__()
        block = lambda inputs, outputs: DoubleConv(inputs, outputs, kernel, 1, norm)
        width = lambda level: filters * 2**level
        levels = range(depth)
        self.input = block(3, filters)
        self.down = nn.ModuleList(block(width(i), width(i + 1)) for i in levels)
        self.floor = block(width(depth), width(depth + 1))
        self.context = context(width(depth + 1))
        self.doubling = nn.ModuleList(
            doubling(width(i + 2), width(i + 1), 3, bilinear) for i in levels)
        self.up = nn.ModuleList(block(width(i + 2), width(i + 1)) for i in levels)
        self.classification = block(2 * filters, filters)
        self.final = nn.Conv2d(filters, classes, 1)

    def forward(self, x):
        x = self.input(x)
        skips = []
        for block in self.down:
            skips.append(block(x))
            x = F.max_pool2d(skips[-1], 3, 2, 1)
        x = self.context(self.floor(x))
        for up, block in zip(reversed(self.doubling), reversed(self.up)):
            x = block(torch.cat([up(x), skips.pop()], 1))
        return self.final(self.classification(x))


class DilatedNet(nn.Module):
    def __init__(self, filters=16, dilations=(1, 2, 3), classes=2):
        super().__init__()
        widths = [filters * 2**i for i in range(len(dilations))]
        inputs = [3, *widths]
        self.front = nn.ModuleList(
            DoubleConv(i, o, dilation=d) for i, o, d in zip(inputs, widths, dilations))
        last = widths[-1]
        self.local = nn.ModuleList(DoubleConv(last, last, dilation=d) for d in reversed(dilations))
        self.head = nn.Conv2d(last, last, 1)
        self.final = nn.Conv2d(last, classes, 1)

    def forward(self, x):
        for block in (*self.front, *self.local):
            x = block(x)
        return self.final(F.relu(self.head(x)))


@torch.no_grad()
def golden(net):
    net.eval()
    for name, tensor in net.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            tensor.copy_(torch.tensor(formula(name, tuple(tensor.shape))))
    images = torch.tensor(stream(7, 3 * 64 * 64).reshape(1, 3, 64, 64), dtype=torch.float32)
    logits = net(images)[0]
    places = [(c, y, x) for c in range(len(logits)) for y in (0, 13, 40, 63) for x in (0, 13, 40, 63)]
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        "mean": logits.mean().item(),
        "std": logits.std().item(),
        "samples": [[*place, logits[place].item()] for place in places],
    }


networks = {
    "plain": PlainUnet(),
    "plain_deep_narrow": PlainUnet(2, 6, classes=3, context=Cascade),
    "plain_bare_bilinear": PlainUnet(4, 2, 5, False, context=Pyramid, bilinear=True),
    "dilated": DilatedNet(),
    "dilated_far": DilatedNet(4, (1, 2, 4, 7), 5),
    "resnet18_bilinear_pyramid": ResNetUnet(4, 2, Pyramid, True),
    "resnet18_aspp": ResNetUnet(4, 3, Aspp, False),
    "vgg11_bilinear_cascade": VggUnet(4, 2, Cascade, True),
}
lines = [f" {json.dumps(name)}: {json.dumps(golden(net))}" for name, net in networks.items()]
print("{\n" + ",\n".join(lines) + "\n}")
