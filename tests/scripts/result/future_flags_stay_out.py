# If the engine's own code leaked its __future__ flags, this annotation would not be evaluated.
try:

    def f(x: undefined_name):
        pass

    _result = [type(f.__annotations__).__name__]
except NameError as error:
    _result = str(error)
