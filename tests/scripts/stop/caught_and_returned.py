import time

import qntx


def main():
    try:
        time.sleep(60)
    except qntx.JobTimeout:
        return "partial result"
