from __future__ import annotations

import numpy as np

from mapforge.models.sign_detector import CLASSES, SignBoxes, SignDetector
from mapforge.models.sign_reader import EMBEDDING
from mapforge.training.sign_scores import SignCounts, count, match, overlaps, score_on_scenes


def unread(count_boxes: int) -> tuple[np.ndarray, np.ndarray]:
    """Shares and embeddings nobody asks for."""
    return np.zeros((count_boxes, len(CLASSES)), np.float32), np.zeros((count_boxes, EMBEDDING), np.float32)


TRUTH = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], dtype=np.float32)


def test_overlap_by_hand() -> None:
    found = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [100, 100, 110, 110]], dtype=np.float32)
    np.testing.assert_allclose(overlaps(found, TRUTH), [[1, 0], [1 / 3, 0], [0, 0]])


def test_each_truth_is_matched_once_in_the_order_given() -> None:
    found = np.array([[1, 0, 10, 10], [0, 0, 10, 10], [20, 1, 30, 10]], dtype=np.float32)
    np.testing.assert_array_equal(match(found, TRUTH, 0.4), [0, -1, 1])
    assert len(match(found[:0], TRUTH, 0.4)) == 0
    np.testing.assert_array_equal(match(found, TRUTH[:0], 0.4), [-1, -1, -1])


def test_counts_by_hand() -> None:
    counts = SignCounts()
    boxes = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [50, 50, 60, 60]], dtype=np.float32)
    found = SignBoxes(boxes, np.array([4, 5, 6]), np.array([0.9, 0.8, 0.7], np.float32), *unread(3))
    count(counts, found, TRUTH, np.array([4, 9]))
    assert counts.as_dict() == {"n": 2, "recall": 1.0, "precision": 0.6667, "type_accuracy": 0.5}


def test_scores_name_sizes_and_classes() -> None:
    scores = score_on_scenes(SignDetector((8, 8, 8, 16), 8).eval(), 5, 4, 64, 0.9)
    assert scores["all"]["n"] > 0 and scores["all"]["recall"] == 0.0
    assert any(name.startswith("size from") for name in scores) and any(name.startswith("class") for name in scores)
