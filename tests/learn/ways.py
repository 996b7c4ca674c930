"""The right ways to do each exercise: what is here, no person who learns should see."""

from pathlib import Path

from compare.learn.catalogue import EXERCISES

SOLUTIONS = Path(__file__).parent / "solutions"
WAYS = [path for exercise in EXERCISES for path in sorted((SOLUTIONS / exercise.name).glob("*.py"))]


def ways(exercise: str) -> list[Path]:
    """Return the files in which an exercise is done rightly, each in another way."""
    return [path for path in WAYS if path.parent.name == exercise]
