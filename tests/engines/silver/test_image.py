"""A micrograph whose film is known comes back; a noisy, tilted, pale, shaded or foreign picture is told."""

import warnings

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from spinula.core.errors import InvalidInputError, SpinulaWarning
from spinula.engines.silver.film.fields import spinodal
from spinula.engines.silver.film.image import read_film, read_grey
from spinula.engines.silver.islands import find_gaps

TRUE = spinodal((384, 384), nm_per_px=2.0, wavelength=60.0, coverage=0.42, seed=5)


def picture(noise=0.03, low=0.25, high=0.75, blur=0.7, seed=0):
    grey = ndimage.gaussian_filter(np.where(TRUE.silver, high, low), blur)
    return np.clip(grey + noise * (high - low) * np.random.default_rng(seed).standard_normal(grey.shape), 0, 1)


def said(grey, **how):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        made = read_film(grey, nm_per_px=2.0, **how)
    return made, " ".join(str(one.message) for one in found)


@pytest.mark.parametrize(("mode", "top"), [("L", 255), ("I;16", 65535)])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_a_good_picture_gives_its_film_back_without_a_word(tmp_path, mode, top, suffix):
    values = np.round(picture() * top).astype(np.uint8 if top == 255 else np.uint16)
    Image.fromarray(values).save(tmp_path / f"film{suffix}")
    grey = read_grey(tmp_path / f"film{suffix}")
    assert np.abs(grey - picture()).max() < 0.6 / top + 1e-9
    made, words = said(grey)
    assert words == ""
    assert np.mean(made.film.silver != TRUE.silver) < 0.02
    true, _ = find_gaps(TRUE, largest_gap=40)
    found, _ = find_gaps(made.film.without_specks(40), largest_gap=40)
    assert found.islands == pytest.approx(true.islands, rel=0.15)
    assert np.median(found.distance) == pytest.approx(np.median(true.distance), abs=2.0)


def test_noise_is_measured():
    made, words = said(picture(noise=0.1))
    assert made.noise == pytest.approx(0.1, rel=0.25)
    assert "noise" not in words


def test_a_noisy_picture_warns_and_a_hopeless_one_is_refused():
    assert "noise is" in said(picture(noise=0.3, low=0.3, high=0.6))[1]
    with pytest.raises(InvalidInputError, match=r"noise|two groups"):
        said(picture(noise=1.5, low=0.45, high=0.55))


def test_a_pale_picture_warns_and_a_blank_one_is_refused():
    made, words = said(picture(low=0.45, high=0.55))
    assert "low contrast" in words
    assert np.mean(made.film.silver != TRUE.silver) < 0.02
    with pytest.raises(InvalidInputError, match="no contrast"):
        said(np.full((64, 64), 0.5))


@pytest.mark.parametrize("angle", [0, 35])
def test_a_tilt_is_told(angle):
    turned = ndimage.rotate(picture(blur=1.0), angle, reshape=False, mode="reflect")
    tilted = ndimage.zoom(turned, (0.64, 1.0), order=1)
    made, words = said(tilted)
    assert "stretched" in words
    assert made.foreshortening == pytest.approx(0.64, abs=0.15)  # a film of 160 cells is not isotropic itself
    assert said(picture())[0].foreshortening > 0.9


def test_shading_is_subtracted_and_told():
    slope = np.linspace(-0.2, 0.2, 384)
    made, words = said(picture(low=0.35, high=0.65) + slope[:, None])
    assert "slopes" in words
    assert np.mean(made.film.silver != TRUE.silver) < 0.04


@pytest.mark.parametrize("kind", ["noise", "ramp", "blob", "stripes"])
def test_what_is_no_film_is_refused(kind):
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 256)
    foreign = {
        "noise": rng.standard_normal((256, 256)) * 0.1 + 0.5,
        "ramp": ndimage.gaussian_filter(rng.standard_normal((256, 256)), 8),
        "blob": np.exp(-4 * (x[:, None] ** 2 + x[None, :] ** 2)),
        "stripes": 0.5 + 0.3 * np.sign(np.sin(40 * x))[None, :] + 0.01 * rng.standard_normal((256, 256)),
    }[kind]
    foreign = (foreign - foreign.min()) / np.ptp(foreign)
    with pytest.raises(InvalidInputError):
        said(foreign)


def test_the_scale_bar_is_cut_off_and_specks_are_removed():
    grey = picture()
    grey[-30:] = 0.0
    grey[-20:-10, 50:150] = 1.0
    made, _ = said(grey, bottom=30)
    assert made.film.silver.shape == (354, 384)
    fine = said(picture(noise=0.2), smooth=0)[0]
    cleaned = said(picture(noise=0.2), smooth=0, smallest_area=100)[0]
    assert find_gaps(cleaned.film, largest_gap=20)[0].area.min() >= 100
    assert cleaned.film.coverage <= fine.film.coverage


def test_files_that_are_no_pictures_are_refused(tmp_path):
    (tmp_path / "text.png").write_text("silver")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_grey(tmp_path / "text.png")
    Image.fromarray((picture() * 255).astype(np.uint8)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:5000])
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_grey(tmp_path / "cut.png")
    with pytest.raises(InvalidInputError, match="32 x 32"):
        said(np.zeros((8, 8)))
    with pytest.raises(InvalidInputError, match="two dimensions"):
        said(np.zeros((64, 64, 3)))


def test_colour_and_many_pages_are_read(tmp_path):
    grey = (picture() * 255).astype(np.uint8)
    Image.fromarray(np.dstack([grey] * 3)).save(tmp_path / "colour.png")
    assert np.abs(read_grey(tmp_path / "colour.png") * 255 - grey).max() < 1.01
    one = Image.fromarray(grey)
    one.save(tmp_path / "pages.tif", save_all=True, append_images=[one])
    with pytest.warns(SpinulaWarning, match="several pictures"):
        read_grey(tmp_path / "pages.tif")
