"""Stated confidence and sigma are numbers that can be meant."""

from __future__ import annotations

import numpy as np

from mapforge.validation.rules.findings import Finding, Piece, error, warning


def implausible_uncertainty(pieces: list[Piece], max_sigma_m: float) -> list[Finding]:
    """Errors: confidence outside 0..1, sigma that is negative, no number, or not one a vertex. A warning above
    `max_sigma_m`."""
    findings = []
    for piece in pieces:
        element = piece.element
        if not 0.0 <= element.confidence <= 1.0:
            findings.append(error(piece, f"confidence is {element.confidence}, outside 0 to 1"))
        if not element.sigma_m:
            continue
        sigma = np.asarray(element.sigma_m)
        count = len(element.xyz_map)
        if len(sigma) != count:
            findings.append(error(piece, f"sigma_m has {len(sigma)} values for {count} vertices"))
        if not np.isfinite(sigma).all() or (sigma < 0.0).any():
            findings.append(error(piece, "sigma_m has a value that is negative or no number"))
        elif sigma.max() > max_sigma_m:
            findings.append(warning(piece, f"sigma_m reaches {sigma.max():.2f} m"))
    return findings
