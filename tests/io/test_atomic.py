"""Files and folders appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapforge.io.atomic import atomic_file, atomic_folder, write_text


def test_a_file_appears_at_the_end(tmp_path: Path) -> None:
    target, tmp = tmp_path / "deep" / "a b.txt", tmp_path / "tmp"
    with atomic_file(target, tmp) as path:
        path.write_text("one")
        assert not target.exists()
    assert target.read_text() == "one" and list(tmp.iterdir()) == []


def test_an_error_leaves_the_old_file(tmp_path: Path) -> None:
    target, tmp = tmp_path / "a.txt", tmp_path / "tmp"
    write_text(target, "old", tmp)
    with pytest.raises(RuntimeError), atomic_file(target, tmp) as path:
        path.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and list(tmp.iterdir()) == []


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    target, tmp = tmp_path / "drive", tmp_path / "tmp"
    for content in ("one", "two"):
        with atomic_folder(target, tmp) as folder:
            (folder / content).write_text(content)
    assert [p.name for p in target.iterdir()] == ["two"] and list(tmp.iterdir()) == []
    with pytest.raises(RuntimeError), atomic_folder(target, tmp) as folder:
        (folder / "half").write_text("half")
        raise RuntimeError
    assert [p.name for p in target.iterdir()] == ["two"] and list(tmp.iterdir()) == []
