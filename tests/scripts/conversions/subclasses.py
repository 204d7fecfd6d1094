import enum


class Level(enum.IntEnum):
    HIGH = 3


class Text(str):
    pass


class Number(float):
    pass


_result = [Level.HIGH, Text("t"), Number(1.5), {Text("key"): 1}]
