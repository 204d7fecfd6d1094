import inspect


def area(r):
    return 3 * r * r


class Shape:
    sides = 0


_result = [inspect.getsource(area), inspect.getsource(Shape).splitlines()[0], inspect.getsourcelines(area)[1]]
