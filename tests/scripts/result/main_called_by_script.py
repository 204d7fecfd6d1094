def main():
    print("once")
    return 1


main()
