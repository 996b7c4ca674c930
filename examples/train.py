"""Train the autoencoder by hand on small handwritten digits, and see it work: NumPy alone, and scikit-learn's digits.

python -m examples.train
"""

import numpy as np
from sklearn.datasets import load_digits

import numpy_ae

SHADES = " .:-=+*#%@"


def main() -> None:
    """Train for 30 epochs; print the loss, then test digits noisy, denoised and clean, side by side."""
    rng = np.random.default_rng(0)
    images = (load_digits().data / 16).astype(np.float32)  # (1797, 64), pixels in [0, 1]
    train, test = images[:1600], images[1600:]

    def noisy(clean: np.ndarray) -> np.ndarray:
        spoilt: np.ndarray = np.clip(clean + 0.3 * rng.standard_normal(clean.shape, np.float32), 0, 1)
        return spoilt

    model = numpy_ae.Autoencoder(latent_dim=10, hidden_dim=200, input_dim=64, rng=rng)
    loss, optimizer = numpy_ae.SumSquaredError(), numpy_ae.Adam(model.parameters())
    for epoch in range(1, 31):
        batches = np.array_split(rng.permutation(train), 50)
        total = numpy_ae.train_epoch(model, loss, optimizer, [(noisy(clean), clean) for clean in batches])
        print(f"epoch {epoch:2}: loss per image {total / len(train):6.3f}")

    spoilt = noisy(test[:5])
    for digits in zip(spoilt, model(spoilt), test, strict=False):
        print(f"\n{'noisy':18}{'denoised':18}clean")
        for rows in zip(*(digit.reshape(8, 8) for digit in digits), strict=True):
            print("  ".join("".join(2 * SHADES[int(9.99 * pixel)] for pixel in row) for row in rows))


if __name__ == "__main__":
    main()
