"""Small stand-ins for the papers' data sets, in the layouts that are published; the plates are rendered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from edgelpr.data.rendering.samples import Renderer
from edgelpr.plates.loading import load_plate_format

_CCPD_LISTS = ("皖沪津渝冀晋蒙辽吉黑苏浙京闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新警学O", "ABCDEFGHJKLMNPQRSTUVWXYZO")
_CCPD_REST = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789O"


def _plates(plate_format: str, count: int, keep: Callable[[str], bool] = lambda plate: True) -> list[tuple[np.ndarray, str]]:
    renderer, found, number = Renderer(load_plate_format(plate_format)), [], 0
    while len(found) < count:
        plate = renderer.render(5, number)
        number += 1
        if keep(plate.plate):
            found.append((plate.image, plate.plate))
    return found


def _write(path: Path, content: np.ndarray | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    else:
        cv2.imwrite(str(path), content)


def aolp(folder: Path) -> Path:
    """Twelve plates in AOLP's three subsets."""
    for number, (image, plate) in enumerate(_plates("aolp", 12)):
        subset = folder / f"Subset_{('AC', 'LE', 'RP')[number % 3]}"
        height, width = image.shape[:2]
        whole = cv2.copyMakeBorder(image, 40, 60, 50, 70, cv2.BORDER_CONSTANT, value=(90, 90, 90))
        _write(subset / "Image" / f"{number}.png", whole)
        _write(subset / "groundtruth_recognition" / f"{number}.txt", "\n".join(plate))
        _write(subset / "groundtruth_localization" / f"{number}.txt", f"50\n40\n{50 + width}\n{40 + height}\n")
    return folder


def medialab(folder: Path) -> Path:
    """Twelve plates, a third of them among the difficult ones."""
    for number, (image, plate) in enumerate(_plates("gr", 12)):
        _write(folder / ("difficult" if number % 3 == 2 else "normal") / f"{plate}_{number}.png", image)
    return folder


def ccpd(folder: Path) -> Path:
    """Ten plates in CCPD's names, half of them to train."""
    parts: dict[str, list[str]] = {"train": [], "val": []}
    for number, (image, plate) in enumerate(_plates("cn", 10, _is_ccpds)):
        height, width = image.shape[:2]
        name = f"{_ccpd_name(number, plate, width, height)}.png"
        _write(folder / "ccpd_base" / name, cv2.copyMakeBorder(image, 30, 50, 20, 60, cv2.BORDER_REPLICATE))
        parts["train" if number % 2 else "val"].append(f"ccpd_base/{name}")
    for part, names in parts.items():
        _write(folder / "splits" / f"{part}.txt", "\n".join(names))
    return folder


def _is_ccpds(plate: str) -> bool:
    lists = (*_CCPD_LISTS, *[_CCPD_REST] * 5)
    return len(plate) == 7 and all(character in characters for character, characters in zip(plate, lists))


def _ccpd_name(number: int, plate: str, width: int, height: int) -> str:
    x0, y0, x1, y1 = 20, 30, 20 + width, 30 + height
    corners = f"{x1}&{y1}_{x0}&{y1}_{x0}&{y0}_{x1}&{y0}"
    indices = "_".join(str(characters.index(c)) for c, characters in zip(plate, (*_CCPD_LISTS, *[_CCPD_REST] * 5)))
    return f"{number:03d}-90_90-{x0}&{y0}_{x1}&{y1}-{corners}-{indices}-100-20"


def clpd(folder: Path) -> Path:
    """Six plates with CLPD's table."""
    lines = ["path,x1,y1,x2,y2,x3,y3,x4,y4,label"]
    for number, (image, plate) in enumerate(_plates("cn", 6, _is_ccpds)):
        height, width = image.shape[:2]
        _write(folder / "CLPD_1200" / f"{number}.png", cv2.copyMakeBorder(image, 30, 50, 20, 60, cv2.BORDER_REPLICATE))
        x1, y1 = 20 + width, 30 + height
        lines.append(f"CLPD_1200/{number}.png,20,30,{x1},30,{x1},{y1},20,{y1},{plate}")
    _write(folder / "CLPD.csv", "\n".join(lines))
    return folder
