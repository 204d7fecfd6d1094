import threading


def work(number):
    for _ in range(100):
        print(f"line of {number}")


threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
