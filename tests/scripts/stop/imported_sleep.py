from time import sleep as nap

nap(60)
