"""What the image installs: the worker, with everything that it reads at run time."""

from shutil import copyfile, copytree, ignore_patterns
from zipfile import ZipFile

import pytest

from tests.support.packages import CHECKOUT, HOUSE, build_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    directory = tmp_path_factory.mktemp("wheel")
    for folder in HOUSE:
        copytree(CHECKOUT / folder, directory / "source" / folder, ignore=ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        copyfile(CHECKOUT / name, directory / "source" / name)
    return ZipFile(build_wheel(directory / "source", directory))


def test_wheel_holds_the_whole_house_with_the_files_that_are_not_python(wheel: ZipFile) -> None:
    files = (path for folder in HOUSE for path in (CHECKOUT / folder).rglob("*") if path.is_file())
    wanted = {str(path.relative_to(CHECKOUT)) for path in files if "__pycache__" not in path.parts}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == wanted - {"models/pyproject.toml"}


def test_wheel_brings_the_command(wheel: ZipFile) -> None:
    [entry_points] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "bulkpost = worker.cli:main" in wheel.read(entry_points).decode()
