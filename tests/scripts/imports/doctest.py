"""
>>> double(4)
8
"""
import doctest


def double(n):
    """
    >>> double(2)
    4
    """
    return 2 * n


_result = list(doctest.testmod())
