"""The fingerprint of a study against numbers worked out by hand."""

import numpy as np
import pytest

from radpipe.imaging.fingerprint import fingerprint, slice_counts, traits


def seen(rows: int, columns: int, value: int = 51, dtype: type = np.uint8) -> object:
    original = np.full((rows, columns), value, dtype)
    square = np.zeros((8, 8, 1), dtype)
    square[:4] = value
    return traits(original[None], "L", square[None], [square[:4]])


@pytest.mark.parametrize(("value", "dtype"), [(51, np.uint8), (51 * 257, np.uint16)])
def test_traits_of_a_picture(value: int, dtype: type) -> None:
    # Half 0.2, half 0: mean 0.1, SD 0.1; the histogram has only the content.
    one = seen(100, 80, value, dtype)
    assert (one.rows, one.columns, one.mode) == (100, 80, "L")
    assert one.bits == np.dtype(dtype).itemsize * 8
    assert one.mean == pytest.approx(0.1)
    assert one.sd == pytest.approx(0.1)
    assert (one.sums, one.squares) == ((32 * value,), (32 * value**2,))
    assert one.histogram[51] == one.histogram.sum() == 32


def test_counts_and_quantiles() -> None:
    found = fingerprint([seen(100, 50), seen(200, 100), seen(300, 300)], "letterbox")
    assert found["n_pictures"] == 3
    assert found["rows"]["0.5"] == 200
    expected = [50.0, 55.0, 75.0, 100.0, 200.0, 280.0, 300.0]
    assert list(found["columns"].values()) == expected
    assert list(found["columns"]) == ["0", "0.05", "0.25", "0.5", "0.75", "0.95", "1"]
    assert found["aspect"]["1"] == 1.0
    assert found["bits"] == {"8": 3}
    assert found["modes"] == {"L": 3}
    assert found["n_blank"] == 0


def test_input_sizes_tell_what_would_be_enlarged() -> None:
    pictures = [seen(200, 100)] * 38 + [seen(90, 60)] * 2
    by_long_side = fingerprint(pictures, "letterbox")
    choices = {c["size"]: c for c in by_long_side["input_sizes"]}
    assert choices[96]["upscaled"] == 0.05
    assert choices[192]["upscaled"] == 0.05
    assert choices[224]["upscaled"] == 1
    assert choices[128]["median_scale"] == 0.64
    assert by_long_side["recommended_size"] == 192
    assert fingerprint(pictures, "crop")["recommended_size"] == 96
    assert fingerprint([seen(20, 20)], "crop")["recommended_size"] == 32


def test_intensities_leave_borders_out() -> None:
    # Equal areas of 51 / 255 = 0.2 and 153 / 255 = 0.6: mean 0.4, SD 0.2.
    found = fingerprint([seen(9, 9, 51), seen(9, 9, 153)], "letterbox")["intensity"]
    assert (found["mean"], found["sd"]) == (0.4, 0.2)
    assert found["percentiles"]["5"] == 0.2
    assert found["percentiles"]["50"] == 0.2
    assert found["percentiles"]["75"] == 0.6
    assert found["histogram"][51 // 4] == found["histogram"][153 // 4] == 0.5
    assert len(found["histogram"]) == 64
    assert found["picture_mean"]["1"] == 0.3


def test_blank_pictures_are_counted() -> None:
    assert fingerprint([seen(9, 9, 0), seen(9, 9)], "crop")["n_blank"] == 1


def test_traits_of_a_volume_are_those_of_all_its_slices() -> None:
    # One slice half 0.2 and half 0, two of 0: mean 1/30, variance 0.02/3 - 1/900 = 1/180.
    squares = np.zeros((3, 8, 8, 1), np.uint8)
    squares[1, :4] = 51
    one = traits(np.zeros((3, 100, 80), np.uint8), "uint8", squares, list(squares[:, :4]))
    assert (one.slices, one.rows, one.columns) == (3, 100, 80)
    assert one.mean == pytest.approx(1 / 30)
    assert one.sd == pytest.approx((1 / 180) ** 0.5)
    assert (one.histogram[0], one.histogram[51]) == (64, 32)


def test_channels_are_summed_up_one_by_one() -> None:
    # 4 pixels of red 1, green 2, blue 255; what is black changes no sum.
    squares = np.zeros((1, 4, 4, 3), np.uint8)
    squares[0, :2, :2] = (1, 2, 255)
    one = traits(np.zeros((1, 9, 9, 3), np.uint8), "RGB", squares, list(squares[:, :2]))
    assert (one.sums, one.squares) == ((4, 8, 1020), (4, 16, 4 * 65025))
    assert one.mean == pytest.approx(squares.mean() / 255)
    assert one.histogram[[0, 1, 2, 255]].tolist() == [12, 4, 4, 4]


def test_slices_are_summed_up_by_view() -> None:
    found = slice_counts(["side", "front", "side"], [10, 4, 20])
    assert found["n_slices"] == 34
    assert list(found["slices"]) == ["front", "side"]
    assert found["slices"]["front"]["0.95"] == 4
    assert (found["slices"]["side"]["0"], found["slices"]["side"]["0.5"]) == (10, 15)
    assert slice_counts(["image", "image"], [1, 1]) == {}
