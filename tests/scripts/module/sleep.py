import time

import qntx

start = time.monotonic()
qntx.sleep(0.05)
time.sleep(0.05)
qntx.sleep(0)
elapsed = time.monotonic() - start
errors = []
for sleep in (qntx.sleep, time.sleep):
    for seconds in (-1, "1", float("nan")):
        try:
            sleep(seconds)
            errors.append("accepted")
        except (TypeError, ValueError) as error:
            errors.append(type(error).__name__)
_result = [0.099 <= elapsed < 2, errors, qntx.cancelled()]
