"""Digits on paper: whatever the light, the ink is found, cut out, and centred as MNIST has it."""

import base64

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sheet
from scipy import ndimage
from weights import networks


@pytest.fixture(scope="module")
def images(mnist):
    return mnist.validation.images[:500].reshape(-1, 28, 28)


def enlarged(image, times, margin):
    """Return an image with each pixel as a block, and empty lines around it, (top, left, …)."""
    top, left, bottom, right = margin
    return np.pad(np.kron(image, np.ones((times, times))), [(top, bottom), (left, right)])


# --- from ink to an image ------------------------------------------------------------------------


def test_an_image_of_mnist_comes_back_as_it_was(images):
    for image in images:
        np.testing.assert_array_equal(sheet.centred(image), image)


def test_it_comes_back_from_wherever_and_however_large(images):
    rng = np.random.default_rng(0)
    for image in images[:50]:
        ink = enlarged(image, rng.integers(1, 9), rng.integers(0, 99, 4))
        np.testing.assert_array_equal(sheet.centred(ink), image)


def test_reduced_pixels_are_means_of_equal_parts():
    # 3 values as 2: the cut goes through the middle one, (3 + 6/2) / 1.5 and (6/2 + 9) / 1.5.
    np.testing.assert_allclose(sheet.reduced(np.array([[3.0, 6, 9]]), 1, 2), [[4, 8]])
    np.testing.assert_allclose(sheet.reduced(np.array([[1.0], [3]]), 4, 1), [[1], [1], [3], [3]])
    ink = np.random.default_rng(0).random((31, 17))
    pieces = ink.repeat(20, axis=0).repeat(9, axis=1).reshape(20, 31, 9, 17)
    np.testing.assert_allclose(sheet.reduced(ink, 20, 9), pieces.mean(axis=(1, 3)))


def test_the_longer_side_fills_the_box_and_proportions_are_kept():
    for shape, small in [((40, 20), (20, 10)), ((7, 14), (10, 20)), ((400, 3), (20, 1)),
                         ((1, 1), (20, 20))]:
        ink = np.zeros((500, 500))
        ink[9:9 + shape[0], 30:30 + shape[1]] = 200
        assert sheet.boxed(ink).shape == small
        assert np.ptp(sheet.boxed(ink)) < 1e-9


def test_the_centre_of_mass_is_in_the_middle_unless_ink_would_be_lost():
    ink = np.zeros((90, 90))
    ink[20:60, 30:50] = 100
    image = sheet.centred(ink)
    np.testing.assert_allclose(ndimage.center_of_mass(image), 14, atol=0.5)
    far = np.full((20, 20), 1.0)
    far[0] = 255  # its mass is so near the upper edge that 20 lines do not fit below
    image = sheet.placed(far, ndimage.center_of_mass(far))
    assert image.sum() == far.sum()
    assert image[8:].all(axis=1).sum() == 0
    assert image[8:, 4:24].all()


def test_no_ink_makes_an_empty_image_and_no_pieces():
    assert not sheet.centred(np.zeros((50, 40))).any()
    assert sheet.pieces(np.zeros((50, 40))) == []


