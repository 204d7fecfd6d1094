from collections import OrderedDict, defaultdict, namedtuple

Pair = namedtuple("Pair", "a b")
counts = defaultdict(int)
counts["n"] += 1
_result = {"tuple": (1, (2,)), "named": Pair(1, 2), "ordered": OrderedDict(z=1, a=2), "default": counts, "empty": [{}, []]}
