"""A docstring that says main() and if __name__ == "__main__"."""


# main()
def helper():
    return main()


def main():
    return "called by the engine"
