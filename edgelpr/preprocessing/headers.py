"""What an image file announces before it is decoded: its size, and whether its end is there.

OpenCV allocates whatever a header asks for, and some versions return half a picture for half a file; both are caught
here, for the formats in which crops usually come.
"""

from __future__ import annotations

_PNG, _JPEG, _BMP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM"
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, b"\xff\xd9"
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def announced_size(content: bytes) -> tuple[int, int] | None:
    """Height and width in pixels in the header of a PNG, JPEG or BMP file; None for others, or without a header."""
    if content.startswith(_PNG) and len(content) >= 24:
        return int.from_bytes(content[20:24], "big"), int.from_bytes(content[16:20], "big")
    if content.startswith(_BMP) and len(content) >= 26:
        height, width = (int.from_bytes(content[at : at + 4], "little", signed=True) for at in (22, 18))
        return abs(height), abs(width)
    if content.startswith(_JPEG):
        return _walk_jpeg(content)[0]
    return None


def is_cut_short(content: bytes) -> bool:
    """Whether a PNG or JPEG file lacks its end; False for other formats."""
    if content.startswith(_PNG):
        return b"IEND" not in content
    if content.startswith(_JPEG):
        # A thumbnail in the metadata has an end of its own, so only what follows the first scan counts.
        scan = _walk_jpeg(content)[1]
        return scan is None or content.find(_END_OF_IMAGE, scan) < 0
    return False


def _walk_jpeg(content: bytes) -> tuple[tuple[int, int] | None, int | None]:
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
