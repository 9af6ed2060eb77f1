"""Draws one tile for the README: what two settings found, each building in a colour, and the true outlines.

    pip install pycocotools==2.0.11 pillow==13.0.0 numpy==2.4.6
    footpath evaluate … --predictions before.json --per-image before.csv
    footpath evaluate … --predictions after.json
    python3 worst_tile.py DIR/val/annotation.json before.csv before.json after.json worst_tile.png

The tile is the one of the lowest f1 in the table among those with ten buildings or more. No imagery
is drawn, so the picture is a drawing of the annotations, not a copy of the data.
"""

import csv
import json
import sys

import numpy as np
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

SCALE = 2
FEWEST = 10
MARGIN = 8
TITLE = 22
PAPER, INK, FRAME = (255, 255, 255), (20, 20, 20), (190, 200, 210)
# Neighbours in the file seldom get the same colour.
FOUND = [(255, 183, 120), (136, 196, 240), (160, 220, 150), (240, 160, 170), (196, 170, 230), (240, 220, 120), (150, 220, 215)]


def worst(table):
    with open(table, newline="") as rows:
        rows = [row for row in csv.DictReader(rows) if int(row["truths"]) >= FEWEST]
    return int(min(rows, key=lambda row: float(row["f1"]))["image_id"])


def outline(mask):
    """The pixels of an enlarged mask that have a neighbour outside."""
    mask = np.kron(mask, np.ones((SCALE, SCALE), np.uint8))
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return (mask > 0) & (inner == 0)


def panel(truths, found):
    height, width = truths[0].shape
    picture = np.full((height * SCALE, width * SCALE, 3), PAPER, np.uint8)
    for number, mask in enumerate(found):
        picture[np.kron(mask, np.ones((SCALE, SCALE), np.uint8)) > 0] = FOUND[number % len(FOUND)]
    for mask in truths:
        picture[outline(mask)] = INK
    return Image.fromarray(picture)


def main(annotations, table, before, after, out):
    coco, tile = COCO(annotations), worst(table)
    truths = [coco.annToMask(a) for a in coco.loadAnns(coco.getAnnIds(imgIds=[tile]))]
    panels = []
    for name in (before, after):
        with open(name) as records:
            records = [record for record in json.load(records) if record["image_id"] == tile]
        panels.append(panel(truths, [coco_mask.decode(record["segmentation"]) for record in records]))
    width, height = panels[0].size
    sheet = Image.new("RGB", (2 * width + 3 * MARGIN, height + TITLE + 2 * MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, (title, drawn) in enumerate(zip(("before", "after"), panels)):
        left = MARGIN + number * (width + MARGIN)
        draw.text((left, MARGIN), title, fill=INK)
        sheet.paste(drawn, (left, MARGIN + TITLE))
        draw.rectangle((left, MARGIN + TITLE, left + width - 1, MARGIN + TITLE + height - 1), outline=FRAME)
    sheet.save(out, optimize=True)
    print(f"image {tile}")


if __name__ == "__main__":
    main(*sys.argv[1:])
