"""What a failing disk, a cut connection and a hostile hand make of bytes."""

from collections.abc import Callable

from numpy.random import Generator

Mutation = Callable[[Generator, bytes], bytes]


def _place(rng: Generator, data: bytes) -> tuple[int, int]:
    """Return the start and the stop of a piece of the data, mostly a short one."""
    start = int(rng.integers(0, len(data) + 1))
    length = int(rng.integers(1, 9)) if rng.random() < 0.8 else int(rng.integers(0, len(data) + 1))
    return start, min(start + length, len(data))


def flip_a_bit(rng: Generator, data: bytes) -> bytes:
    """Flip one bit."""
    if not data:
        return data
    place = int(rng.integers(len(data)))
    return data[:place] + bytes([data[place] ^ 1 << int(rng.integers(8))]) + data[place + 1 :]


def overwrite(rng: Generator, data: bytes) -> bytes:
    """Put chance bytes in place of a piece."""
    start, stop = _place(rng, data)
    return data[:start] + rng.bytes(stop - start) + data[stop:]


def blank(rng: Generator, data: bytes) -> bytes:
    """Put zeros in place of a piece, as a disk does of a page that it lost."""
    start, stop = _place(rng, data)
    return data[:start] + bytes(stop - start) + data[stop:]


def leave_out(rng: Generator, data: bytes) -> bytes:
    """Leave out a piece."""
    start, stop = _place(rng, data)
    return data[:start] + data[stop:]


def repeat(rng: Generator, data: bytes) -> bytes:
    """Have a piece twice."""
    start, stop = _place(rng, data)
    return data[:stop] + data[start:]


def cut_off(rng: Generator, data: bytes) -> bytes:
    """End early."""
    return data[: int(rng.integers(0, len(data) + 1))]


def go_on(rng: Generator, data: bytes) -> bytes:
    """Have chance bytes at the end."""
    return data + rng.bytes(int(rng.integers(1, 20)))


MUTATIONS: tuple[Mutation, ...] = (
    flip_a_bit,
    flip_a_bit,
    overwrite,
    blank,
    leave_out,
    repeat,
    cut_off,
    go_on,
)


def mutate(rng: Generator, data: bytes) -> bytes:
    """Return the data after one to three mutations; now and then they cancel out."""
    for _ in range(rng.integers(1, 4)):
        data = MUTATIONS[rng.integers(len(MUTATIONS))](rng, data)
    return data
