class Failing:
    def __repr__(self):
        raise ValueError("no repr today")


_result = {"before": 1, "bad": Failing(), "after": 2}
