"""Deciding, purely: no clock, no randomness, no I/O but what is passed in."""
