"""All right functions: their forms, their references in torch, their operands."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional as F

from tests.functions import (
    activations,
    images,
    linear,
    losses,
    networks,
    norms,
    optimizers,
    softmaxes,
    stochastic,
)
from tests.functions.form import Array, Draw, Form, Function, Operands, also, normal

# Right, but they cancel: a verdict may say that they are less exact, not that they are wrong.
LESS_EXACT = {"tanh_exponentials", "layer_norm_moments", "conv2d_fft"}

# Ranges of sizes, each of its own so that `normal` tells them apart.
ROWS, FEATURES, OUT, HIDDEN, LATENT = (1, 14), (2, 8), (3, 7), (2, 6), (1, 5)
BATCH = (2, 15)  # rows of a batch norm, which needs two
IMAGES, CHANNELS, HEIGHT, WIDTH, MAPS = (1, 4), (1, 3), (4, 9), (4, 10), (2, 4)
QUERIES, KEYS = (1, 6), (2, 9)

entries = normal(x=(ROWS, FEATURES))
classes = normal(x=(ROWS, OUT))
pair = normal(prediction=(ROWS, FEATURES), target=(ROWS, FEATURES))
posterior = normal(mean=(ROWS, LATENT), logvar=(ROWS, LATENT))
picture = normal(x=(IMAGES, CHANNELS, HEIGHT, WIDTH))
kernels = normal(x=(IMAGES, CHANNELS, HEIGHT, WIDTH), weight=(MAPS, CHANNELS, 3, 2), bias=(MAPS,))
two_layers = normal(
    x=(ROWS, FEATURES), w1=(FEATURES, HIDDEN), b1=(HIDDEN,), w2=(HIDDEN, OUT), b2=(OUT,)
)


def labels(rows: str, of: str) -> Callable[[Generator, Operands], Array]:
    """Return what draws an index into the last axis of `of` for each row of `rows`."""
    return lambda rng, have: rng.integers(have[of].shape[-1], size=len(have[rows]))


def unit(like: str) -> Callable[[Generator, Operands], Array]:
    """Return what draws numbers between 0 and 1 in the shape of an operand."""
    return lambda rng, have: rng.random(have[like].shape)


def words(rng: Generator, have: Operands) -> Array:
    """Draw indices into a table, often some of them twice."""
    return rng.integers(len(have["table"]), size=rng.integers(1, 7, 2))


def mask(rng: Generator, have: Operands) -> Array:
    """Draw ones and zeros."""
    return (rng.random(have["x"].shape) < stochastic.KEPT).astype(np.float64)


def answers(rng: Generator, have: Operands) -> Array:
    """Draw zeros and ones, one for each column."""
    return rng.integers(2, size=(1, have["x"].shape[1])).astype(np.float64)


def parameters(rng: Generator) -> Operands:
    """Draw an optimizer's parameters, two of one shape among them."""
    shapes = {"weight": (3, 4), "bias": (4,), "gain": (4,), "scale": (1,)}
    return {name: rng.standard_normal(shape) for name, shape in shapes.items()}


def unit_rows_reference(x: Tensor) -> Tensor:
    """Return what `norms.unit_rows` means."""
    return x / torch.sqrt((x * x).sum(dim=1, keepdim=True) + norms.TINY)