@pytest.fixture
def script(browser, stage):
    """What draw.js has, in a page of its own."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(stage("draw", rungs=[0], why=False).as_uri())
    yield page
    context.close()


def test_the_page_to_draw_on_centres_alike(script):
    rng = np.random.default_rng(0)
    for _ in range(20):
        ink = np.zeros((280, 280))
        y, x = rng.integers(40, 240, (2, 4))
        for at, to in [(0, 1), (1, 2), (2, 3)]:
            steps = np.linspace(0, 1, 300)
            ink[np.rint(y[at] + steps * (y[to] - y[at])).astype(int),
                np.rint(x[at] + steps * (x[to] - x[at])).astype(int)] = 255
        ink = np.rint(ndimage.gaussian_filter(ndimage.grey_dilation(ink, 15), 1))
        told = script.evaluate("""text => Array.from(drawing.centred(
            Uint8Array.from(atob(text), letter => letter.charCodeAt(0))))""",
                               base64.b64encode(ink.astype(np.uint8).tobytes()).decode())
        ours = sheet.centred(ink).astype(int)
        np.testing.assert_allclose(np.reshape(told, (28, 28)), ours, atol=1)  # a half, rounded


# --- from light to ink, and from a sheet to its pieces -------------------------------------------


@pytest.mark.parametrize("light", [255, 200, 90])
def test_the_light_does_not_matter(images, light):
    ink = enlarged(images[3], 5, (9, 9, 9, 9))
    slope = np.linspace(1, 0.5, ink.shape[1])
    found = sheet.ink_of(light * slope * (1 - 0.8 * ink / 255))
    assert np.corrcoef(found.ravel(), ink.ravel())[0, 1] > 0.95
    assert (found[ink == 0] == 0).mean() > 0.95
    assert found.max() == 255


def test_light_on_dark_is_turned_round(images):
    ink = enlarged(images[3], 5, (9, 9, 9, 9))
    np.testing.assert_allclose(sheet.ink_of(20 + 0.8 * ink), sheet.ink_of(235 - 0.8 * ink))


def test_every_digit_is_found_either_way_round_and_however_tightly_cut(images):
    for image in images[:200]:
        digit = image[image.any(axis=1)][:, image.any(axis=0)]
        ink = enlarged(digit, 5, (10, 10, 10, 10))
        for grey in (150 - 0.5 * ink, 60 + 0.7 * ink):
            found = sheet.ink_of(grey)
            assert found[ink > 250].mean() > 4 * found[ink == 0].mean(), image


def test_empty_paper_has_no_ink_whatever_its_noise():
    rng = np.random.default_rng(0)
    for grey in (np.full((60, 80), 200.0), np.zeros((60, 80)), np.full((60, 80), 255),
                 np.linspace(120, 240, 80) + rng.normal(0, 6, (60, 80)), np.full((3, 1), 9)):
        assert not sheet.ink_of(grey).any()


def test_pieces_come_line_by_line_and_specks_are_left_out(images):
    ink = np.zeros((300, 400))
    places = [(18, 60), (32, 200), (24, 300), (150, 20), (162, 140), (140, 290)]
    for image, (top, left) in zip(images, places):
        ink[top:top + 84, left:left + 84] += enlarged(image, 3, (0, 0, 0, 0))
    ink[290:293, 390:393] = 255
    found = sheet.pieces(ink)
    assert len(found) == len(places)
    for image, piece in zip(images, found):
        np.testing.assert_array_equal(sheet.centred(piece), image)


def test_what_touches_the_edge_is_left_out(images):
    rng, digits = np.random.default_rng(0), images[:6].reshape(6, -1)
    photo = sheet.photograph(digits, 3, rng)
    beside = np.pad(photo, [(0, 0), (0, 40)], constant_values=50)  # a strip of a dark table
    both = [sheet.pieces(sheet.ink_of(grey)) for grey in (photo, beside)]
    assert len(both[0]) == len(both[1]) == 6
    for one, other in zip(*both):
        assert np.abs(sheet.centred(one).astype(int) - sheet.centred(other)).mean() < 3
    ink = np.zeros((90, 90))
    ink[0:40, 20:30] = ink[60:, 40:50] = ink[30:60, :9] = ink[30:60, -9:] = 255
    assert sheet.pieces(ink) == []
    assert not sheet.without_specks(ink).any()


def test_specks_beside_one_digit_are_left_out_and_two_parts_of_it_are_not():
    ink = np.zeros((200, 200))
    ink[50:150, 60:80] = ink[40:50, 100:150] = 200
    specks = ink.copy()
    specks[5:9, 190:195] = specks[170:172, 20:40] = 255
    np.testing.assert_array_equal(sheet.without_specks(specks), ink)
    assert not sheet.without_specks(0 * ink).any()


def test_pictures_of_one_digit_are_read_as_well_as_the_file(mnist):
    network, rng = networks()[-1], np.random.default_rng(1)
    few = mnist.validation.take(slice(100))
    seen = np.array([sheet.centred(sheet.without_specks(sheet.ink_of(
        sheet.photograph(image[None], 1, rng)))) for image in few.images])
    right = [(network.predict(these) == few.labels).sum() for these in (few.images, seen)]
    assert right[1] >= right[0] - 3


def test_a_photograph_of_a_sheet_is_read_as_well_as_the_file(mnist):
    network, rng, right = networks()[-1], np.random.default_rng(1), np.zeros(2, int)
    for start in range(0, 200, 20):
        part = mnist.validation.take(slice(start, start + 20))
        pieces = sheet.pieces(sheet.ink_of(sheet.photograph(part.images, 5, rng)))
        assert len(pieces) == 20
        seen = np.array([sheet.centred(piece) for piece in pieces])
        right += [(network.predict(part.images) == part.labels).sum(),
                  (network.predict(seen) == part.labels).sum()]
    assert right[1] >= right[0] - 4


# --- files of pictures ---------------------------------------------------------------------------


def test_a_png_is_read_with_colours_with_opacity_and_without(tmp_path):
    path, grey = tmp_path / "one.png", np.random.default_rng(0).integers(0, 256, (9, 7)) / 255
    plt.imsave(path, grey, cmap="gray", vmin=0, vmax=1)  # red, green, blue and opacity
    np.testing.assert_allclose(sheet.read_grey(path), 255 * grey, atol=1.01)  # a map of colours
    plt.imsave(path, np.dstack([grey, grey, grey]))
    np.testing.assert_allclose(sheet.read_grey(path), 255 * grey, atol=0.01)
    plt.imsave(path, np.dstack([0 * grey, 0 * grey, 0 * grey, grey]))  # black, where not clear
    np.testing.assert_allclose(sheet.read_grey(path), 255 * (1 - grey), atol=0.01)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "I;16"])
def test_a_png_of_each_mode_is_read(mode, tmp_path):
    from PIL import Image

    path, grey = tmp_path / "one.png", np.kron([[0, 255], [255, 0]], np.ones((4, 4)))
    picture = Image.fromarray(grey.astype(np.uint8))
    if mode == "I;16":
        picture = Image.fromarray((grey * 257).astype(np.uint16))
    (picture if mode == "I;16" else picture.convert(mode)).save(path)
    np.testing.assert_allclose(sheet.read_grey(path), grey, atol=0.01)


def test_a_jpeg_is_read_and_turned_as_its_camera_held_it(tmp_path):
    from PIL import Image

    path, grey = tmp_path / "one.jpg", np.linspace(0, 255, 40 * 60).reshape(40, 60)
    picture, way_up = Image.fromarray(grey.astype(np.uint8)), Image.Exif()
    for mode in ("L", "RGB", "CMYK"):
        picture.convert(mode).save(path, quality=95)
        np.testing.assert_allclose(sheet.read_grey(path), grey, atol=4)
    way_up[0x0112] = 6  # the orientation: to be turned to the right
    picture.save(path, quality=95, exif=way_up)
    np.testing.assert_allclose(sheet.read_grey(path), np.rot90(grey, -1), atol=4)


@pytest.mark.parametrize("name", ["one.png", "one.jpg"])
def test_a_large_picture_is_reduced_and_keeps_its_proportions(name, tmp_path):
    from PIL import Image

    grey = np.tile(np.linspace(0, 255, 1200), (3000, 1))
    Image.fromarray(grey.astype(np.uint8)).save(tmp_path / name)
    read = sheet.read_grey(tmp_path / name)
    assert read.shape == (1000, 400)
    np.testing.assert_allclose(read[500], grey[0].reshape(400, 3).mean(axis=1), atol=2)
