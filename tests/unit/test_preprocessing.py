"""Image files and arrays: what counts as a crop, what does not, and how it becomes network input."""

from __future__ import annotations

import csv
import struct
import zlib

import cv2
import numpy as np
import pytest

from edgelpr.errors import BundleError, ImageError
from edgelpr.preprocessing.crop import Preprocessing, scale
from edgelpr.preprocessing.headers import announced_size, is_altered, is_cut_short
from edgelpr.preprocessing.images import MAX_SIDE, check_image, read_image


@pytest.fixture
def colour():
    return np.random.default_rng(7).integers(0, 256, (24, 94, 3), dtype=np.uint8)


def encoded(image, suffix: str) -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


def written(path, content: bytes):
    path.write_bytes(content)
    return path


def png_announcing(height: int, width: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".ppm", ".tiff", ".jpg", ".webp"])
def test_formats_are_read(tmp_path, colour, suffix):
    path = written(tmp_path / f"crop{suffix}", encoded(colour, suffix))
    image = read_image(path)
    assert image.shape == colour.shape
    if suffix not in (".jpg", ".webp"):
        assert np.array_equal(image, colour)


def test_names_outside_ascii_are_read(tmp_path, colour):
    path = written(tmp_path / "皖A12345.png", encoded(colour, ".png"))
    assert np.array_equal(read_image(str(path)), colour)


