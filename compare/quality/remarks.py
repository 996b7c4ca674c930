"""What measured quality shows that a reader would not expect, each with its reason."""

from compare.quality.questions import Quality


def remarks(latent_dim: int, quality: Quality) -> list[str]:
    """Return a sentence for every simpler method that is better than each trained network."""
    pixels, neighbours = quality["pixels"], quality["neighbours"]
    networks = [name for name in neighbours if name != "PCA"]
    found = []
    wiener = pixels["Wiener filter"]["denoised"]["mse"]
    if wiener < min(pixels[name]["denoised"]["mse"] for name in networks):
        found.append(
            "The Wiener filter, one matrix from all noisy pixels to all clean ones, denoises "
            f"better: it need not squeeze an image through {latent_dim} numbers."
        )
    if neighbours["PCA"]["clean_accuracy"] > max(
        neighbours[name]["clean_accuracy"] for name in networks
    ):
        found.append(
            "In PCA's latent, images of one class lie closer together (5-NN): training asks for a "
            "small error, not for that."
        )
    return found
