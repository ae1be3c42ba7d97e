import numpy as np
import torch

from mapforge.models.normalisation import FINE_INPUTS, INPUT_FEATURES, SEEN_FEATURE, features_of


def road(seed=0, edge=128, share=0.5):
    """Lidar channels of a road with a bright stripe and a step, hit in a share of its cells."""
    rng = np.random.default_rng(seed)
    hits = (rng.random((edge, edge)) < share) * rng.integers(1, 9, (edge, edge))
    intensity = 1 + 0.1 * rng.standard_normal((edge, edge))
    intensity[:, 40:44] *= 2.5
    height = np.where(np.arange(edge) > 90, 0.15, 0.0) + 0.005 * rng.standard_normal((edge, edge))
    channels = np.stack([hits, intensity, height, 0.01 * np.ones_like(height), 0 * height, 0 * height])
    channels[1:4] *= hits > 0
    return torch.from_numpy(channels.astype(np.float32))[None]


def test_shape_and_unseen_cells_are_zero():
    lidar = road()
    lidar[..., :64, :] = 0
    features = features_of(lidar, None)
    assert features.shape == (1, INPUT_FEATURES, 64, 64)
    assert torch.all(features[:, :, :29] == 0)
    assert torch.isfinite(features).all()


def test_ground_that_is_unknown_does_no_harm():
    lidar = road()
    lidar[:, FINE_INPUTS.index("ground_z_m"), :20] = torch.nan
    assert torch.isfinite(features_of(lidar, None)).all()


def test_height_of_the_ground_does_not_matter():
    lidar, high = road(), road()
    high[:, FINE_INPUTS.index("ground_z_m")] += 250.0
    assert torch.allclose(features_of(lidar, None), features_of(high, None), atol=2e-3)


def test_gain_changes_only_the_absolute_brightness():
    lidar, bright = road(), road()
    bright[:, 1] *= 1.7
    before, after = features_of(lidar, None), features_of(bright, None)
    absolute = range(12, 16)  # log brightness of the four fine cells
    others = [i for i in range(INPUT_FEATURES) if i not in absolute]
    assert torch.allclose(before[:, others], after[:, others], atol=1e-3)
    seen = before[:, absolute] != 0
    assert torch.allclose(
        (after - before)[:, absolute][seen], torch.tensor(np.log(1.7), dtype=torch.float32), atol=1e-3
    )


def test_paint_stands_out_and_the_curb_is_a_step():
    features = features_of(road(), None)
    contrast = features[0, 8:12].mean(0)
    assert contrast[:, 20:22].mean() > 5 * contrast[:, 5:15].abs().mean()
    step = features[0, 16:20].mean(0)
    assert step[:, 46].mean() - step[:, 44].mean() > 0.3


def test_a_line_beside_a_verge_brighter_than_paint_stands_out_from_the_road() -> None:
    """The verge is most of the spread around an edge line; what is dark nearby is the road."""
    lidar = road()
    lidar[:, 1, :, 48:] *= 1.0 + 2.0 * (lidar[:, 1, :, 48:] > 0)
    fine = features_of(lidar, None)[0]
    contrast, over_dark = fine[8:12].mean(0), fine[24:28].mean(0)
    line, asphalt, verge = slice(20, 22), slice(16, 19), slice(24, 30)

    def over_road(feature: torch.Tensor, where: slice) -> float:
        return float(feature[:, where].mean() - feature[:, asphalt].mean())

    assert over_road(contrast, line) < 1.2 * over_road(contrast, verge)
    assert over_road(over_dark, line) > 2.0 * over_road(over_dark, verge)


def test_a_camera_that_saw_nothing_is_no_camera():
    lidar = road()
    camera = torch.zeros(1, 4, 128, 128)
    assert torch.equal(features_of(lidar, camera), features_of(lidar, None))


def test_seen_feature_is_where_a_return_was():
    lidar = road(share=0.02)
    hit = torch.nn.functional.max_pool2d((lidar[:, 0] > 0).float(), 2)
    assert torch.equal(features_of(lidar, None)[:, SEEN_FEATURE], hit)
