"""The check of a variational autoencoder: definitions, noise, and what only it can tell."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from torch.distributions import Normal, kl_divergence

from compare.check.bounds import gamma, norm
from compare.check.kinds import OPERATIONS
from compare.check.network import FINEST, check_network, masks_of, true_step
from compare.check.network_in_torch import Graph
from compare.check.stages import check
from compare.check.surface import check_interface
from compare.check.trajectory import check_step
from compare.controls.controls import control, small
from compare.controls.faults import KNOWN
from compare.controls.injection import rewritten, wrong_code
from compare.data.batches import Batch, epoch_batches, noisy_test_images, training_batches
from compare.data.datasets import Dataset
from compare.sides.interface import with_prefix
from compare.sides.subject import make_reference, make_side
from tests.operands import Draw, seeds, sizes, tensor

VAE = small("vae")
SHARED = [fault for fault in KNOWN if "forward and backward" in fault.name]


@given(seeds, sizes, sizes)
def test_the_definitions_are_torchs_own(seed: int, batch: int, latent: int) -> None:
    """Autograd's through `torch.distributions`, which has no line of ours."""
    draw = Draw(seed)
    mean, logvar, noise, dy = (draw(batch, latent) for _ in range(4))
    theirs = [tensor(mean, grad=True), tensor(logvar, grad=True)]
    normal = Normal(theirs[0], torch.exp(theirs[1] / 2))
    divergence = kl_divergence(normal, Normal(0.0, 1.0)).sum()
    dmean, dlogvar = torch.autograd.grad(divergence, theirs, retain_graph=True)
    y = normal.loc + normal.scale * tensor(noise)
    drawn_mean, drawn_logvar = torch.autograd.grad(y, theirs, tensor(dy))
    std = OPERATIONS["Deviation.forward"].define(logvar)["y"].value
    drawn = OPERATIONS["Draw.backward"].define(dy, noise)
    kl = OPERATIONS["GaussianKL.backward"].define(mean, logvar)
    through = OPERATIONS["Deviation.backward"].define(drawn["dstd"].value, std)["dx"]
    value = OPERATIONS["GaussianKL.forward"].define(mean, logvar)["value"]
    for ours, reference, terms in (
        (
            OPERATIONS["Draw.forward"].define(mean, std, noise)["y"],
            y,
            1 + np.abs(y.detach().numpy()),
        ),
        (drawn["dmean"], drawn_mean, np.abs(dy)),
        (through, drawn_logvar, np.abs(through.value)),
        (kl["dmean"], dmean, 1 + np.abs(mean)),
        (kl["dlogvar"], dlogvar, kl["dlogvar"].scale),
        (value, divergence, value.scale),
    ):
        far = np.abs(ours.value - reference.detach().numpy())
        assert np.all(far <= gamma(32 + mean.size, "float64") * terms)


def test_a_batch_has_noise_that_is_a_function_of_its_address_alone(dataset: Dataset) -> None:
    images = dataset.train_images
    whole = list(epoch_batches(VAE, images, 3))
    (later,) = training_batches(VAE, images, 1, 3 * len(whole) + 3)
    assert all(np.array_equal(later[name], whole[2][name]) for name in ("input", "target", "noise"))
    plain = next(epoch_batches(small("autoencoder"), images, 3))
    assert plain.keys() == {"input", "target"}  # and is otherwise the same
    assert all(np.array_equal(plain[name], whole[0][name]) for name in plain)
    noises = [batch["noise"] for batch in (*whole[:2], *epoch_batches(VAE, images, 4))]
    assert noises[0].shape == (VAE.batch_size, VAE.latent_dim)
    assert not any(np.array_equal(noises[0], other) for other in noises[1:])
    assert noisy_test_images(VAE, images[:7])["noise"].shape == (7, VAE.latent_dim)


@pytest.mark.parametrize("beta", [0.0, 0.7, 3.0])
def test_all_stages_hold(dataset: Dataset, beta: float) -> None:
    config = replace(VAE, beta=beta)
    report = check(config, dataset.train_images, trajectory=beta == 0.7)
    assert report.held, report.sentence
    tensors = {f.tensor for f in report.findings if f.stage == "network"}
    assert {"act/kl", "act/draw", "dact/fc_mean", "grad/fc_logvar.bias"} <= tensors
    assert {"kl.forward", "draw.backward"} <= {
        f.operation for f in report.findings if f.stage == "rounding"
    }


