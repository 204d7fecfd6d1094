import copy
import dataclasses
import pickle
import typing


@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: "typing.Optional[int]" = None


point = Point(1, 2)
again = pickle.loads(pickle.dumps([point, Point]))
_result = [again[0] == point, again[1] is Point, copy.deepcopy(point) == point, repr(point), str(typing.get_type_hints(Point)["x"])]
