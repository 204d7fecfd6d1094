try:
    {}["hidden"]
except KeyError:
    raise ValueError("shown") from None
