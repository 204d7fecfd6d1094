raise ValueError("x" * 5_000_000)
