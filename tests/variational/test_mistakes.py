"""The mistakes of docs/vae.md are faults that the check has to catch."""

from tests.variational.mistakes import MISTAKES, fault


def test_each_mistake_is_a_fault_of_the_variational_autoencoder() -> None:
    assert {fault(name).model for name in MISTAKES.values()} == {"vae"}
