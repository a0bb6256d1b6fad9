"""Put the notebooks into the wheel; everything else about the package is in pyproject.toml."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithNotebooks(build_py):
    """Copy ``notebooks/`` to ``segwork/notebooks``, outputs of earlier builds left out."""

    def run(self) -> None:
        """Build as usual, then copy; an editable install reads them where they are."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "segwork" / "notebooks"
            shutil.rmtree(target, ignore_errors=True)
            for file in sorted(Path("notebooks").rglob("*")):
                if file.suffix in (".ipynb", ".toml") and ".ipynb_checkpoints" not in file.parts:
                    place = target / file.relative_to("notebooks")
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, place)


setup(cmdclass={"build_py": WithNotebooks})
