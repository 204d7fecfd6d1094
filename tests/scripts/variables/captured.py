number = 3
text = "a"
_private = 1
__dunder__ = 2


def helper():
    pass


class Failing:
    def __repr__(self):
        raise RuntimeError("no repr")


failing = Failing()
