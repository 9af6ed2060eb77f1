"""The metrics of `footpath score`, computed by pycocotools."""

import contextlib
import copy
import importlib.metadata
import io
import platform

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

COCO_KEYS = [
    "ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large",
    "ar_1", "ar_10", "ar_100", "ar_small", "ar_medium", "ar_large",
]  # fmt: skip
SMALL_AREA_PX2 = 14**2


def quiet(call, *args):
    with contextlib.redirect_stdout(io.StringIO()):
        return call(*args)


def load_results(truth, results):
    if results:
        return quiet(truth.loadRes, copy.deepcopy(results))
    # loadRes cannot read an empty list.
    empty = COCO()
    empty.dataset = {**truth.dataset, "annotations": []}
    quiet(empty.createIndex)
    return empty


def mean(values):
    """As COCOeval.summarize: undefined values are left out, -1 if nothing is left."""
    values = values[values > -1]
    return float(np.mean(values)) if values.size else -1.0


def metrics(truth, results):
    """All numbers of `footpath score` but the pixel IoU; `truth` is a pycocotools COCO."""
    found = load_results(truth, results)
    evaluation = COCOeval(truth, found, "segm")
    quiet(evaluation.evaluate)
    quiet(evaluation.accumulate)
    quiet(evaluation.summarize)
    numbers = dict(zip(COCO_KEYS, map(float, evaluation.stats)))
    # recall: [IoU, category, area, detections]; IoU 0.50, all areas, 100 detections
    numbers["ar50"] = mean(evaluation.eval["recall"][0, :, 0, 2])

    evaluation = COCOeval(truth, found, "segm")
    evaluation.params.areaRng = [[0, 1e10], [0, SMALL_AREA_PX2], [SMALL_AREA_PX2, 1e10]]
    evaluation.params.areaRngLbl = ["all", "small", "large"]
    quiet(evaluation.evaluate)
    quiet(evaluation.accumulate)
    for area, name in ((1, "small"), (2, "large")):
        numbers[f"ap50_{name}"] = mean(evaluation.eval["precision"][0, :, :, area, 2])
        numbers[f"ar50_{name}"] = mean(evaluation.eval["recall"][0, :, area, 2])
    numbers["iou"] = pixel_iou(truth, found)
    numbers["images"] = len(truth.imgs)
    numbers["truths"] = sum(not a.get("iscrowd", 0) for a in truth.anns.values())
    numbers["detections"] = len(results)
    return numbers


def pixel_iou(truth, found):
    """Of the pixels of all images together, crowds left out."""
    both = either = 0
    for image_id, image in truth.imgs.items():

        def union(coco, crowd):
            mask = np.zeros((image["height"], image["width"]), dtype=bool)
            for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[image_id])):
                if bool(annotation.get("iscrowd", 0)) == crowd:
                    mask |= coco.annToMask(annotation).astype(bool)
            return mask

        counted = ~union(truth, True)
        a, b = union(truth, False) & counted, union(found, False) & counted
        both += int((a & b).sum())
        either += int((a | b).sum())
    return both / either if either else -1.0


def versions():
    names = ["pycocotools", "numpy"]
    return {"python": platform.python_version(), **{n: importlib.metadata.version(n) for n in names}}
