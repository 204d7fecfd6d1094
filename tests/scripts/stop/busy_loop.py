print("started")
attest(["s"], ["before the loop"], ["c"])


def spin():
    n = 0
    while True:
        n += 1


def main():
    spin()
