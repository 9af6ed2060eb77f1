"""Losses and gradients for `src/loss/tests.rs`, of the parts that the shared golden numbers lack.

Run: python3 losses.py > losses.json   (torch 2.15.0)

Logits, targets, distances and sizes are those of the shared golden numbers; with three classes, a
stripe of the background is the third; where pixels are ignored, those of the upper 9 rows are.
"""

import json

import torch
import torch.nn.functional as F

SIDE, W0, SIGMA, C, SMOOTH = 32, 50.0, 10.0, 16.0, 1.0


def targets(classes, ignoring):
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    first = ((y > 8) & (y < 20) & (x > 5) & (x < 14)) | ((y > 10) & (y < 28) & (x > 18) & (x < 30))
    second = (y - 16) ** 2 + (x - 12) ** 2 < 50
    building = torch.stack([first, second])
    distances = torch.stack([(x - 16).abs() + 2.0, 1.5 * torch.hypot(y - 16.0, x - 12.0)])
    distances = distances.double() * ~building
    sides = torch.where(building, torch.tensor([12.0, 7.0]).view(2, 1, 1), torch.tensor(1.0))
    near = torch.where(distances == 0, 1.0, 1 + W0 * torch.exp(-((distances / SIGMA) ** 2)))
    weights = near * torch.where(building, C / sides, torch.tensor(1.0)).double()
    labels = building.long()
    stripe = torch.zeros_like(building)
    if classes == 3:
        stripe = ~building & (x % 5 == 0)
        labels[stripe] = 2
    if ignoring:
        ignored = (y < 9).expand_as(building) & ~stripe
        weights[ignored] = 0
        labels[ignored] = 0
    return labels, weights


def averaged(values, weights, normalised):
    return (values * weights).sum() / (weights.sum() if normalised else weights.numel())


def cross_entropy(logits, labels, weights, normalised=False):
    return averaged(F.cross_entropy(logits, labels, reduction="none"), weights, normalised)


def focal(logits, labels, weights, gamma, normalised=False):
    ce = F.cross_entropy(logits, labels, reduction="none")
    return averaged((1 - torch.exp(-ce)) ** gamma * ce, weights, normalised)


def dice(logits, labels, weights, probability):
    counted = weights > 0
    losses = []
    for c in range(1, logits.shape[1]):
        p = probability(logits)[:, c][counted]
        y = (labels == c)[counted].double()
        losses.append(1 - (2 * (p * y).sum() + SMOOTH) / (p.sum() + y.sum() + SMOOTH))
    return torch.stack(losses).mean()


def lovasz(logits, labels, weights):
    """By the definition: the sum of errors times what each adds to the set function."""
    counted = weights > 0
    losses = []
    for c in range(1, logits.shape[1]):
        p, y = logits.softmax(1)[:, c][counted], (labels == c)[counted]
        if not y.any():
            continue
        errors, order = torch.where(y, 1 - p, p).sort(descending=True)
        wrong_true = y[order].cumsum(0)
        wrong_false = (~y[order]).cumsum(0)
        jaccard = 1 - (y.sum() - wrong_true) / (y.sum() + wrong_false)
        slopes = torch.diff(jaccard, prepend=torch.zeros(1))
        losses.append((errors * slopes).sum())
    return torch.stack(losses).mean()


def golden(loss, classes, ignoring=False):
    index = torch.arange(2 * classes * SIDE * SIDE, dtype=torch.float64)
    logits = (2 * torch.sin(0.37 * index)).reshape(2, classes, SIDE, SIDE).requires_grad_()
    labels, weights = targets(classes, ignoring)
    value = loss(logits, labels, weights)
    value.backward()
    places = [(n, c, y, x) for n in (0, 1) for c in range(classes) for y, x in
              ((2, 3), (9, 6), (12, 20), (16, 12), (27, 25))]
    return {
        "value": value.item(),
        "grad_l2": logits.grad.norm().item(),
        "grad_samples": [[*place, logits.grad[place].item()] for place in places],
    }


def class_weighted(labels, weights):
    return weights * torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64)[labels]


sigmoid = torch.sigmoid
softmax = lambda logits: logits.softmax(1)
all_losses = {
    "focal": golden(lambda z, y, w: 1.5 * focal(z, y, w, 2.0), 2),
    "focal_half_normalised_ignoring": golden(lambda z, y, w: 1.5 * focal(z, y, w, 0.5, True), 3, True),
    "sigmoid_dice": golden(lambda z, y, w: 0.7 * dice(z, y, w, sigmoid), 2),
    "sigmoid_dice_ignoring": golden(lambda z, y, w: 0.7 * dice(z, y, w, sigmoid), 3, True),
    "lovasz": golden(lambda z, y, w: 0.8 * lovasz(z, y, w), 2),
    "lovasz_ignoring": golden(lambda z, y, w: 0.8 * lovasz(z, y, w), 3, True),
    "class_weights": golden(
        lambda z, y, w: cross_entropy(z, y, class_weighted(y, w)) + 0.2 * dice(z, y, w, softmax), 3),
    "everything": golden(
        lambda z, y, w: cross_entropy(z, y, class_weighted(y, w), True)
        + 0.5 * focal(z, y, class_weighted(y, w), 2.0, True)
        + 0.3 * lovasz(z, y, w) + 0.2 * dice(z, y, w, sigmoid), 3, True),
}
lines = [f" {json.dumps(name)}: {json.dumps(entry)}" for name, entry in all_losses.items()]
print("{\n" + ",\n".join(lines) + "\n}")
