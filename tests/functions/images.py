"""Convolution and pooling, as people write them; every form of a function means the same.

Images are (images, channels, height, width), weights (out, channels, height, width), biases (out,).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import fftconvolve

Array = np.ndarray
Grads = dict[str, Array]


# conv2d: stride 1, no padding


def conv2d(x: Array, weight: Array, bias: Array) -> Array:
    """Every window of x against every kernel."""
    windows = sliding_window_view(x, weight.shape[2:], axis=(2, 3))
    y = np.tensordot(windows, weight, axes=((1, 4, 5), (1, 2, 3)))
    return y.transpose(0, 3, 1, 2) + bias[:, None, None]


def conv2d_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    """For x: every window of the padded dy against every turned kernel."""
    height, width = weight.shape[2:]
    windows = sliding_window_view(x, (height, width), axis=(2, 3))
    dweight = np.tensordot(dy, windows, axes=((0, 2, 3), (0, 2, 3)))
    around = ((0, 0), (0, 0), (height - 1, height - 1), (width - 1, width - 1))
    windows = sliding_window_view(np.pad(dy, around), (height, width), axis=(2, 3))
    turned = weight[:, :, ::-1, ::-1]
    dx = np.tensordot(windows, turned, axes=((1, 4, 5), (0, 2, 3)))
    return {"x": dx.transpose(0, 3, 1, 2), "weight": dweight, "bias": dy.sum(axis=(0, 2, 3))}


def conv2d_offsets(x: Array, weight: Array, bias: Array) -> Array:
    """For each place in the kernel, the whole image shifted by it."""
    kernel_h, kernel_w = weight.shape[2:]
    h, w = x.shape[2] - kernel_h + 1, x.shape[3] - kernel_w + 1
    y = np.zeros((len(x), len(weight), h, w), x.dtype)
    for i in range(kernel_h):
        for j in range(kernel_w):
            y += np.einsum("nchw,oc->nohw", x[:, :, i : i + h, j : j + w], weight[:, :, i, j])
    return y + bias.reshape(1, -1, 1, 1)


def conv2d_offsets_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    dx, dweight = np.zeros_like(x), np.zeros_like(weight)
    h, w = dy.shape[2:]
    for i in range(weight.shape[2]):
        for j in range(weight.shape[3]):
            patch = x[:, :, i : i + h, j : j + w]
            dweight[:, :, i, j] = np.einsum("nohw,nchw->oc", dy, patch)
            dx[:, :, i : i + h, j : j + w] += np.einsum("nohw,oc->nchw", dy, weight[:, :, i, j])
    return {"x": dx, "weight": dweight, "bias": np.einsum("nohw->o", dy)}


def conv2d_fft(x: Array, weight: Array, bias: Array) -> Array:
    """By the Fourier transform, whose error is that of the largest entry: less exact, and right."""
    turned = weight[None, :, :, ::-1, ::-1]
    y = fftconvolve(x[:, None], turned, mode="valid", axes=(3, 4)).sum(axis=2)
    return y + bias[:, None, None]


def conv2d_fft_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    dx = fftconvolve(dy[:, :, None], weight[None], mode="full", axes=(3, 4)).sum(axis=1)
    turned = dy[:, :, None, ::-1, ::-1]
    dweight = fftconvolve(x[:, None], turned, mode="valid", axes=(3, 4)).sum(axis=0)
    return {"x": dx, "weight": dweight, "bias": dy.sum(axis=(0, 2, 3))}


# strided_conv2d: stride 2, a border of one zero


def strided_conv2d(x: Array, weight: Array, bias: Array) -> Array:
    """As one product of matrices: a window to a row (im2col)."""
    windows = strided_conv2d_columns(x, weight)
    n, h, w = windows.shape[:3]
    y = windows.reshape(n * h * w, -1) @ weight.reshape(len(weight), -1).T + bias
    return y.reshape(n, h, w, -1).transpose(0, 3, 1, 2)


def strided_conv2d_columns(x: Array, weight: Array) -> Array:
    """Return the windows (images, height, width, channels, kernel height, kernel width)."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = sliding_window_view(padded, weight.shape[2:], axis=(2, 3))[:, :, ::2, ::2]
    return windows.transpose(0, 2, 3, 1, 4, 5)


def strided_conv2d_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    """The windows' gradients are added up where the windows overlap (col2im)."""
    windows = strided_conv2d_columns(x, weight)
    n, h, w, channels, kernel_h, kernel_w = windows.shape
    rows = dy.transpose(0, 2, 3, 1).reshape(n * h * w, -1)
    dweight = (rows.T @ windows.reshape(n * h * w, -1)).reshape(weight.shape)
    dwindows = (rows @ weight.reshape(len(weight), -1)).reshape(windows.shape)
    dpadded = np.zeros((n, channels, x.shape[2] + 2, x.shape[3] + 2), x.dtype)
    for i in range(h):
        for j in range(w):
            top, left = 2 * i, 2 * j
            dpadded[:, :, top : top + kernel_h, left : left + kernel_w] += dwindows[:, i, j]
    return {"x": dpadded[:, :, 1:-1, 1:-1], "weight": dweight, "bias": rows.sum(axis=0)}


