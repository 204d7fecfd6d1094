long = "é" * 1500
fits = "x" * 998
