"""A config holds values that can be meant; any other is refused by the name of its option."""

import json
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.data.config import DATASETS, DTYPES, Config
from compare.errors import UserError

NAN, INFINITY = float("nan"), float("inf")
# With a value just too small.
INTEGERS = {"latent_dim": 0, "hidden_dim": 0, "batch_size": 0, "epochs": 0, "seed": -1}
BAD: list[tuple[str, Any]] = [
    *(
        (name, value)
        for name, least in INTEGERS.items()
        for value in (least, -5, 1.0, "1", None, True)
    ),
    *(
        (name, value)
        for name in ("lr", "beta1", "beta2", "eps", "noise", "beta")
        for value in (NAN, INFINITY, -1.0, "1", None)
    ),
    ("lr", 0.0),
    ("beta1", 1.0),
    ("beta2", 1),
    ("seed", 2**63),
    ("clip", 1),
    ("clip", "yes"),
    ("data", "cifar"),
    ("data", None),
    ("model", "gan"),
    ("dtype", "float16"),
    ("dtype", "complex128"),
]

configs = st.builds(
    Config,
    data=st.sampled_from(DATASETS),
    latent_dim=st.integers(1, 1000),
    epochs=st.integers(1, 1000),
    lr=st.floats(1e-12, 10),
    beta1=st.floats(0, 0.999),
    noise=st.floats(0, 10),
    clip=st.booleans(),
    seed=st.integers(0, 2**63 - 1),
    dtype=st.sampled_from(DTYPES),
)


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_value_that_cannot_be_meant_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(UserError) as caught:
        Config(**{name: value})
    message = str(caught.value)
    assert message.startswith(f"{name.replace('_', '-')} must be ")
    assert len(message.splitlines()) == 1


def test_every_field_is_refused_somewhere_above() -> None:
    assert {name for name, _ in BAD} == {f.name for f in fields(Config)}


def test_the_defaults_are_the_articles() -> None:
    config = Config()
    article = {
        "latent_dim": 10,
        "hidden_dim": 400,
        "batch_size": 128,
        "epochs": 15,
        "lr": 1e-3,
        "noise": 0.3,
    }
    assert {name: getattr(config, name) for name in article} == article
    assert (config.beta1, config.beta2, config.eps) == (0.9, 0.999, 1e-8)


def test_a_whole_number_is_as_good_as_a_float() -> None:
    assert Config(lr=1, noise=0, beta1=0).lr == 1


@given(configs)
def test_a_config_comes_back_from_json(config: Config) -> None:
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize("change", [{"lr": None}, {"learning_rate": 1.0}])
def test_a_dict_with_missing_or_unknown_keys_is_refused_by_name(change: dict[str, Any]) -> None:
    values = {
        name: value for name, value in {**Config().to_dict(), **change}.items() if value is not None
    }
    with pytest.raises(UserError, match=f"missing or unknown keys: {next(iter(change))}$"):
        Config.from_dict(values)


def test_a_config_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().lr = 1.0  # type: ignore[misc]  # the very thing that is forbidden


def test_a_weight_of_the_divergence_is_a_vaes_alone() -> None:
    assert Config(model="vae", beta=0.5).beta == 0.5
    with pytest.raises(UserError, match=r"beta counts in .* vae alone; say --model vae, or leave"):
        Config(beta=0.5)


def test_a_config_from_before_there_was_a_vae_is_an_autoencoders() -> None:
    old = Config().to_dict()
    del old["model"], old["beta"]
    assert Config.from_dict(old) == Config()
