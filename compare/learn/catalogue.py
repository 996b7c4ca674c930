"""The exercises, in their order."""

from pathlib import Path
from typing import NamedTuple

from compare.check.kinds import LOSS
from compare.errors import UserError
from compare.learn.adam_task import adam_task
from compare.learn.gaussian_tasks import divergence_tasks, draw_tasks
from compare.learn.layer_tasks import layer_task
from compare.learn.network_task import network_task
from compare.learn.noise_task import noise_task
from compare.learn.softmax_task import softmax_tasks
from compare.learn.tasks import Task
from compare.learn.training_task import training_task

TEMPLATES = Path(__file__).parent / "exercises"


class Exercise(NamedTuple):
    """One file, and the functions to write in it."""

    name: str  # of the file, without its ending
    tasks: tuple[Task, ...]
    extra: bool = False  # not needed for all to be finished

    @property
    def number(self) -> str:
        """How it is called for short: "08"."""
        return self.name.partition("_")[0]

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.name}.py"

    @property
    def template(self) -> bytes:
        """What the file begins as."""
        return (TEMPLATES / self.file).read_bytes()


EXERCISES = (
    Exercise("01_linear_forward", (layer_task("linear_forward", "Linear.forward"),)),
    Exercise("02_relu_forward", (layer_task("relu_forward", "ReLU.forward"),)),
    Exercise("03_sigmoid_forward", (layer_task("sigmoid_forward", "Sigmoid.forward"),)),
    Exercise("04_loss_forward", (layer_task("loss_forward", f"{LOSS}.forward"),)),
    Exercise("05_loss_backward", (layer_task("loss_backward", f"{LOSS}.backward"),)),
    Exercise("06_sigmoid_backward", (layer_task("sigmoid_backward", "Sigmoid.backward"),)),
    Exercise("07_relu_backward", (layer_task("relu_backward", "ReLU.backward"),)),
    Exercise("08_linear_backward", (layer_task("linear_backward", "Linear.backward"),)),
    Exercise("09_network_backward", (network_task(),)),
    Exercise("10_adam_step", (adam_task(),)),
    Exercise("11_add_noise", (noise_task(),)),
    Exercise("12_train_step", (training_task(),)),
    Exercise("13_softmax_cross_entropy", softmax_tasks(), extra=True),
    Exercise("14_reparameterise", draw_tasks(), extra=True),
    Exercise("15_kl", divergence_tasks(), extra=True),
)


def find(name: str) -> Exercise:
    """Return the exercise called so: "8", "08", "linear_backward", "08_linear_backward.py"."""
    wanted = name.removesuffix(".py")
    for exercise in EXERCISES:
        number, function = exercise.number, exercise.name.partition("_")[2]
        if wanted in (exercise.name, function, number, number.lstrip("0")):
            return exercise
    first, last = EXERCISES[0].name, EXERCISES[-1].name
    raise UserError(f"there is no exercise {name!r}; the first is {first}, the last {last}")
