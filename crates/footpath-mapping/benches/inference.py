"""What follows the network, as the 2018 solution does it, and how long it takes.

    pip install pycocotools==2.0.11 numpy==2.4.6 scipy==1.17.1 opencv-python-headless==5.0.0.93
    python3 inference.py DIR/val …

Our own statement of its way: 16 passes of two classes turned back and joined by scipy's geometric
mean, OpenCV's bilinear resize (the original used scikit-image's, which is slower), scipy's labels,
mean probability times the root of the area, pycocotools' run lengths; and for 19 thresholds
suppression by pycocotools' IoU. One thread. Beside it: the bench `inference_work`.
"""

import contextlib
import io
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from scipy import ndimage, stats

SIDE_PX = 300
PASSES = [(turn, up, left) for turn in range(4) for up in (False, True) for left in (False, True)]


def soften(buildings, random):
    sharp = np.where(buildings, 0.9, 0.05)
    return (ndimage.uniform_filter(sharp, 5) + 0.05 * random.random(sharp.shape)).astype(np.float32)


def pose(plane, turn, up, left):
    plane = np.rot90(plane, turn, axes=(-2, -1))
    plane = plane[..., ::-1, :] if up else plane
    return plane[..., ::-1] if left else plane


def undo(plane, turn, up, left):
    plane = plane[..., ::-1] if left else plane
    plane = plane[..., ::-1, :] if up else plane
    return np.rot90(plane, -turn, axes=(-2, -1))


def join(answers):
    return stats.gmean(np.stack([undo(a, *p) for a, p in zip(answers, PASSES)]), axis=0)


def resize(planes):
    return np.stack([cv2.resize(p, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR) for p in planes])


def objects(probability, threshold):
    """Mask and score of each component."""
    labels, count = ndimage.label(probability > threshold)
    found = []
    for number in range(1, count + 1):
        mask = labels == number
        area = mask.sum()
        found.append((mask, float(probability[mask].mean() * np.sqrt(area)), area))
    return found


def encode(found):
    return [coco_mask.encode(np.asfortranarray(mask.astype(np.uint8))) for mask, _, _ in found]


def suppress(rles, scores):
    """Pairs by pycocotools, best first."""
    order = list(np.argsort(scores)[::-1])
    kept = []
    while order:
        best = order.pop(0)
        kept.append(best)
        if not order:
            break
        ious = coco_mask.iou([rles[best]], [rles[i] for i in order], [0] * len(order))[0]
        order = [i for i, iou in zip(order, ious) if iou <= 0.5]
    return kept


def main(folders):
    seconds = dict.fromkeys(["join", "resize", "label and score", "encode", "suppress"], 0.0)
    images = candidates = 0
    random = np.random.default_rng(1)

    def timed(name, function, *arguments):
        start = time.perf_counter()
        result = function(*arguments)
        seconds[name] += time.perf_counter() - start
        return result

    cv2.setNumThreads(1)
    for folder in folders:
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(Path(folder, "annotation.json")))
        for image_id, image in sorted(coco.imgs.items()):
            buildings = np.zeros((image["height"], image["width"]), bool)
            for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[image_id])):
                buildings |= coco.annToMask(annotation) > 0
            building = soften(buildings, random)
            softmax = np.stack([1 - building, building])
            answers = [np.ascontiguousarray(pose(softmax, *p)) for p in PASSES]
            joined = timed("join", join, answers)
            resized = timed("resize", resize, joined)
            found = timed("label and score", objects, resized[1], 0.5)
            timed("encode", encode, found)
            layers = [o for t in range(1, 20) for o in objects(resized[1], t / 20) if o[2] >= 16]
            rles = encode(layers)
            timed("suppress", suppress, rles, np.array([score for _, score, _ in layers]))
            images += 1
            candidates += len(layers)
    print(f"{images} images, {candidates / images:.0f} candidates each; ms an image and core:")
    for name, value in seconds.items():
        print(f"  {name:16} {1000 * value / images:8.2f}")
    whole = sum(value for name, value in seconds.items() if name != "suppress")
    print(f"  all but suppress {1000 * whole / images:8.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
