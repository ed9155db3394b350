"""A change of method is a new version: the texts behind a version may not change under its name."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from assets.estimated.method import Method
from assets.estimated.method_lock import digest, formula_macros
from assets.estimated.methods import METHODS
from assets.estimated.training import METHOD_VERSION

FOLDER = Path(__file__).parents[3] / "assets"
TEXTS = (
    "estimated/formulas/band.sql",
    "estimated/formulas/skewed.sql",
    "estimated/formulas/training.sql",
    "estimated/training_estimate.sql",
    "reference/method_default.csv",
)

#: Version -> SHA-256 of its formulas, their combination and its defaults. A version that was released stays as it is.
RELEASED = {
    "training-1": "1cb2e3519e7f14eaab71f4f1cbce4dd0c21205f01512ad7d666fb7b1323333a2",
    "training-2": "6938b747f3dfce2ea8d89dbc7bfa63c874cb07da8128502e216f069d6421dd75",
}

#: The same of the methods beside training: their quantities, every macro that these call, and their defaults.
RELEASED_METHODS: dict[str, str] = {
    "ecologits-0.11.3": "09ad91cc219fc98444c44a15fa2ee84b113bbf54441166fd878beab3a4d294ed",
    "ecologits-0.9.1": "48cd57d7ad3933f4d273a93303eba541ca8f91ab8f31dfb2897f5518f232c213",
    "ecologits-0.5.0": "31f44a0621b86bd15813fb98f0bb336de8e2d5639833db95e4a5d7d9e4a1aa2b",
    "embodied-1": "227eff3de3b794bd519b4ceee027e8c2ee84b6c468a636130447c1ede943228b",
    "sci-1": "2d4985ff96e1f58a51d1968791c4be842beaabab73cc587ae52d35f885739ff3",
    "site-1": "5731f80828d951ccb3bbb0ae9e11ecf744344ed4efd764c4ecea12788550ca6e",
    "prompt-1": "02f800c92e08e36883c3bbfe6d18752cf6f9bce54fff9ba3ff48f9fce75b9def",
    "fleet-3": "aaecc9cd1d74c4b269e67f1da32bc94e08f0cb4bfe4901c45f3d8bd762ac5663",
    "fleet-2": "1794300a62d3941fee755410fcebdc2a6f9730570ec3f7b882b0aab3bbc78ff6",
    "fleet-1": "00942d9662568da385ea1c5b72d97f984e68ff9cf2a69098a1fb0660d26d9fb4",
    "service-6": "ff84f25b51751442fa018364abe175e9da6ce6cb59ffc5d8d646311550ddf82f",
    "service-5": "ff84f25b51751442fa018364abe175e9da6ce6cb59ffc5d8d646311550ddf82f",
    "service-4": "ff84f25b51751442fa018364abe175e9da6ce6cb59ffc5d8d646311550ddf82f",
    "service-3": "e388243265e2bac4bdab037781a712a92ddd035db87a03e5211f63079c763e99",
    "service-2": "3701df56bd094a503b239ef8acf1b9dc360570157ed67ffbe0f2f2498793cb63",
    "service-1": "26e74490f77b872a261c48212c380e1e3efeff989f90c7cf9252849648993b03",
    "serving-6": "4cd0c33a344b7c4c84cf043254c8bd9c09f77bc38989125b7367cfdb86b5b704",
    "serving-5": "5b2cd18c7d84ac90eef7d5ee454e33e57f8db3f67f425e713a3320c534bb072b",
    "serving-4": "be4e28584dfa6abccb0844947b089d303cab989d94286da9184c4f11eb4285f1",
    "serving-3": "743ce87475e517d5148dbf3646e5559847888473f5a8ec8684601b50017e378a",
    "serving-2": "3e4ed02e8b1e1dfed04f12537f49761818de48822540a4d5976c20d75ed1770c",
    "serving-1": "3e4ed02e8b1e1dfed04f12537f49761818de48822540a4d5976c20d75ed1770c",
    "compute-6": "be742c7709bd0f0931e286b1c7f63a0aa3af1d5a67faafe30583eaf2d57b2116",
    "compute-5": "fbed27e7b8fc753ede5b53d41cdd630233262fceab0f33885167e4fb6a2bb1f1",
    "compute-4": "dd9c685171ed1f39d5a9e7476b9078145db7a5f1c6d7cdc94f53f627150492ee",
    "compute-3": "dd9c685171ed1f39d5a9e7476b9078145db7a5f1c6d7cdc94f53f627150492ee",
    "compute-2": "64983f23fcadd79e2c91655df632ff490601f11a7e38e1f40c721034a2778c66",
    "compute-1": "4eda8b54dbfa7dba6a6fb7620e15c1f03a34931bf52420a185f46b290fef7141",
    "ownership-1": "7c476c999ea99c2e1e3b84659b7b48238798c6490a56129c0a1ecc9608b81f31",
    "fine-tuning-3": "707ad58a2c3fd691613ebb023f389d0977572c6a7fa4a2c996f1f0bb38697a41",
    "fine-tuning-2": "b87c7fc24ace04f11b6969a029dacf21ededcc586c753ebb05f25f61b3eef34a",
    "fine-tuning-1": "b87c7fc24ace04f11b6969a029dacf21ededcc586c753ebb05f25f61b3eef34a",
    "break-even-2": "54d69160716b89ad15fa4c1c865d5a5ce14b6c8b9235818f56ce1f731fb30f37",
    "break-even-1": "54d69160716b89ad15fa4c1c865d5a5ce14b6c8b9235818f56ce1f731fb30f37",
    "total-1": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "compare-1": "c27ac072fccdd956eeb372e0c4c2b15820c8b4db2650caa02b45bdf35326950f",
}


def test_formulas_do_not_change_under_the_name_of_a_version() -> None:
    text = "\x00".join((FOLDER / name).read_text(encoding="utf-8") for name in TEXTS)
    found = hashlib.sha256(text.encode()).hexdigest()
    assert RELEASED.get(METHOD_VERSION) == found, (
        f"the method behind {METHOD_VERSION!r} changed: give it a new METHOD_VERSION and add {found} for it"
    )


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.version)
def test_no_other_method_changes_under_the_name_of_its_version(method: Method) -> None:
    assert RELEASED_METHODS.get(method.version) == digest(method), (
        f"the method behind {method.version!r} changed: give it a new version and add {digest(method)} for it"
    )


def test_versions_have_names_of_their_own() -> None:
    versions = [m.version for m in METHODS]
    assert len(versions) == len(set(versions))


def test_what_a_warehouse_remembers_of_a_method_is_as_strong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A macro that another macro of a formula calls, or a default, is another method too; `method_lock` sees it."""
    service = next(m for m in METHODS if m.version == "service-1")
    before = digest(service)
    macros = formula_macros()
    called = [name for name in macros if any(re.search(rf"\b{name}\(", q.formula) for q in service.quantities.values())]
    assert called
    for name in called:
        changed = macros | {name: macros[name] + " * 1.0"}
        monkeypatch.setattr("assets.estimated.method_lock.formula_macros", lambda changed=changed: changed)
        assert digest(service) != before, name