def logistic_reference(x: Tensor, y: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """Return the loss that `networks.logistic_regression` means."""
    return F.binary_cross_entropy_with_logits(w.T @ x + b, y)


def autoencoder_reference(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> Tensor:
    """Return the loss that `networks.autoencoder` means."""
    y = torch.sigmoid(F.linear(torch.tanh(F.linear(x, w1, b1)), w2, b2))
    return F.mse_loss(y, x, reduction="sum") / len(x)


def vae_reference(x: Tensor, noise: Tensor, **p: Tensor) -> Tensor:
    """Return the loss that `networks.vae` means."""
    h = torch.tanh(x @ p["w_hidden"])
    mean, logvar = h @ p["w_mean"] + p["b_mean"], h @ p["w_logvar"] + p["b_logvar"]
    logits = (mean + torch.exp(logvar / 2) * noise) @ p["w_out"] + p["b_out"]
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mean**2 - torch.exp(logvar))
    return (bce + kl) / len(x)


def function(
    module: ModuleType,
    forms: str,
    reference: Callable[..., Any],
    operands: Draw,
    door: str = "check_function",
) -> Function:
    """Describe a function of a module by the names of its forms."""
    family = module.__name__.rsplit(".", 1)[1]
    made = tuple(Form(module, name) for name in forms.split())
    return Function(door, family, made, reference, operands)


FUNCTIONS = (
    function(
        linear,
        "affine affine_loops affine_folded affine_blocks",
        lambda x, weight, bias: F.linear(x, weight, bias),
        normal(x=(ROWS, FEATURES), weight=(OUT, FEATURES), bias=(OUT,)),
    ),
    function(
        linear,
        "column_affine column_affine_examples",
        lambda x, weight, bias: weight @ x + bias,
        normal(x=(FEATURES, ROWS), weight=(OUT, FEATURES), bias=(OUT, 1)),
    ),
    function(
        linear,
        "embedding embedding_onehot embedding_loops",
        lambda indices, table: F.embedding(indices, table),
        also(normal(table=(OUT, FEATURES)), indices=words),
    ),
    function(activations, "tanh tanh_expm1 tanh_exponentials", lambda x: torch.tanh(x), entries),
    function(activations, "sigmoid sigmoid_masks", lambda x: torch.sigmoid(x), entries),
    function(activations, "relu relu_masked", lambda x: torch.relu(x), entries),
    function(activations, "leaky_relu leaky_relu_larger", lambda x: F.leaky_relu(x), entries),
    function(activations, "gelu gelu_erfc", lambda x: F.gelu(x), entries),
    function(
        activations,
        "gelu_tanh gelu_tanh_sigmoid",
        lambda x: F.gelu(x, approximate="tanh"),
        entries,
    ),
    function(activations, "softplus softplus_split", lambda x: F.softplus(x), entries),
    function(softmaxes, "softmax softmax_jacobian", lambda x: F.softmax(x, dim=1), classes),
    function(
        softmaxes, "log_softmax log_softmax_scipy", lambda x: F.log_softmax(x, dim=1), classes
    ),
    function(
        softmaxes,
        "cross_entropy cross_entropy_onehot cross_entropy_loops",
        lambda logits, labels: F.cross_entropy(logits, labels),
        also(normal(logits=(ROWS, OUT)), labels=labels("logits", "logits")),
    ),
    function(
        softmaxes,
        "attention attention_einsum",
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v),
        normal(q=(IMAGES, QUERIES, FEATURES), k=(IMAGES, KEYS, FEATURES), v=(IMAGES, KEYS, OUT)),
    ),
    function(
        losses,
        "mean_squared_error mean_squared_error_dot",
        lambda prediction, target: F.mse_loss(prediction, target),
        pair,
    ),
    function(
        losses,
        "summed_squared_error summed_squared_error_loops",
        lambda prediction, target: F.mse_loss(prediction, target, reduction="sum"),
        pair,
    ),
    function(
        losses,
        "binary_cross_entropy binary_cross_entropy_logaddexp",
        lambda logits, targets: F.binary_cross_entropy_with_logits(logits, targets),
        also(normal(logits=(ROWS, FEATURES)), targets=unit("logits")),
    ),
    function(
        losses,
        "huber huber_clipped",
        lambda prediction, target: F.huber_loss(prediction, target, delta=losses.DELTA),
        pair,
    ),
    function(
        losses,
        "gaussian_kl gaussian_kl_expm1",
        lambda mean, logvar: -0.5 * torch.sum(1 + logvar - mean**2 - torch.exp(logvar)),
        posterior,
    ),
    function(
        norms,
        "layer_norm layer_norm_steps layer_norm_moments",
        lambda x, weight, bias: F.layer_norm(x, weight.shape, weight, bias, norms.EPS),
        normal(x=(ROWS, FEATURES), weight=(FEATURES,), bias=(FEATURES,)),
    ),
    function(
        norms,
        "batch_norm batch_norm_steps batch_norm_features",
        lambda x, weight, bias: F.batch_norm(
            x, None, None, weight, bias, training=True, eps=norms.EPS
        ),
        normal(x=(BATCH, FEATURES), weight=(FEATURES,), bias=(FEATURES,)),
    ),
    function(norms, "unit_rows unit_rows_jacobian", unit_rows_reference, entries),
    function(
        images,
        "conv2d conv2d_offsets conv2d_fft",
        lambda x, weight, bias: F.conv2d(x, weight, bias),
        kernels,
    ),
    function(
        images,
        "strided_conv2d strided_conv2d_loops",
        lambda x, weight, bias: F.conv2d(x, weight, bias, stride=2, padding=1),
        kernels,
    ),
    function(images, "max_pool max_pool_loops", lambda x: F.max_pool2d(x, 2), picture),
    function(images, "average_pool average_pool_reshaped", lambda x: F.avg_pool2d(x, 2), picture),
    function(
        stochastic,
        "dropout dropout_chosen",
        lambda x, mask: x * mask / stochastic.KEPT,
        also(entries, mask=mask),
    ),
    function(
        stochastic,
        "reparameterise reparameterise_in_place",
        lambda mean, logvar, noise: mean + torch.exp(0.5 * logvar) * noise,
        normal(mean=(ROWS, LATENT), logvar=(ROWS, LATENT), noise=(ROWS, LATENT)),
    ),
    function(
        networks,
        "mlp mlp_layers",
        lambda x, w1, b1, w2, b2: torch.tanh(x @ w1 + b1) @ w2 + b2,
        two_layers,
    ),
    function(
        networks,
        "classifier classifier_samples",
        lambda x, labels, w1, b1, w2, b2: F.cross_entropy(
            torch.relu(x @ w1 + b1) @ w2 + b2, labels
        ),
        also(two_layers, labels=labels("x", "b2")),
        "check_gradients",
    ),
    function(
        networks,
        "logistic_regression logistic_regression_loops",
        logistic_reference,
        also(normal(x=(FEATURES, ROWS), w=(FEATURES, 1), b=(1, 1)), y=answers),
        "check_gradients",
    ),
    function(
        networks,
        "autoencoder autoencoder_einsum",
        autoencoder_reference,
        normal(
            x=(ROWS, FEATURES),
            w1=(HIDDEN, FEATURES),
            b1=(HIDDEN,),
            w2=(FEATURES, HIDDEN),
            b2=(FEATURES,),
        ),
        "check_gradients",
    ),
    function(
        networks,
        "vae vae_back",
        vae_reference,
        also(
            normal(
                noise=(ROWS, LATENT),
                w_hidden=(FEATURES, HIDDEN),
                w_mean=(HIDDEN, LATENT),
                b_mean=(LATENT,),
                w_logvar=(HIDDEN, LATENT),
                b_logvar=(LATENT,),
                w_out=(LATENT, FEATURES),
                b_out=(FEATURES,),
            ),
            x=lambda rng, have: rng.random((len(have["noise"]), len(have["w_hidden"]))),
        ),
        "check_gradients",
    ),
    function(
        optimizers,
        "SGD SGDInPlace",
        lambda tensors: torch.optim.SGD(tensors, lr=0.05),
        parameters,
        "check_optimizer",
    ),
    function(
        optimizers,
        "Momentum MomentumLists",
        lambda tensors: torch.optim.SGD(tensors, lr=0.05, momentum=0.9),
        parameters,
        "check_optimizer",
    ),
    function(
        optimizers,
        "Adam AdamSlots",
        lambda tensors: torch.optim.Adam(tensors, lr=0.01),
        parameters,
        "check_optimizer",
    ),
    function(
        optimizers,
        "AdamW AdamWSlots",
        lambda tensors: torch.optim.AdamW(tensors, lr=0.01, weight_decay=0.1),
        parameters,
        "check_optimizer",
    ),
)
