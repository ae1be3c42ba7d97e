"""Settings of the alignment of drives to each other."""

from __future__ import annotations

from dataclasses import dataclass

from mapforge.errors import ConfigurationError


@dataclass
class AlignmentConfig:
    """How the drives of a region are brought to agree."""

    enabled: bool = True
    """False: no drive is moved to agree with another; each keeps the path it has by itself."""
    readjust: bool = False
    """Settled drives move too: everything is aligned anew (by default only new drives move, and register to those)."""
    sweep_spacing_m: float = 4.0
    """A sweep is used about every so many metres driven."""
    segment_m: float = 40.0
    """Length of the pieces that are registered to other drives, and of the steps in which a path may bend."""
    min_range_m: float = 2.5
    """Returns nearer, mostly of the car itself, are left out."""
    max_range_m: float = 35.0
    """Returns farther from the car are left out."""
    max_returns: int = 20000
    """Of a sweep; the rest is skipped evenly."""
    downsampling_m: float = 0.5
    """Edge of the voxels a piece is thinned to."""
    reach_m: float = 20.0
    """Drives that pass within this distance saw the same street."""
    min_shared_way: float = 0.1
    """A piece is registered to a drive that was within reach along this share of it."""
    max_neighbours: int = 4
    """Settled passes a piece is registered to, at most, and as many new ones."""
    coarse_voxel_m: float = 2.0
    """Edge of the Gaussian voxels that a piece is registered to first."""
    coarse_distance_m: float = 2.5
    """Disagreements larger than about this are not found."""
    fine_voxel_m: float = 1.0
    """Edge of the voxels it is registered to then."""
    fine_distance_m: float = 0.75
    """Points without a partner this near have changed (parked cars, scaffolds) and do not count then."""
    min_upright: int = 150
    """Thinned points of upright surfaces (walls, poles, cars) that a registration needs to be judged by."""
    min_overlap: float = 0.65
    """A registration counts when this share of those points finds a partner, of a piece with the other drive near all
    along; less, in proportion, where it was near along a part."""
    min_sharpness: float = 0.85
    """And when this share of the partners lies on one surface with them; a false one puts them anywhere."""
    surface_m: float = 0.2
    """Distance at which points lie on one surface."""
    open_sigma_m: float = 0.1
    """Where what stands upright leaves some horizontal direction less sure than this (an open road, sweeps of few
    rings), the surface of the road is registered as well."""
    surface_spacing_m: float = 1.0
    """For that a sweep is used about every so many metres driven."""
    surface_range_m: float = 20.0
    """And returns up to this far from the car."""
    surface_search_m: float = 3.0
    """Surfaces are not looked for farther apart than this, nor than four times what both drives' own sigmas allow."""
    surface_similarity: float = 0.3
    """Least correlation of two surfaces; different streets reach 0.05."""
    surface_rival_share: float = 0.8
    """Another shift that correlates by this share of the best makes the direction towards it uncertain."""
    max_shift_m: float = 5.0
    """Registrations that move a piece farther than this are not believed."""
    registration_sigma_m: float = 0.015
    """Horizontal error of a registration with full overlap where the scenery holds it in every direction; the height's
    is twice that. Half the overlap doubles both."""
    information_share: float = 0.01
    """Of the information of a registration's points that is independent of each other."""
    bending_sigma_m: float = 0.05
    """How much a path bends over `segment_m`, before the registrations show how much it does."""
    heading_sigma_rad: float = 0.005
    """Error of a drive's heading before alignment."""
    own_sigma_m: float = 0.008
    """Error of a path within a piece, which no registration sees."""
    rounds: int = 2
    """Registration and adjustment are repeated, since corrected pieces register better."""
    max_contradicted: float = 0.5
    """A drive is left out when a larger share of its registrations contradicts the others."""
    max_shift_sigmas: float = 5.0
    """A drive is left out when the others would move it farther than this many times its own uncertainty."""
    cached_pieces: int = 150
    """Thinned pieces kept in memory, about 3 MB each."""
    cached_surfaces: int = 40
    """Surfaces of pieces kept in memory, about 5 MB each."""

    def __post_init__(self) -> None:
        if not 0.0 < self.downsampling_m <= self.fine_voxel_m <= self.coarse_voxel_m:
            raise ConfigurationError(
                f"localization.alignment: downsampling_m={self.downsampling_m}, fine_voxel_m={self.fine_voxel_m} and "
                f"coarse_voxel_m={self.coarse_voxel_m} must be above 0 and in this order"
            )
        if not 0.0 < self.information_share <= 1.0:
            raise ConfigurationError(
                f"localization.alignment.information_share={self.information_share} must lie in (0, 1]: it is a share"
            )
        if self.rounds < 1 or self.max_neighbours < 1:
            raise ConfigurationError(
                f"localization.alignment: rounds={self.rounds} and max_neighbours={self.max_neighbours} must be at "
                "least 1"
            )
