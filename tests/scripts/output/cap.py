print("first line")
line = "x" * 99
for _ in range(30_000):
    print(line)
print("last line")
