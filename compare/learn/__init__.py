"""Exercises: write every function of the network yourself, and be told what is wrong."""
