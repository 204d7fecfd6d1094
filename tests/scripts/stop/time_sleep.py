import time


def main():
    print("asleep", flush=True)
    time.sleep(60)
    print("never")