@pytest.mark.parametrize("fault", SHARED, ids=lambda fault: fault.name)
def test_the_complex_step_does_not_see_what_forward_and_backward_share(
    dataset: Dataset, fault: object
) -> None:
    found = control(fault, dataset.train_images, torch=False)  # type: ignore[arg-type]
    assert found.stages and "formula" not in found.stages
    for part in ("forward", "backward"):
        assert f"{found.responsible.partition('.')[0]}.{part}" in found.sentence


@pytest.mark.parametrize("name", ["numpy", "torch", "reference"])
def test_a_step_is_the_same_observed_and_at_full_speed(dataset: Dataset, name: str) -> None:
    side = make_side("torch" if name == "reference" else name, VAE)
    if name == "reference":  # a graph of layers, as a side of one's own is judged by
        side = make_reference(side.describe(), side.state(), VAE)  # type: ignore[assignment]
    before, batches = side.state(), list(training_batches(VAE, dataset.train_images, 3))
    traces = [side.observe(batch) for batch in batches]
    end = side.state()
    side.load(before)
    losses = list(side.fit(batches))
    assert losses == [(float(of["loss"]), float(of["act/kl"])) for of in traces]
    assert all(np.array_equal(value, end[key]) for key, value in side.state().items())


def test_the_code_is_the_mean_and_a_reconstruction_needs_no_noise(dataset: Dataset) -> None:
    (batch,) = training_batches(VAE, dataset.train_images, 1)
    for side in (make_side(name, VAE) for name in ("numpy", "torch")):
        silent = side.observe(batch.but(noise=np.zeros_like(batch["noise"])))
        side = make_side(
            side.describe().name.replace("NumPy", "numpy").replace("PyTorch", "torch"), VAE
        )
        assert np.array_equal(side.encode(batch.noisy), silent["act/fc_mean"])
        assert np.array_equal(side.reconstruct(batch.noisy), silent["act/sigmoid"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("of_draw + dmean", "of_draw + dmean / 0.7"), "what comes by way of kl has no weight"),
        (("of_draw + dmean", "dmean"), "what comes by way of draw is missing"),
        (('d["relu1"] += dh', ""), "what comes by way of fc_logvar is missing"),
        (('d["relu1"] += dh', 'd["relu1"] -= dh'), "what comes by way of fc_logvar is subtracted"),
        (
            ('self.draw.backward(d["draw"], cache["noise"])', 'd["draw"], d["draw"]'),
            "it is dact/draw",
        ),
        (
            (
                'self.fc_logvar.backward(d["fc_logvar"], h)',
                'self.fc_mean.backward(d["fc_logvar"], h)',
            ),
            "fc_logvar.backward is given param/fc_mean.weight for param/fc_logvar.weight",
        ),
        (
            (
                'self.relu3.backward(d["relu3"], cache["relu3"])',
                'self.relu3.backward(d["relu3"], cache["relu1"])',
            ),
            "relu3.backward is given act/relu1 for act/relu3",
        ),
        (
            ('self.relu1.backward(d["relu1"], h)', 'self.relu1.backward(d["relu1"] - dh, h)'),
            "relu1.backward is given what comes by way of fc_mean alone for dact/relu1",
        ),
    ],
)
def test_which_of_the_ways_that_meet_is_wrong_is_told(
    dataset: Dataset, change: tuple[str, str], said: str
) -> None:
    (batch,) = training_batches(VAE, dataset.train_images, 1)
    with rewritten("VariationalAutoencoder.backward", [change]):
        found = list(check_network(make_side("numpy", VAE), batch, np.random.default_rng(0)))
    first = next(f for f in found if not f.verdict.held)
    assert first.detail == said


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("dmean, dlogvar", "in the gradients, kl has no weight"),
        ("0 * dmean, 0 * dlogvar", "in the gradients, kl is left out"),
        ("-beta * dmean, -beta * dlogvar", "in the gradients, kl is raised"),
        ("beta**2 * dmean, beta**2 * dlogvar", "in the gradients, kl has the weight 0.49, not 0.7"),
        ("beta * dmean, dlogvar", "the loss is right and the update is not"),
    ],
)
def test_a_weight_that_training_forgets_is_told(dataset: Dataset, weights: str, said: str) -> None:
    side, batches = make_side("numpy", VAE), list(training_batches(VAE, dataset.train_images, 3))
    with rewritten("vae_train_step", [("beta * dmean, beta * dlogvar", weights)]):
        found = [f.detail for f in check_step(side, batches) if not f.verdict.held]
    assert set(found) == {said}


