class Grows:
    def __repr__(self):
        data["more" + str(len(data))] = 1
        return "grows"


data = {"a": Grows(), "b": Grows()}
_result = data
