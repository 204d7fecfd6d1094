import threading
from concurrent.futures import ThreadPoolExecutor

import qntx


def work(number):
    for n in range(50):
        qntx.attest([f"thread:{number}"], ["counted"], [f"n:{n}"])
    return threading.current_thread().name


with ThreadPoolExecutor(4) as pool:
    names = list(pool.map(work, range(4)))
claims = qntx.query(predicates=["counted"])
_result = [len(claims), len({claim["id"] for claim in claims}), len(names)]
