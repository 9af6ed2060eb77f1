"""Writes the golden files of the score test: a made-up ground truth, results, expected numbers.

    pip install pycocotools==2.0.11 numpy==2.4.6
    python3 make.py
"""

import json
import math
from pathlib import Path

import numpy as np
from perturb import SplitMix64, perturb
from pycocotools import mask as mask_utils
from pycocotools.coco import COCO
from reference import metrics, quiet, versions

HERE = Path(__file__).parent
BUILDING, SHED = 100, 7


def circle(x, y, radius, corners=20):
    angles = [2 * math.pi * i / corners for i in range(corners)]
    return [v for a in angles for v in (x + radius * math.cos(a), y + radius * math.sin(a))]


def rectangle(x, y, w, h):
    return [x, y, x + w, y, x + w, y + h, x, y + h]


def rle(outline, height, width, compressed):
    mask = mask_utils.decode(mask_utils.frPyObjects([outline], height, width))[:, :, 0]
    if compressed:
        encoded = mask_utils.encode(np.asfortranarray(mask))
        return {"size": encoded["size"], "counts": encoded["counts"].decode("ascii")}
    flat = mask.flatten(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    counts = [int(n) for n in np.diff([0, *changes, flat.size])]
    return {"size": [height, width], "counts": [0, *counts] if flat[0] else counts}


def ground_truth():
    rng = SplitMix64(20181113)
    sizes = [(256, 256), (300, 300), (200, 320), (64, 48), (256, 256), (256, 256), (300, 300), (128, 128)]
    images = [
        {"id": 3 * i + 5, "height": h, "width": w, "file_name": f"tile{i}.png"} for i, (h, w) in enumerate(sizes)
    ]
    annotations = []

    def add(image, segmentation, category=BUILDING, crowd=0):
        encoded = mask_utils.frPyObjects(segmentation, image["height"], image["width"])
        area = float(mask_utils.area(mask_utils.merge(encoded) if isinstance(encoded, list) else encoded))
        annotations.append(
            {
                "id": len(annotations) + 1, "image_id": image["id"], "category_id": category,
                "segmentation": segmentation, "area": area, "iscrowd": crowd,
                "bbox": [0, 0, 1, 1],
            }
        )  # fmt: skip

    for number, image in enumerate(images):
        h, w = image["height"], image["width"]
        if number == 5:
            continue  # a tile without buildings
        for i in range(12 if number else 110):  # the first has more than 100
            x, y = w * rng.unit(), h * rng.unit()
            size = 3 + 40 * rng.unit() ** 2 if i else 110.0
            category = SHED if rng.unit() < 0.15 else BUILDING
            if i % 3 == 0:
                add(image, [circle(x, y, size / 2)], category)
            elif i % 3 == 1:
                add(image, [rectangle(x, y, size, size * (0.5 + rng.unit()))], category)
            else:
                add(image, [rectangle(x, y, size, 5), circle(x + 20, y + 9, 4)], category)
    image = images[1]
    add(image, rle(rectangle(20, 30, 25, 12), 300, 300, compressed=False))
    packed = rle(rectangle(0, 0, 9.5, 12), 300, 300, compressed=True)
    annotations.append({**annotations[-1], "id": len(annotations) + 1, "segmentation": packed, "area": 117.5})
    add(image, rle(rectangle(150, 150, 90, 90), 300, 300, compressed=False), crowd=1)
    return {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": SHED, "name": "shed"}, {"id": BUILDING, "name": "building"}],
    }


def main():
    truth = COCO()
    # Through JSON, so that pycocotools sees what the file holds.
    truth.dataset = json.loads(json.dumps(ground_truth()))
    quiet(truth.createIndex)
    (HERE / "truth.json").write_text(json.dumps(truth.dataset) + "\n")
    expected = {"versions": versions()}
    for form in ("challenge", "masks", "polygons"):
        results = perturb(truth, seed=7, form=form)
        (HERE / f"{form}.json").write_text(json.dumps(results) + "\n")
        expected[form] = metrics(truth, results)
    expected["empty"] = metrics(truth, [])
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
