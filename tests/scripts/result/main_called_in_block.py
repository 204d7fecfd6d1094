def main():
    print("once")


for _ in range(1):
    try:
        main()
    finally:
        pass