def strided_conv2d_loops(x: Array, weight: Array, bias: Array) -> Array:
    """Output by output."""
    out, _, kernel_h, kernel_w = weight.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    h = (padded.shape[2] - kernel_h) // 2 + 1
    w = (padded.shape[3] - kernel_w) // 2 + 1
    y = np.empty((len(x), out, h, w), x.dtype)
    for n, o, i, j in np.ndindex(y.shape):
        patch = padded[n, :, 2 * i : 2 * i + kernel_h, 2 * j : 2 * j + kernel_w]
        y[n, o, i, j] = np.sum(patch * weight[o]) + bias[o]
    return y


def strided_conv2d_loops_backward(dy: Array, x: Array, weight: Array, bias: Array) -> Grads:
    _, _, kernel_h, kernel_w = weight.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    dpadded, dweight, dbias = np.zeros_like(padded), np.zeros_like(weight), np.zeros_like(bias)
    for n, o, i, j in np.ndindex(dy.shape):
        rows, columns = slice(2 * i, 2 * i + kernel_h), slice(2 * j, 2 * j + kernel_w)
        dweight[o] += dy[n, o, i, j] * padded[n, :, rows, columns]
        dpadded[n, :, rows, columns] += dy[n, o, i, j] * weight[o]
        dbias[o] += dy[n, o, i, j]
    return {"x": dpadded[:, :, 1:-1, 1:-1], "weight": dweight, "bias": dbias}


# max_pool: 2 × 2; an odd last row or column is in no window


def max_pool(x: Array) -> Array:
    """A window's four entries side by side, the first of the largest taken."""
    return max_pool_windows(x).max(axis=-1)


def max_pool_windows(x: Array) -> Array:
    """Return x as (images, channels, height / 2, width / 2, 4), a copy."""
    n, c, height, width = x.shape
    h, w = height // 2, width // 2
    windows = x[:, :, : 2 * h, : 2 * w].reshape(n, c, h, 2, w, 2)
    return windows.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h, w, 4)


def max_pool_backward(dy: Array, x: Array) -> Grads:
    windows = max_pool_windows(x)
    dwindows = np.zeros_like(windows)
    winners = windows.argmax(axis=-1)[..., None]
    np.put_along_axis(dwindows, winners, dy[..., None], axis=-1)
    n, c, h, w = dy.shape
    dx = np.zeros_like(x)
    dx[:, :, : 2 * h, : 2 * w] = (
        dwindows.reshape(n, c, h, w, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, 2 * h, 2 * w)
    )
    return {"x": dx}


def max_pool_loops(x: Array) -> Array:
    """Window by window."""
    n, c, height, width = x.shape
    y = np.empty((n, c, height // 2, width // 2), x.dtype)
    for i in range(height // 2):
        for j in range(width // 2):
            y[:, :, i, j] = np.max(x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(2, 3))
    return y


def max_pool_loops_backward(dy: Array, x: Array) -> Grads:
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dy.shape):
        window = x[n, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        row, column = np.unravel_index(np.argmax(window), window.shape)
        dx[n, c, 2 * i + row, 2 * j + column] = dy[n, c, i, j]
    return {"x": dx}


# average_pool: 2 × 2; an odd last row or column is in no window


def average_pool(x: Array) -> Array:
    """By the four corners of all windows."""
    h, w = x.shape[2] // 2 * 2, x.shape[3] // 2 * 2
    x = x[:, :, :h, :w]
    return (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4


def average_pool_backward(dy: Array, x: Array) -> Grads:
    dx = np.zeros_like(x)
    h, w = 2 * dy.shape[2], 2 * dy.shape[3]
    dx[:, :, :h, :w] = np.repeat(np.repeat(dy, 2, axis=2), 2, axis=3) / 4
    return {"x": dx}


def average_pool_reshaped(x: Array) -> Array:
    """By a mean over two axes of their own."""
    n, c, height, width = x.shape
    h, w = height // 2, width // 2
    return x[:, :, : 2 * h, : 2 * w].reshape(n, c, h, 2, w, 2).mean(axis=(3, 5))


def average_pool_reshaped_backward(dy: Array, x: Array) -> Grads:
    dx = np.zeros_like(x)
    for i in range(2):
        for j in range(2):
            corner = dx[:, :, i::2, j::2]
            corner[:, :, : dy.shape[2], : dy.shape[3]] = dy / 4
    return {"x": dx}