def test_a_missing_file(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.png: cannot be read \(No such file"):
        read_image(tmp_path / "gone.png")


def test_a_name_that_no_file_can_have():
    with pytest.raises(ImageError, match="cannot be read"):
        read_image("a\0b.png")


def test_an_empty_file(tmp_path):
    with pytest.raises(ImageError, match=r"e\.jpg: the file is empty"):
        read_image(written(tmp_path / "e.jpg", b""))


def test_a_text_file(tmp_path):
    with pytest.raises(ImageError, match=r"labels\.jpg: not an image"):
        read_image(written(tmp_path / "labels.jpg", b"image,plate\n" * 40))


def test_a_folder_says_to_pass_files(tmp_path):
    with pytest.raises(ImageError, match="is a folder; pass the image files in it"):
        read_image(tmp_path)


def test_a_device_is_not_read():
    with pytest.raises(ImageError, match="not a regular file"):
        read_image("/dev/zero")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tiff", ".webp"])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
def test_a_truncated_file(tmp_path, colour, suffix, share):
    content = encoded(colour, suffix)
    path = written(tmp_path / f"half{suffix}", content[: int(len(content) * share)])
    with pytest.raises(ImageError, match="half"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_truncation_is_seen_without_decoding(colour, suffix):
    content = encoded(colour, suffix)
    assert not is_cut_short(content)
    assert not is_cut_short(content + b"trailing data that some cameras append")
    assert is_cut_short(content[: len(content) * 2 // 3])


def test_a_thumbnail_does_not_hide_truncation(colour):
    content = encoded(colour, ".jpg")
    thumbnail = b"Exif\0\0" + content
    with_thumbnail = content[:2] + b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + content[2:]
    assert not is_cut_short(with_thumbnail)
    assert is_cut_short(with_thumbnail[: len(with_thumbnail) - len(content) // 2])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".ppm", ".pgm", ".pbm", ".tiff", ".webp"])
def test_the_announced_size_is_read(colour, suffix):
    image = colour if suffix not in (".pgm", ".pbm") else colour[:, :, 0]
    content = encoded(image, suffix)
    assert announced_size(content) == (24, 94)
    assert [announced_size(content[:length]) for length in (2, 8)] == [None, None]


def test_both_kinds_of_webp_and_a_comment_in_a_ppm(colour):
    lossless = cv2.imencode(".webp", colour, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    lossy = cv2.imencode(".webp", colour, [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes()
    assert {lossless[12:16], lossy[12:16]} == {b"VP8L", b"VP8 "}
    assert announced_size(lossless) == announced_size(lossy) == (24, 94)
    assert announced_size(b"P6\n# drawn by hand\r94 # wide\n24\n255\n") == (24, 94)


def test_other_formats_are_not_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded a format that crops do not come in"))
    with pytest.raises(ImageError, match=r"crop\.gif: not an image"):
        read_image(written(tmp_path / "crop.gif", b"GIF89a" + bytes(100)))


def test_damage_inside_a_png_is_named_without_decoding(tmp_path, colour):
    content = bytearray(encoded(colour, ".png"))
    assert not is_altered(bytes(content))
    assert not is_altered(bytes(content) + b"trailing data that some cameras append")
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(ImageError, match="damaged, its content does not match its checksum"):
        read_image(written(tmp_path / "damaged.png", bytes(content)))


def turned(content: bytes, orientation: int) -> bytes:
    """A JPEG with an orientation in its EXIF data."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:]


@pytest.mark.parametrize("planes", [1, 3])
def test_a_phone_held_upright(tmp_path, colour, planes):
    image = colour if planes == 3 else colour[:, :, 0]
    content = encoded(image, ".jpg")
    plain = read_image(written(tmp_path / "plain.jpg", content))
    assert np.array_equal(plain, cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED))
    assert np.array_equal(read_image(written(tmp_path / "as-it-is.jpg", turned(content, 1))), plain)
    # 6: to be turned clockwise before it is shown.
    assert np.array_equal(read_image(written(tmp_path / "turned.jpg", turned(content, 6))), np.rot90(plain, -1))
    assert np.array_equal(read_image(written(tmp_path / "upside-down.jpg", turned(content, 3))), np.rot90(plain, 2))


def test_sixteen_bits(tmp_path):
    path = written(tmp_path / "deep.png", encoded(np.full((30, 90), 40000, np.uint16), ".png"))
    with pytest.raises(ImageError, match=r"deep\.png: 16 bits a channel"):
        read_image(path)


def test_alpha(tmp_path, colour):
    path = written(tmp_path / "clear.png", encoded(np.dstack([colour, colour[:, :, 0]]), ".png"))
    with pytest.raises(ImageError, match=r"clear\.png: has an alpha channel"):
        read_image(path)


def test_one_pixel(tmp_path):
    path = written(tmp_path / "dot.png", encoded(np.zeros((1, 1), np.uint8), ".png"))
    with pytest.raises(ImageError, match="1x1 pixels is too small"):
        read_image(path)


def test_twenty_thousand_pixels(tmp_path):
    path = written(tmp_path / "wide.png", encoded(np.zeros((30, 20000), np.uint8), ".png"))
    with pytest.raises(ImageError, match="20000x30 pixels is no crop of one plate"):
        read_image(path)


def test_a_huge_image_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    def decode(*_):
        raise AssertionError("decoded an image that its header already rules out")

    monkeypatch.setattr(cv2, "imdecode", decode)
    with pytest.raises(ImageError, match="20000x20000 pixels is no crop"):
        read_image(written(tmp_path / "bomb.png", png_announcing(20000, 20000)))


def tiff_announcing(height: int, width: int, order: str) -> bytes:
    """Its directory alone, the sides as short numbers where they fit."""
    kind, form = (3, "HHIHxx") if height < 65536 else (4, "HHII")
    entries = [struct.pack(order + form, tag, kind, 1, side) for tag, side in ((256, width), (257, height))]
    return {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, 2) + b"".join(entries) + bytes(4)


@pytest.mark.parametrize(
    "content",
    [
        tiff_announcing(20000, 20000, "<"),
        tiff_announcing(20000, 20000, ">"),
        tiff_announcing(70000, 20000, "<"),
        b"P6\n20000 20000\n255\n",
        b"P5 # big\n20000\t20000 255\n",
        b"P1\n20000 20000\n",
        b"BM" + bytes(16) + struct.pack("<ii", 20000, -20000) + bytes(30),
        b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + (19999).to_bytes(3, "little") * 2,
        b"RIFF\0\0\0\0WEBPVP8 " + bytes(7) + b"\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383),
        b"RIFF\0\0\0\0WEBPVP8L" + bytes(4) + b"\x2f" + b"\xff" * 10,
    ],
)
def test_no_format_hides_a_huge_image(tmp_path, monkeypatch, content):
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("decoded an image that its header already rules out"))
    with pytest.raises(ImageError, match=r"\d{5}x\d{5} pixels is no crop of one plate"):
        read_image(written(tmp_path / "bomb", content))


def test_a_tiff_with_huge_tiles(tmp_path):
    sides = ((256, 94), (257, 24), (322, 65536), (323, 65536))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, side) for tag, side in sides)
    with pytest.raises(ImageError, match="65536x65536 pixels is no crop"):
        read_image(written(tmp_path / "tiles.tiff", b"II*\0" + struct.pack("<IH", 8, 4) + entries + bytes(4)))


@pytest.mark.parametrize("shape", [(0, 0), (0, 160), (50, 0, 3), (3, 200), (50, 7), (MAX_SIDE + 1, 100)])
def test_arrays_of_impossible_size(shape):
    with pytest.raises(ImageError, match=r"crop: .* pixels"):
        check_image(np.zeros(shape, np.uint8), "crop")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full((50, 160), np.nan, np.float32), "found float32 with NaN"),
        (np.zeros((50, 160)), r"found float64: scale it to 0\.\.255"),
        (np.zeros((50, 160), np.uint16), "16 bits"),
        (np.zeros((50, 160), np.int64), "found int64"),
        (np.zeros((50, 160), bool), "found bool"),
        (np.zeros((50, 160), object), "found object"),
        (np.zeros((50, 160, 4), np.uint8), "alpha channel"),
        (np.zeros((3, 50, 160), np.uint8), r"shape \(3, 50, 160\)"),
        (np.zeros((2, 50, 160, 3), np.uint8), "shape"),
        (np.zeros(160, np.uint8), "shape"),
        ([[1, 2], [3, 4]], "found list"),
        (None, "found NoneType"),
    ],
)
def test_arrays_of_another_kind(array, words):
    with pytest.raises(ImageError, match=words):
        check_image(array)


def test_colour_becomes_grey_of_the_right_size(colour):
    result = Preprocessing().apply(colour)
    assert (result.shape, result.dtype) == ((50, 160), np.uint8)
    assert Preprocessing().apply(np.full((20, 60, 3), (255, 0, 0), np.uint8)).max() == 29


def test_memory_layout_does_not_matter(colour):
    preprocessing = Preprocessing()
    views = [colour[:, ::-1], colour[::2, ::2], colour[..., 0], colour.transpose(1, 0, 2)]
    frozen = colour.copy()
    frozen.flags.writeable = False
    for view in [*views, frozen]:
        assert np.array_equal(preprocessing.apply(view), preprocessing.apply(np.ascontiguousarray(view)))


def test_shrinking_averages_and_growing_interpolates():
    checkerboard = (np.indices((100, 320)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert set(np.unique(Preprocessing().apply(checkerboard))) <= {127, 128}
    assert len(np.unique(Preprocessing().apply(np.tile(np.uint8([0, 255]), (20, 20))))) > 2


def test_the_result_never_shares_memory_with_the_image():
    image = np.zeros((50, 160), np.uint8)
    result = Preprocessing().apply(image)
    image[:] = 255
    assert not result.any()


def test_batches_and_scaling(colour):
    batch = Preprocessing().batch([colour, colour[:, :, 0]])
    assert batch.shape == (2, 50, 160)
    scaled = scale(batch)
    assert (scaled.shape, scaled.dtype) == ((2, 3, 50, 160), np.float32)
    assert scale(batch, 1).shape == (2, 1, 50, 160)
    assert np.array_equal(scaled[:, 0], batch.astype(np.float32) / np.float32(255))
    assert np.array_equal(scaled[:, 0], scaled[:, 2])
    assert Preprocessing().batch([]).shape == (0, 50, 160)


def test_the_plate_format_sets_the_size(tiny_format):
    assert Preprocessing.of(tiny_format) == Preprocessing(50, 160)


def test_plain_values_round_trip():
    preprocessing = Preprocessing(80, 128)
    assert Preprocessing.from_dict(preprocessing.to_dict()) == preprocessing


@pytest.mark.parametrize(
    "change", [{"height": 0}, {"width": "160"}, {"height": True}, {"colour": "rgb"}, {"resize": "nearest"}, {"mean": 0.5}]
)
def test_unknown_preprocessing_is_refused(change):
    with pytest.raises(BundleError, match="preprocessing"):
        Preprocessing.from_dict(Preprocessing().to_dict() | change)


def test_incomplete_preprocessing_is_refused():
    with pytest.raises(BundleError, match="expected height, width, colour, resize"):
        Preprocessing.from_dict({"height": 50})


@pytest.mark.parametrize("name", ["ccpd", "easypr", "eu", "br", "aolp-samples"])
def test_every_real_crop_is_read(real_data, name):
    with (real_data / name / "labels.csv").open(encoding="utf-8", newline="") as stream:
        paths = [real_data / name / row["image"] for row in csv.DictReader(stream)]
    batch = Preprocessing().batch(read_image(path) for path in paths)
    assert batch.shape == (len(paths), 50, 160)
    assert batch.std(axis=(1, 2)).min() > 1


def test_a_png_with_bytes_after_its_end_is_read(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (24, 94, 3), dtype=np.uint8)
    path = tmp_path / "crop.png"
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes() + b"\x00\x00\x00\x05JUNKJUNKJUNKJUNK")
    assert np.array_equal(read_image(path), image)
