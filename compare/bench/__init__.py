"""The benchmark: one training step, and whole trainings, of NumPy and of torch in its ways."""
