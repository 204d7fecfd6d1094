def main():
    print("once")
    return 2


_result = main() + 1
