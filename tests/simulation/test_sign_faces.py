import numpy as np
import pytest

from mapforge.errors import ConfigurationError
from mapforge.schemas.detections import SIGN_TYPES
from mapforge.simulation.sign_canvas import FACE_PX
from mapforge.simulation.sign_faces import LIGHT_STATES, STYLES, aspect, face, outline

FACES = [(name, "") for name in SIGN_TYPES] + [("traffic_light", state) for state in LIGHT_STATES]


@pytest.mark.parametrize(("sign_type", "state"), FACES)
def test_every_face_has_ink_and_the_outline_as_its_alpha(sign_type: str, state: str) -> None:
    for style in range(STYLES):
        picture = face(sign_type, state, style)
        assert picture.dtype == np.uint8 and picture.shape[2] == 4 and max(picture.shape[:2]) == FACE_PX
        assert picture.shape[1] / picture.shape[0] == pytest.approx(aspect(sign_type, style), rel=0.05)
        x, y = outline(sign_type, style).T
        area = 0.5 * np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)
        assert area > 0
        assert picture[..., 3].astype(float).sum() / 255 / FACE_PX**2 == pytest.approx(area, rel=0.05)
        assert picture[picture[..., 3] == 255][:, :3].std() > 10


def test_faces_of_one_style_differ_and_are_the_same_each_time() -> None:
    for style in range(STYLES):
        pictures = {face(sign_type, state, style).tobytes() for sign_type, state in FACES}
        assert len(pictures) == len(FACES)
    assert np.array_equal(face("stop", "", 1), face("stop", "", 1 + STYLES))


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no picture for sign type 'halt'"):
        face("halt")
