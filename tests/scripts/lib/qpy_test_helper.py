"""Imported by the cases in ../environment."""


def double(number):
    return 2 * number


def fail(text):
    raise ValueError(text)
