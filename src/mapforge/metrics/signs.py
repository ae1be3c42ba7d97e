"""Signs and lights: found, named and placed right, and told apart over drives."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

MATCH_M = 2.0
CLOSE_M = 0.5


@dataclass(frozen=True, eq=False)
class PointMatches:
    """Pairs of predicted and true points. predicted, truth: (M,) indices; distance_m: (M,) horizontal."""

    predicted: NDArray[np.int64]
    truth: NDArray[np.int64]
    distance_m: Float


def match_points(truth_xyz: Float, xyz: Float, match_m: float = MATCH_M) -> PointMatches:
    """One-to-one pairs within `match_m` (horizontal): as many as possible, then with the least total distance.

    truth_xyz: (T, >=2). xyz: (P, >=2).
    """
    none = np.zeros(0, dtype=np.int64)
    if not len(truth_xyz) or not len(xyz):
        return PointMatches(none, none, np.zeros(0))
    distance = np.linalg.norm(xyz[:, None, :2] - truth_xyz[None, :, :2], axis=2)
    never = match_m * (1.0 + min(distance.shape))  # dearer than any number of allowed pairs
    rows, columns = _assignment(np.where(distance <= match_m, distance, never))
    allowed = distance[rows, columns] <= match_m
    rows, columns = rows[allowed], columns[allowed]
    return PointMatches(rows, columns, distance[rows, columns])


def sign_scores(
    truth_xyz: Float,
    truth_types: Sequence[str],
    xyz: Float,
    types: Sequence[str],
    match_m: float = MATCH_M,
) -> dict[str, float]:
    """Precision, recall, type accuracy and position errors of one class of points.

    truth_xyz: (T, 3), those in view. xyz: (P, 3), those in the same area. types: as of SIGN_TYPES.
    """
    matches = match_points(truth_xyz, xyz, match_m)
    count = len(matches.distance_m)
    right = [truth_types[t] == types[p] for p, t in zip(matches.predicted, matches.truth)]
    height = np.abs(xyz[matches.predicted, 2] - truth_xyz[matches.truth, 2]) if count else np.zeros(0)
    return {
        "n_truth": float(len(truth_xyz)),
        "n_predictions": float(len(xyz)),
        "precision": _ratio(count, len(xyz)),
        "recall": _ratio(count, len(truth_xyz)),
        "type_accuracy": _ratio(sum(right), count),
        "position_median_m": _quantile(matches.distance_m, 0.5),
        "position_p95_m": _quantile(matches.distance_m, 0.95),
        "position_share_0.5m": _ratio(int((matches.distance_m <= CLOSE_M).sum()), count),
        "height_median_m": _quantile(height, 0.5),
    }


def identity_f1(true_ids: Sequence[Hashable | None], predicted_ids: Sequence[Hashable | None]) -> float:
    """IDF1 (Ristani et al., 2016) over observations: how well given identities are the true ones, drive after drive.

    An observation is one detection in one drive: its true identity (None = a false detection) and the identity given
    to it (None = a missed one). Identities are paired one to one so that most observations agree. NaN without any.
    """
    trues = sorted({t for t in true_ids if t is not None}, key=str)
    predictions = sorted({p for p in predicted_ids if p is not None}, key=str)
    agreed = np.zeros((len(trues), len(predictions)))
    row, column = {t: i for i, t in enumerate(trues)}, {p: i for i, p in enumerate(predictions)}
    for true_id, predicted_id in zip(true_ids, predicted_ids, strict=True):
        if true_id is not None and predicted_id is not None:
            agreed[row[true_id], column[predicted_id]] += 1.0
    rows, columns = _assignment(-agreed)
    true_positives = agreed[rows, columns].sum()
    n_true = sum(t is not None for t in true_ids)
    n_predicted = sum(p is not None for p in predicted_ids)
    return _ratio(2.0 * true_positives, n_true + n_predicted)


def _assignment(cost: Float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the cheapest one-to-one pairs. Its import takes longer than most tables need to be judged."""
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    return rows, columns


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


def _quantile(values: Float, share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else float("nan")
