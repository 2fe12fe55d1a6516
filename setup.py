"""Build hook: the wheel carries trained weights and recipes, which live beside the package in the repository."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent

LARGEST = 8_000_000
"""Bytes of the largest checkpoint in the wheel; larger ones stay in the repository, so that a board downloads little."""


class BuildWithWeights(build_py):
    """Copy ``weights/NAME/`` of every small checkpoint to ``edgelpr/weights/NAME/`` in the wheel, and the recipes."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # a checkout finds the weights where they are
            return
        target = Path(self.build_lib) / "edgelpr" / "weights"
        shutil.rmtree(target, ignore_errors=True)  # an earlier build may have left weights that are gone
        for checkpoint in sorted((HERE / "weights").glob("*/*.safetensors")):
            if checkpoint.stat().st_size > LARGEST:
                continue
            folder = target / checkpoint.parent.name
            folder.mkdir(parents=True, exist_ok=True)
            for source in (checkpoint, checkpoint.with_name("card.json"), checkpoint.with_name("README.md")):
                if source.is_file():
                    shutil.copy2(source, folder)
        recipes = Path("recipes", "paper")  # of `edgelpr reproduce`
        shutil.copytree(HERE / "weights" / recipes, target / recipes)
        boards = Path("export", "recipes")  # of `edgelpr build`
        shutil.rmtree(target.parent / boards, ignore_errors=True)
        shutil.copytree(HERE / boards, target.parent / boards)
        suites = target.parent / "benchmarks" / "suites"  # peak rates of boards, for `edgelpr bench paper --board`
        suites.mkdir(parents=True, exist_ok=True)
        shutil.copy2(HERE / "benchmarks" / "suites" / "boards.json", suites)


setup(cmdclass={"build_py": BuildWithWeights})
