import time


def main():
    try:
        time.sleep(60)
    finally:
        print("finally ran")
