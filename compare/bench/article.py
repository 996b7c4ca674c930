"""The article's loop: torchvision's ToTensor image by image, a DataLoader, torch's default Adam."""

from collections.abc import Iterator

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import ToTensor

from compare.bench.torch_variants import Tensors, TorchVariant
from compare.data.batches import Images


class Pictures(Dataset[torch.Tensor]):
    """Images as `torchvision.datasets.MNIST` gives them out: through PIL, one by one."""

    def __init__(self, images: Images) -> None:
        self.images = torch.as_tensor(images)
        self.transform = ToTensor()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.images)

    def __getitem__(self, index: int) -> torch.Tensor:
        """Return image `index`, (1, height, width) float32 in [0, 1]."""
        tensor: torch.Tensor = self.transform(Image.fromarray(self.images[index].numpy()))
        return tensor


class ArticleLoop(TorchVariant):
    """`torch_ae`'s eager step on what the loader gives."""

    def load(self, images: Images) -> None:
        """Take the images (n, height, width) of the training."""
        torch.manual_seed(self.config.seed)
        pictures = Pictures(images)
        self.loader = DataLoader(pictures, batch_size=self.config.batch_size, shuffle=True)

    def batches(self, epoch: int) -> Iterator[Tensors]:
        """Yield the noisy and the clean batches of one epoch."""
        for pictures in self.loader:
            clean = pictures.view(len(pictures), -1).to(self.device)
            noisy = clean + self.config.noise * torch.randn_like(clean)
            yield (noisy.clamp(0, 1) if self.config.clip else noisy), clean
