def numbers():
    yield 1
    raise LookupError("ran dry")


print(next(it := numbers()))
next(it)
