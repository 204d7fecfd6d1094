def main():
    print("once")
    return "dropped, as by python3"


if __name__ == "__main__":
    main()
