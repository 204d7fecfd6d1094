import sys


def main():
    print("before")
    sys.exit(3)
