"""Makes a results file out of a COCO ground truth, as an imperfect detector would.

Every draw comes from splitmix64, so one truth and one seed give one results file.
"""

import numpy as np
from pycocotools import mask as mask_utils

MASK64 = (1 << 64) - 1


class SplitMix64:
    def __init__(self, seed):
        self.state = seed & MASK64

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK64
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
        return z ^ (z >> 31)

    def unit(self):
        """A number in [0, 1)."""
        return (self.next() >> 11) / (1 << 53)

    def between(self, low, high):
        """A whole number from low to high, both included."""
        return low + self.next() % (high - low + 1)


def shift(mask, dx, dy):
    moved = np.zeros_like(mask)
    h, w = mask.shape
    moved[max(dy, 0) : h + min(dy, 0), max(dx, 0) : w + min(dx, 0)] = mask[
        max(-dy, 0) : h + min(-dy, 0), max(-dx, 0) : w + min(-dx, 0)
    ]
    return moved


def dilate(mask):
    return np.max([shift(mask, dx, dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)], axis=0)


def split(mask):
    """The parts left and right of the middle of the mask."""
    columns = np.flatnonzero(mask.any(axis=0))
    if len(columns) < 2:
        return [mask]
    left, right = mask.copy(), mask.copy()
    middle = (columns[0] + columns[-1] + 1) // 2
    left[:, middle:] = 0
    right[:, :middle] = 0
    return [left, right]


def imperfect_copies(mask, rng):
    """(mask, how good) for each detection of one building."""
    kind = rng.unit()
    if kind < 0.10:
        return []
    if kind < 0.45:
        return [(shift(mask, rng.between(-3, 3), rng.between(-3, 3)), 0.8)]
    if kind < 0.65:
        return [(dilate(mask), 0.9)]
    if kind < 0.75:
        return [(part, 0.6) for part in split(mask)]
    if kind < 0.85:
        return [(mask, 1.0), (shift(mask, 1, 1), 0.5)]
    return [(mask, 1.0)]


def perturb(coco, seed, form):
    """Results for `coco` (pycocotools.coco.COCO).

    form: "challenge" (RLE and box, as the Mapping Challenge asks), "masks" (RLE without box),
    "polygons" (polygon and box; each building's rectangle).
    """
    rng = SplitMix64(seed)
    results = []
    categories = sorted(coco.getCatIds())

    def add(image_id, category_id, mask, quality):
        if not mask.any():
            return
        # Two digits, so that scores tie now and then.
        score = round(quality * (0.5 + rng.unit() / 2), 2)
        rle = mask_utils.encode(np.asfortranarray(mask))
        bbox = [float(v) for v in mask_utils.toBbox(rle)]
        record = {"image_id": image_id, "category_id": category_id, "score": score}
        if form == "polygons":
            x, y, w, h = bbox
            record["segmentation"] = [[x, y, x + w, y, x + w, y + h, x, y + h - 0.3]]
        else:
            rle["counts"] = rle["counts"].decode("ascii")
            record["segmentation"] = rle
        if form != "masks":
            record["bbox"] = bbox
        results.append(record)

    for image_id in sorted(coco.getImgIds()):
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[image_id])):
            mask = coco.annToMask(annotation)
            for copy, quality in imperfect_copies(mask, rng):
                add(image_id, annotation["category_id"], copy, quality)
        image = coco.imgs[image_id]
        for _ in range(rng.between(0, 2)):
            mask = np.zeros((image["height"], image["width"]), dtype=np.uint8)
            x, y = rng.between(0, image["width"] - 5), rng.between(0, image["height"] - 5)
            mask[y : y + rng.between(4, 30), x : x + rng.between(4, 30)] = 1
            add(image_id, categories[rng.between(0, len(categories) - 1)], mask, 0.4)
    return results
