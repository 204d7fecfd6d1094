class Failing:
    def __del__(self):
        raise ValueError("in __del__")


thing = Failing()
del thing
print("after")
