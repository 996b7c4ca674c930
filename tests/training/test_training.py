"""Training: a resumed run is the unbroken one, bit for bit; every epoch leaves a checkpoint."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compare.data.batches import epoch_batches, noisy_test_images
from compare.data.config import Config
from compare.data.datasets import Dataset
from compare.errors import UserError
from compare.files import read_json
from compare.sides.subject import LABELS, make_side
from compare.training.checkpoint import Checkpoint, EpochRecord
from compare.training.training import LOOK_EVERY, Training, fruitless
from tests.operands import assert_same

SIDES = tuple(LABELS)
# of float64 after nine steps; a batch in another place or a lost moment shows in the first digits
CLOSE = 1e-12


def training(config: Config, dataset: Dataset, folder: Path, *names: str) -> Training:
    """Return sides at their start, about to train into a folder."""
    return Training(config, dataset, {name: make_side(name, config) for name in names}, folder)


def trained(config: Config, dataset: Dataset, folder: Path, *names: str) -> Training:
    """Return sides that were trained to the end."""
    done = training(config, dataset, folder, *names)
    done.run(lambda *_: None)
    return done


def results(records: list[EpochRecord]) -> list[tuple[float, float]]:
    """Return all of a history but the seconds."""
    return [(record.loss, record.test_mse) for record in records]


@pytest.fixture(scope="module")
def unbroken(
    config: Config, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Training:
    """Return both sides, trained to the end."""
    return trained(config, dataset, tmp_path_factory.mktemp("unbroken"), *SIDES)


@pytest.fixture(scope="module")
def once(config: Config, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Return both sides, trained for one epoch."""
    short = replace(config, epochs=1)
    return trained(short, dataset, tmp_path_factory.mktemp("once"), *SIDES)


