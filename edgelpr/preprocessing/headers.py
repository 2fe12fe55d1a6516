"""What an image file tells before it is decoded: its size, and whether it is whole.

OpenCV allocates whatever a header asks for, and some versions return half a picture for half a file; both are caught
here, for the formats in which crops come. A file of any other format has no size here and is not decoded at all.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

Size = tuple[int, int]
"""Height and width in pixels."""

_PNG, _JPEG, _BMP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM"
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, b"\xff\xd9"
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_OS2_HEADER = 12
_TIFF_ORDERS = {b"II*\x00": "<", b"MM\x00*": ">"}
_TIFF_SIDES = {256: "width", 257: "height", 322: "tile width", 323: "tile height"}
_TIFF_SHORT, _TIFF_LONG = 3, 4
_PNM = re.compile(rb"P[1-6]" + 2 * rb"(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})" + rb"[\s#]")
_PNM_HEADER = 4096


def is_jpeg(content: bytes) -> bool:
    """Whether a file begins as a JPEG does."""
    return content.startswith(_JPEG)


def announced_size(content: bytes) -> Size | None:
    """What decoding a JPEG, PNG, BMP, TIFF, PPM (PBM, PGM) or WebP file allocates; None for others, or without a header."""
    if content.startswith(_PNG):
        return (_big(content, 20), _big(content, 16)) if len(content) >= 24 else None
    if content.startswith(_JPEG):
        return _walk_jpeg(content)[0]
    if content.startswith(_BMP):
        return _bmp_size(content) if len(content) >= 26 else None
    if content[:4] in _TIFF_ORDERS:
        return _tiff_size(content, _TIFF_ORDERS[content[:4]])
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _webp_size(content) if len(content) >= 30 else None
    pnm = _PNM.match(content[:_PNM_HEADER])
    return (int(pnm[2]), int(pnm[1])) if pnm else None


def is_cut_short(content: bytes) -> bool:
    """Whether a PNG or JPEG file lacks its end; False for other formats."""
    if content.startswith(_PNG):
        return b"IEND" not in content
    if content.startswith(_JPEG):
        # A thumbnail in the metadata has an end of its own, so only what follows the first scan counts.
        scan = _walk_jpeg(content)[1]
        return scan is None or content.find(_END_OF_IMAGE, scan) < 0
    return False


def is_altered(content: bytes) -> bool:
    """Whether a part of a PNG file that decoding needs does not match its checksum; False for other formats."""
    at = len(_PNG)
    while content.startswith(_PNG) and at + 12 <= len(content):
        end = at + 8 + _big(content, at)
        needed = content[at + 4 : at + 5].isupper()
        if needed and zlib.crc32(memoryview(content)[at + 4 : end]) != _big(content, end):
            return True
        if content[at + 4 : at + 8] == b"IEND":
            break  # what follows the end is not the image's
        at = end + 4
    return False


def _walk_jpeg(content: bytes) -> tuple[Size | None, int | None]:
    """Height and width of the frame, and where the first scan begins, each None if the file ends before."""
    size, at = None, 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == _START_OF_SCAN:
            return size, at
        if marker in _FRAME_MARKERS:
            size = int.from_bytes(content[at + 5 : at + 7], "big"), int.from_bytes(content[at + 7 : at + 9], "big")
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return size, None


def _bmp_size(content: bytes) -> Size:
    if _little(content, 14, 4) == _OS2_HEADER:
        return _little(content, 20, 2), _little(content, 18, 2)
    height, width = (int.from_bytes(content[at : at + 4], "little", signed=True) for at in (22, 18))
    return abs(height), abs(width)


def _tiff_size(content: bytes, order: str) -> Size | None:
    """Of the first picture; a tile is decoded whole, so a larger one counts."""
    sides = dict(_tiff_sides(content, order))
    if "width" not in sides or "height" not in sides:
        return None
    return max(sides["height"], sides.get("tile height", 0)), max(sides["width"], sides.get("tile width", 0))


def _tiff_sides(content: bytes, order: str) -> Iterator[tuple[str, int]]:
    try:
        (at,) = struct.unpack_from(f"{order}I", content, 4)
        (count,) = struct.unpack_from(f"{order}H", content, at)
        for number in range(count):
            tag, kind, _, value = struct.unpack_from(f"{order}HHII", content, at + 2 + 12 * number)
            if tag in _TIFF_SIDES and kind == _TIFF_LONG:
                yield _TIFF_SIDES[tag], value
            elif tag in _TIFF_SIDES and kind == _TIFF_SHORT:
                yield _TIFF_SIDES[tag], value >> 16 if order == ">" else value & 0xFFFF
    except struct.error:  # the directory lies beyond the end, as in a file cut short
        return


def _webp_size(content: bytes) -> Size | None:
    chunk = content[12:16]
    if chunk == b"VP8 ":
        return _little(content, 28, 2) & 0x3FFF, _little(content, 26, 2) & 0x3FFF
    if chunk == b"VP8L":
        bits = _little(content, 21, 4)
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if chunk == b"VP8X":
        return _little(content, 27, 3) + 1, _little(content, 24, 3) + 1
    return None


def _big(content: bytes, at: int) -> int:
    return int.from_bytes(content[at : at + 4], "big")


def _little(content: bytes, at: int, count: int) -> int:
    return int.from_bytes(content[at : at + count], "little")
