"""The shipped sign detector on photographs it was never trained on and on frames of held-out simulated towns.

Photographs: `../shared/data/signs` beside the checkout (speedlimit, crosswalk, trafficlight, stop); skipped without.
Usage: python benchmarks/signs.py [--weights PATH] [--score-min 0.4] [--frames 40] [--draw FOLDER] [--card]
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from mapforge.models.shipped import SIGN_DETECTOR, weights_path
from mapforge.models.sign_detector import CLASSES, SignBoxes, SignDetector, read_sign_detector
from mapforge.training.sign_scores import match, score_on_frames
from mapforge.training.sign_truth import save_frames

PHOTOS = Path(__file__).resolve().parents[2] / "shared" / "data" / "signs"
PHOTO_CLASSES = ("speedlimit", "crosswalk", "trafficlight", "stop")
OVERLAP_MIN = 0.4
HELD_OUT_TOWNS = range(11, 15)
FRAME_SHAPE = (600, 960, 3)


def photo_class(label: int) -> str:
    """The photographs' word for one of our classes, "other" for what they do not label."""
    name = CLASSES[label]
    if name.startswith("speed_limit"):
        return "speedlimit"
    return {"pedestrian_crossing": "crosswalk", "traffic_light": "trafficlight", "stop": "stop"}.get(name, "other")


def read_truth(folder: Path) -> dict[str, list[tuple[str, list[float]]]]:
    """(class, box) of every labelled sign by file name."""
    truth = defaultdict(list)
    with (folder / "annotations.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            truth[row["file"]].append((row["class"], [float(row[key]) for key in ("xmin", "ymin", "xmax", "ymax")]))
    return dict(sorted(truth.items()))


def score_photos(model: SignDetector, folder: Path, score_min: float, draw: Path | None) -> dict[str, dict[str, float]]:
    """Recall and precision a class; `found_any` counts truth that a detection of whatever class covers."""
    counts = {name: dict.fromkeys(("truth", "found", "found_any", "detections", "right"), 0) for name in PHOTO_CLASSES}
    for file, labelled in read_truth(folder).items():
        image = np.asarray(Image.open(folder / "images" / file).convert("RGB"))
        found = model.detect(image, score_min)
        names = [photo_class(int(label)) for label in found.labels]
        for name in PHOTO_CLASSES:
            boxes = np.array([box for kind, box in labelled if kind == name], dtype=np.float32).reshape(-1, 4)
            mine = np.array([n == name for n in names], dtype=bool)
            right = match(found.boxes_px[mine], boxes, OVERLAP_MIN) >= 0
            counts[name]["truth"] += len(boxes)
            counts[name]["found"] += int(right.sum())
            counts[name]["found_any"] += int((match(found.boxes_px, boxes, OVERLAP_MIN) >= 0).sum())
            counts[name]["detections"] += int(mine.sum())
        if draw is not None:
            draw_found(image, found, labelled, draw / file)
    return {
        name: {
            "n": c["truth"],
            "recall": round(c["found"] / max(1, c["truth"]), 3),
            "recall_of_any_class": round(c["found_any"] / max(1, c["truth"]), 3),
            "precision": round(c["found"] / max(1, c["detections"]), 3),
        }
        for name, c in counts.items()
    }


def draw_found(image: np.ndarray, found: SignBoxes, labelled: list[tuple[str, list[float]]], target: Path) -> None:
    """The photograph with truth in green and detections in red."""
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    for _, box in labelled:
        pen.rectangle(box, outline=(0, 255, 0))
    for box, label, score in zip(found.boxes_px, found.labels, found.scores):
        pen.rectangle(box.tolist(), outline=(255, 0, 0))
        pen.text((box[0], box[1] - 10), f"{CLASSES[label]} {score:.2f}", fill=(255, 0, 0))
    target.parent.mkdir(parents=True, exist_ok=True)
    picture.save(target)


def frame_ms(model: SignDetector, bfloat16: bool, repeats: int = 5) -> float:
    """Milliseconds of processor time (over all threads) a 960 x 600 frame takes, median."""
    frame = np.random.default_rng(0).integers(0, 255, FRAME_SHAPE, dtype=np.uint8)
    model.detect(frame, 0.4, bfloat16=bfloat16)
    times = []
    for _ in range(repeats):
        start = time.process_time()
        model.detect(frame, 0.4, bfloat16=bfloat16)
        times.append(time.process_time() - start)
    return round(1e3 * float(np.median(times)), 1)


def score_towns(model: SignDetector, frames: int, score_min: float) -> dict[str, dict[str, float]]:
    """Scores on frames of towns that no training world is like by seed; they are simulated here."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "frames"
        save_frames(folder, Path(scratch) / "tmp", HELD_OUT_TOWNS, frames)
        return score_on_frames(model, folder, score_min)


def measure(arguments: argparse.Namespace) -> dict[str, object]:
    model = read_sign_detector(arguments.weights)
    result: dict[str, object] = {
        "score_min": arguments.score_min,
        "frame_960x600_cpu_ms": {"float32": frame_ms(model, False), "bfloat16": frame_ms(model, True)},
    }
    if arguments.frames:
        towns = f"frames of simulated towns {list(HELD_OUT_TOWNS)}, held out"
        result[towns] = score_towns(model, arguments.frames, arguments.score_min)
    if arguments.photos.is_dir():
        scores = score_photos(model, arguments.photos, arguments.score_min, arguments.draw)
        result["600 photographs, never trained on"] = scores
    else:
        result["skipped"] = "no photographs: ../shared/data/signs is absent"
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=weights_path(None, SIGN_DETECTOR))
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    parser.add_argument("--score-min", type=float, default=0.4)
    parser.add_argument("--frames", type=int, default=80, help="simulated frames; 0 for none")
    parser.add_argument("--draw", type=Path, default=None, help="folder for photographs with boxes drawn in")
    parser.add_argument("--card", action="store_true", help="write the figures into the weights' card")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result = measure(arguments)
    if arguments.card:
        card_path = arguments.weights.with_suffix(".json")
        card = json.loads(card_path.read_text(encoding="utf-8"))
        card["scores"] |= {key: value for key, value in result.items() if isinstance(value, dict)}
        card["scores"]["score_min"] = arguments.score_min
        card_path.write_text(json.dumps(card, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