@pytest.mark.parametrize(
    ("function", "change", "said"),
    [
        (
            "encode",
            (
                'self.fc_mean.forward(cache["relu1"])',
                'self.relu1.forward(self.fc_mean.forward(cache["relu1"]))',
            ),
            "VariationalAutoencoder.encode. What is wrong: a ReLU is applied to it.",
        ),
        (
            "forward",
            ('mean, cache["deviation"],', 'cache["deviation"], mean,'),
            "so it was called with the wrong operands: numpy_ae/vae.py, "
            "VariationalAutoencoder.forward. What is wrong: draw.forward is given act/fc_mean and "
            "act/deviation in each other's place.",
        ),
        (
            "forward",
            ('self.decode(cache["draw"], cache)', 'self.decode(cache["draw"])'),
            "A step cannot be judged (exact, float32): vae.py, backward, raised KeyError: 'sig",
        ),
        (
            "backward",
            ('{"sigmoid": dy}', '{"sigmoid": dy / len(dy)}'),
            "VariationalAutoencoder.backward. What is wrong: it is 1/32 times what it should be.",
        ),
        ("backward", ("of_draw + dmean", "np.add(of_draw, dmean, out=dmean)"), "it changes dmean."),
    ],
)
def test_how_operations_are_wrongly_put_together_is_told(
    dataset: Dataset, function: str, change: tuple[str, str], said: str
) -> None:
    fault = wrong_code("", f"VariationalAutoencoder.{function}", change)
    found = control(fault, dataset.train_images, dtypes=["float32"], torch=False)
    assert said in found.sentence


def test_a_step_that_makes_no_update_is_told(dataset: Dataset) -> None:
    side, batches = make_side("numpy", VAE), list(training_batches(VAE, dataset.train_images, 3))
    with rewritten("vae_train_step", [("optimizer.step(grads)", "pass")]):
        found = [f.detail for f in check_step(side, batches) if not f.verdict.held]
    assert set(found) == {"no update is made"}


def test_an_encoder_with_its_results_exchanged_is_told_though_the_network_undoes_it() -> None:
    of = "VariationalAutoencoder"
    with (
        rewritten(f"{of}.forward", [("mean, logvar = self", "logvar, mean = self")]),
        rewritten(
            f"{of}.encode",
            [
                (
                    'return cache["fc_mean"], cache["fc_logvar"]',
                    'return cache["fc_logvar"], cache["fc_mean"]',
                )
            ],
        ),
    ):
        failed = [f for f in check_interface("vae") if not f.verdict.held]
    assert (f"{of}.encode", "mean, logvar") in {(f.operation, f.tensor) for f in failed}


def test_a_step_that_changes_its_batch_is_told(dataset: Dataset) -> None:
    with rewritten(
        "vae_train_step", [("optimizer.step(grads)", "optimizer.step(grads); noise[:] = 0")]
    ):
        report = check(VAE, dataset.train_images, torch=False)
    failed = {f.tensor for f in report.findings if f.stage == "step" and not f.verdict.held}
    assert failed == {"batch"}


def test_a_batch_keeps_its_noise_when_others_are_changed() -> None:
    rows = np.ones((2, 3))
    assert Batch(rows, rows, noise=rows).but(input=0 * rows).keys() == {"input", "target", "noise"}


def test_torch_replayed_has_the_definitions_truth(dataset: Dataset) -> None:
    side = make_side("numpy", VAE)
    (batch,) = training_batches(VAE, dataset.train_images, 1)
    inputs = {**side.state(), **with_prefix("act", batch)}
    rng, masks = np.random.default_rng(0), masks_of(side.describe(), side.observe(batch), 32)
    theirs, _ = Graph(side.describe(), inputs, masks).true_step(rng, 1, FINEST)
    ours, _ = true_step(side.describe(), inputs, masks, rng)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert norm(value - theirs[name]) <= 1e-12 * norm(value), name  # some 5,000 roundings


def test_what_is_wrong_everywhere_is_told_before_what_becomes_of_infinities(
    dataset: Dataset,
) -> None:
    fault = next(fault for fault in KNOWN if fault.name == "half of it, forward and backward")
    sentence = control(fault, dataset.train_images, torch=False).sentence
    assert sentence.count("it is 1/2 times what it should be") == 3
    assert "inf" not in sentence
