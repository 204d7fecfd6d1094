import warnings

warnings.warn("old way")
print("after")
