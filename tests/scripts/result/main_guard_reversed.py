def main():
    print("once")


if "__main__" == __name__:
    print("guarded")
    main()
