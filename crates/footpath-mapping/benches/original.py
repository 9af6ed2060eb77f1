"""Prepares the targets of a data set as the 2018 solution does, and says how long it takes.

    pip install pycocotools==2.0.11 numpy==2.4.6 scipy==1.17.1
    python3 original.py DIR/train DIR/val …

Our own statement of its way: one mask a building (pycocotools), one Euclidean distance transform a
building (scipy), the two smallest distances by sorting, sizes from the components of the union.
One thread. Beside it: `cargo bench -p footpath-mapping prepare_planes`.
"""

import contextlib
import io
import sys
import time
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from scipy import ndimage

EDGE_PX = 2


def prepare(masks, height, width):
    labels = np.zeros((height, width), dtype=np.uint8)
    distances = np.zeros((height, width))
    for mask in masks:
        if not mask[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX].any():
            continue
        labels[mask > 0] = 1
        to_building = ndimage.distance_transform_edt(1 - mask)
        distances = to_building if not distances.any() else np.dstack([distances, to_building])
    if distances.ndim < 3:
        distances = np.dstack([distances, distances])
    else:
        distances.sort(axis=2)
    distances = np.sum(distances[:, :, :2], axis=2)
    distances[labels > 0] = 0
    components, count = ndimage.label(labels)
    sizes = np.ones((height, width))
    for number in range(1, count + 1):
        component = components == number
        sizes = np.where(component, component.sum(), sizes)
    return labels, distances.astype(np.float16), sizes


def main(folders):
    images = buildings = 0
    seconds = 0.0
    for folder in folders:
        with contextlib.redirect_stdout(io.StringIO()):
            coco = COCO(str(Path(folder, "annotation.json")))
        for image_id, image in sorted(coco.imgs.items()):
            annotations = coco.loadAnns(coco.getAnnIds(imgIds=[image_id]))
            start = time.perf_counter()
            prepare([coco.annToMask(a) for a in annotations], image["height"], image["width"])
            seconds += time.perf_counter() - start
            images, buildings = images + 1, buildings + len(annotations)
    print(
        f"{images} images, {buildings / images:.1f} buildings each: "
        f"{1000 * seconds / images:.2f} ms an image and core"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
