"""Settings: what ships composes, typos are explained, paths are taken as typed."""

from pathlib import Path

import pytest

from mapforge.config import (
    GROUPS,
    EngineKind,
    Settings,
    compose_settings,
    conf_folder,
    settings_from_dict,
    settings_to_dict,
    split_list,
)
from mapforge.config.default_yaml import default_yaml
from mapforge.errors import ConfigurationError

VARIANTS = sorted((path.parent.name, path.stem) for path in conf_folder().glob("*/*.yaml"))


@pytest.mark.parametrize("name", sorted(path.stem for path in conf_folder().glob("*.yaml")))
def test_every_top_level_config_composes(name):
    assert isinstance(compose_settings([], name=name), Settings)


@pytest.mark.parametrize(("group", "name"), VARIANTS)
def test_every_variant_composes(group, name):
    assert isinstance(compose_settings([f"{group}={name}"]), Settings)


@pytest.mark.parametrize("group", GROUPS)
def test_the_shown_defaults_are_the_real_ones(group):
    shown = (conf_folder() / group / "default.yaml").read_text(encoding="utf-8")
    assert shown == default_yaml(group), "run: python -m mapforge.config conf"


def test_composed_defaults_equal_the_dataclasses():
    assert settings_to_dict(compose_settings([])) == settings_to_dict(Settings())


def test_settings_survive_a_round_trip():
    settings = compose_settings(["engine=dask", "region.logs=[a,b]", "fusion.halo_m=35"])
    again = settings_from_dict(settings_to_dict(settings))
    assert again == settings
    assert again.engine.kind is EngineKind.dask


@pytest.mark.parametrize("path", ["a b", "a,b", "k=v", "~t", "it's", '"hi"', "$HOME", "[x]", "ünï"])
def test_paths_need_no_quoting(path, tmp_path):
    folder = tmp_path / path
    folder.mkdir()
    settings = compose_settings([f"workspace={folder}", f"region.reference={folder}", f"region.logs=[{folder}]"])
    assert settings.workspace == str(folder)
    assert settings.region.reference == str(folder)
    assert settings.region.logs == [str(folder)]


def test_a_list_keeps_commas_of_paths_that_exist(tmp_path):
    first, second = tmp_path / "a, b", tmp_path / "c"
    first.mkdir()
    second.mkdir()
    assert split_list(f"[{first},{second}]") == [str(first), str(second)]
    assert split_list("[x,y]") == ["x", "y"]
    assert split_list("[]") == []


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("fusion.halo=3", "fusion.halo_m"),
        ("worksapce=x", "workspace"),
        ("region.log=[x]", "region.logs"),
        ("engine=dsk", "dask"),
        ("engine.workers=many", "many"),
        ("region=nowhere.yaml", "nowhere.yaml"),
        ("engine.workers", "key=value"),
        ("region.bounds=[1,2,3]", "region.bounds"),
        ("engine.kind=ray", "ray"),
    ],
)
def test_a_wrong_override_is_explained(override, hint):
    with pytest.raises(ConfigurationError, match=hint.replace(".", r"\.")):
        compose_settings([override])


def test_a_region_can_be_a_file(tmp_path):
    path = tmp_path / "my region.yaml"
    path.write_text("name: mine\nbounds: [8.0, 49.0, 8.1, 49.1]\n", encoding="utf-8")
    settings = compose_settings([f"region={path}", "region.city=PIT"])
    assert (settings.region.name, settings.region.city) == ("mine", "PIT")
    path.write_text("nmae: mine\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="nmae"):
        compose_settings([f"region={path}"])


def test_a_region_of_the_current_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "conf" / "region").mkdir(parents=True)
    (tmp_path / "conf" / "region" / "here.yaml").write_text("name: here\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert compose_settings(["region=here"]).region.name == "here"


def test_conf_is_found_from_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert compose_settings([]).workspace == "data/workspace"
    assert (Path(conf_folder()) / "config.yaml").is_file()


@pytest.mark.parametrize("model", ["bev", "signs", "privacy"])
def test_models_are_chosen_by_the_names_the_readme_gives(model):
    assert compose_settings([f"training.model={model}"]).training.model == model
