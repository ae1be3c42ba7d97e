import pytest
import torch

from mapforge.models.bev_segmenter import (
    HEAD_SIZES,
    OFFSET_LIMIT_M,
    REACH_CELLS,
    STRIDE_CELLS,
    BevSegmenter,
    load_bev_segmenter,
)
from mapforge.models.bev_segmenter import BevSegmenterConfig as Config
from mapforge.models.normalisation import INPUT_FEATURES, features_of
from mapforge.models.weights import write_weights


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    model = BevSegmenter(Config([8, 8, 8, 8], 8))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return model.eval()


def test_outputs_have_their_shapes_and_ranges(model):
    with torch.inference_mode():
        outputs = model(torch.randn(2, INPUT_FEATURES, 64, 72))
    assert {name: value.shape[1] for name, value in outputs.items()} == HEAD_SIZES
    assert all(value.shape[-2:] == (64, 72) for value in outputs.values())
    assert outputs["offset_m"].abs().max() <= OFFSET_LIMIT_M
    norms = outputs["direction"].unflatten(1, (3, 2)).norm(dim=2)
    assert torch.allclose(norms, torch.ones_like(norms), atol=1e-4)


def test_nothing_beyond_the_reach_matters(model):
    torch.manual_seed(0)
    edge = 2 * (REACH_CELLS + 2 * STRIDE_CELLS)
    lidar = torch.rand(1, 6, 64, 2 * edge)
    changed = lidar.clone()
    changed[..., : 2 * STRIDE_CELLS] = 3.0
    with torch.inference_mode():
        before, after = model(features_of(lidar, None)), model(features_of(changed, None))
    for name, value in before.items():
        assert torch.equal(value[..., STRIDE_CELLS + REACH_CELLS :], after[name][..., STRIDE_CELLS + REACH_CELLS :])


def test_what_is_computed_together_does_not_matter(model):
    lidar = torch.rand(2, 6, 96, 96)
    with torch.inference_mode():
        together = model(features_of(lidar, None))
        alone = [model(features_of(lidar[i : i + 1], None)) for i in range(2)]
    for name, value in together.items():
        assert torch.allclose(value, torch.cat([one[name] for one in alone]), atol=1e-3)


def test_weights_come_back(model, tmp_path):
    target = tmp_path / "bev.safetensors"
    write_weights(model.weights(), target, tmp_path / "tmp")
    again = load_bev_segmenter(target, "cpu")
    features = torch.randn(1, INPUT_FEATURES, 32, 32)
    with torch.inference_mode():
        assert torch.allclose(model(features)["classes"], again(features)["classes"], atol=1e-5)


def test_the_default_network_fits_the_size_limit():
    size = sum(value.numel() * 4 for value in BevSegmenter(Config()).state_dict().values())
    assert size < 16 * 2**20