@pytest.mark.parametrize("name", SIDES)
def test_a_resumed_run_is_the_unbroken_one_bit_for_bit(
    config: Config, dataset: Dataset, tmp_path: Path, unbroken: Training, once: Training, name: str
) -> None:
    resumed = training(config, dataset, tmp_path, name)
    resumed.resume(name, Checkpoint.load(once.folder / f"{name}.safetensors"))
    resumed.run(lambda *_: None)
    assert_same(resumed.sides[name].state(), unbroken.sides[name].state())
    assert results(resumed.histories[name]) == results(unbroken.histories[name])


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize("steps", [1, 4, 8])  # of 3 an epoch
def test_a_run_resumed_within_an_epoch_is_the_unbroken_one_bit_for_bit(
    config: Config, dataset: Dataset, tmp_path: Path, unbroken: Training, name: str, steps: int
) -> None:
    left = iter(range(steps))

    def interrupt(*_: object) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    first = training(config, dataset, tmp_path / "run", name)
    first.checkpoint_every = 0
    with pytest.raises(KeyboardInterrupt):
        first.run(interrupt)
    checkpoint = Checkpoint.load(tmp_path / "run" / f"{name}.safetensors")
    assert (len(checkpoint.history), checkpoint.part.steps) == divmod(steps, 3)
    resumed = training(config, dataset, tmp_path / "run", name)
    resumed.resume(name, checkpoint)
    assert resumed.images_seen(name) == 130 * (steps // 3) + 50 * (steps % 3)
    resumed.run(lambda *_: None)
    assert_same(resumed.sides[name].state(), unbroken.sides[name].state())
    assert results(resumed.histories[name]) == results(unbroken.histories[name])


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize(
    ("spoilt", "what"),
    [
        ({"param/fc2.weight": 3e38}, "fc2's output"),
        (  # pixels of ½, by 8 · 3e38 · 1.2e-38 − 28.8 = 0, and a sum of 784 gradients times 3e38
            {
                "param/fc3.weight": 0,
                "param/fc3.bias": 1.2e-38,
                "param/fc4.weight": 3e38,
                "param/fc4.bias": -28.8,
            },
            "the gradient of relu3's output",
        ),
        (
            {
                "adam.exp_avg_sq/fc4.bias": 3e38,
                "adam.exp_avg/fc4.bias": -3e38,
                "param/fc4.bias": 3.4e38,
            },
            None,
        ),
    ],
)
def test_the_first_number_that_is_not_finite_stops_the_training_with_its_step_and_its_layer(
    config: Config,
    dataset: Dataset,
    tmp_path: Path,
    name: str,
    spoilt: dict[str, float],
    what: str | None,
) -> None:
    run = training(config, dataset, tmp_path, name)
    state = run.sides[name].state()
    for tensor, value in spoilt.items():
        state[tensor][...] = value
    run.resume(name, Checkpoint(name, config, state))
    if what is None:
        run.run(lambda *_: None)  # large numbers alone are no harm
        return
    with pytest.raises(UserError) as caught:
        run.run(lambda *_: None)
    expected = (
        f"{name} diverged: in epoch 1, step 1, {what} is the first to be no longer finite; "
        "try a smaller --lr; there is no checkpoint yet"
    )
    assert str(caught.value).startswith(expected)


@pytest.mark.parametrize("name", SIDES)
def test_a_parameter_that_no_loss_tells_of_is_found_within_so_many_steps(
    config: Config, dataset: Dataset, tmp_path: Path, name: str
) -> None:
    small = replace(config, batch_size=1)
    run = training(small, dataset, tmp_path, name)
    state = run.sides[name].state()
    state["adam.exp_avg/fc4.bias"][...] = -3e38  # the bias becomes infinite, and every pixel white
    run.resume(name, Checkpoint(name, small, state))
    taken: list[int] = []
    with pytest.raises(
        UserError, match=r"epoch 1, step \d+, fc4's bias after the update is the first"
    ):
        run.run(lambda _, images, __: taken.append(images))
    assert len(taken) == LOOK_EVERY


@pytest.mark.parametrize("name", SIDES)
def test_a_checkpoint_with_a_number_that_is_not_finite_is_never_written(
    config: Config, dataset: Dataset, tmp_path: Path, name: str
) -> None:
    run = training(config, dataset, tmp_path, name)
    side, steps = run.sides[name], 0

    def spoil(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == 6:  # the last of the second epoch: no loss will tell
            state = side.state()
            state["param/fc4.bias"][0] = np.inf
            side.load(state)

    kept = tmp_path / f"{name}.safetensors"
    expected = f"^{name} diverged: a number is no longer finite; try a smaller --lr; .* in {kept}$"
    with pytest.raises(UserError, match=expected):
        run.run(spoil)
    assert len(Checkpoint.load(kept).history) == 1


@pytest.mark.parametrize("name", SIDES)
def test_training_is_a_step_on_every_batch_of_every_epoch(
    config: Config, dataset: Dataset, unbroken: Training, name: str
) -> None:
    side = make_side(name, config)
    for epoch in range(config.epochs):
        list(side.fit(epoch_batches(config, dataset.train_images, epoch)))
    assert_same(unbroken.sides[name].state(), side.state())


@pytest.mark.parametrize("name", SIDES)
def test_an_interrupted_run_has_the_checkpoint_of_its_last_whole_epoch(
    config: Config, dataset: Dataset, tmp_path: Path, once: Training, name: str
) -> None:
    steps = 0

    def interrupt(*_: object) -> None:
        nonlocal steps
        steps += 1
        if steps == 5:  # of 3 an epoch
            raise KeyboardInterrupt

    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt) as interrupted:
        training(config, dataset, tmp_path, name).run(interrupt)
    assert interrupted.traceback  # which keeps what the training left as it was
    assert threading.active_count() == threads
    left = Checkpoint.load(tmp_path / f"{name}.safetensors")
    assert_same(dict(sorted(left.state.items())), dict(sorted(once.sides[name].state().items())))
    assert [results([record]) for record in left.history] == [results(once.histories[name])]
    assert len(read_json(tmp_path / "history.json")[name]) == 1


@pytest.mark.parametrize(("first", "second"), [("numpy", "torch"), ("torch", "numpy")])
def test_a_side_goes_on_from_the_others_file_as_the_other_would(
    config: Config, dataset: Dataset, tmp_path: Path, first: str, second: str
) -> None:
    double = replace(config, dtype="float64")
    unbroken = trained(double, dataset, tmp_path / "unbroken", first)
    trained(replace(double, epochs=1), dataset, tmp_path / "first", first)
    resumed = training(double, dataset, tmp_path / "rest", second)
    resumed.resume(second, Checkpoint.load(tmp_path / "first" / f"{first}.safetensors"))
    resumed.run(lambda *_: None)
    assert results(resumed.histories[second])[0] == results(unbroken.histories[first])[0]
    np.testing.assert_allclose(
        results(resumed.histories[second]), results(unbroken.histories[first]), rtol=CLOSE
    )
    assert Checkpoint.load(tmp_path / "rest" / f"{second}.safetensors").side == second


def test_sides_take_turns_and_report_every_batch(
    config: Config, dataset: Dataset, tmp_path: Path
) -> None:
    seen: list[tuple[str, int]] = []
    losses: list[float] = []

    def on_step(name: str, images: int, loss: float) -> None:
        seen.append((name, images))
        losses.append(loss)

    both = training(replace(config, epochs=2), dataset, tmp_path, *SIDES)
    both.run(on_step)
    assert seen == [(name, images) for name in SIDES * 2 for images in (50, 50, 30)]
    # What is seen last of an epoch is what the history says of it.
    assert [both.histories[name][epoch].loss for epoch in (0, 1) for name in SIDES] == losses[2::3]


def test_a_history_holds_what_it_says(config: Config, dataset: Dataset, unbroken: Training) -> None:
    both = unbroken
    test = noisy_test_images(config, dataset.test_images)
    for name, side in both.sides.items():
        error = side.reconstruct(test.noisy).astype(np.float64) - test.clean
        assert both.histories[name][-1].test_mse == pytest.approx(np.mean(error**2), rel=1e-6)
        losses = [record.loss for record in both.histories[name]]
        assert losses == sorted(losses, reverse=True)
        assert all(record.seconds > 0 for record in both.histories[name])
        saved = Checkpoint.load(both.folder / f"{name}.safetensors")
        assert saved.history == tuple(both.histories[name])
    assert read_json(both.folder / "history.json") == both.to_dict()


def test_the_drift_between_two_sides_is_measured_after_every_epoch(
    config: Config, dataset: Dataset, tmp_path: Path, unbroken: Training
) -> None:
    ours, theirs = (side.state() for side in unbroken.sides.values())
    parameters = [name for name in ours if name.startswith("param/")]
    apart = max(np.abs(ours[name] - theirs[name]).max() for name in parameters)
    assert list(unbroken.drift) == [1, 2, 3]
    assert unbroken.drift[3].parameters == apart
    assert 0 <= unbroken.drift[3].loss < 1e-5
    assert trained(replace(config, epochs=1), dataset, tmp_path, "numpy").drift == {}


def test_the_measure_of_a_fruitless_training_is_the_error_of_the_mean_image(
    dataset: Dataset,
) -> None:
    images = dataset.test_images.reshape(len(dataset.test_images), -1) / 255
    error = float(np.square(images - images.mean(axis=0)).mean())
    assert fruitless([error * 0.999], dataset.test_images) is None
    assert fruitless([error * 1.001], dataset.test_images) is not None


@pytest.mark.parametrize(
    ("errors", "advice"),
    [
        ([0.9], "another --lr"),
        ([0.5, 0.6], "try a smaller --lr"),
        ([0.6, 0.5], "give it more --epochs"),
    ],
)
def test_of_a_fruitless_training_it_is_said_what_to_try(
    dataset: Dataset, errors: list[float], advice: str
) -> None:
    assert str(fruitless(errors, dataset.test_images)).endswith(advice)
