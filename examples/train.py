"""Train the autoencoder on small digits with NumPy alone, and see it denoise digits it never saw.

python -m examples.train
"""

import numpy as np
from sklearn.datasets import load_digits

import numpy_ae

SHADES = " .:-=+*#%@"


def main() -> None:
    """Train for 30 epochs; print losses, errors, and digits noisy, denoised and clean."""
    rng = np.random.default_rng(0)
    images = (load_digits().data / 16).astype(np.float32)  # (1797, 64), pixels in [0, 1]
    train, test = images[:1600], images[1600:]

    def noisy(x: np.ndarray) -> np.ndarray:
        return (x + 0.3 * rng.standard_normal(x.shape, dtype=np.float32)).clip(0, 1)

    model = numpy_ae.Autoencoder(latent_dim=10, hidden_dim=200, input_dim=64, rng=rng)
    loss, optimizer = numpy_ae.SumSquaredError(), numpy_ae.Adam(model.parameters())
    for epoch in range(1, 31):
        batches = [(noisy(x), x) for x in np.array_split(rng.permutation(train), 50)]
        total = numpy_ae.train_epoch(model, loss, optimizer, batches)
        print(f"epoch {epoch:2}: loss per image {total / len(train):6.3f}")
    denoised = model(spoilt := noisy(test))
    before, after = (((x - test) ** 2).mean() for x in (spoilt, denoised))
    print(f"unseen digits, squared error per pixel: {before:.4f} noisy, {after:.4f} denoised")
    for digits in zip(spoilt[:5], denoised, test, strict=False):
        print(f"\n{'noisy':18}{'denoised':18}clean")
        for rows in zip(*(digit.reshape(8, 8) for digit in digits), strict=True):
            print("  ".join("".join(2 * SHADES[int(9.99 * p)] for p in row) for row in rows))


if __name__ == "__main__":
    main()
