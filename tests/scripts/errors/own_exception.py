class Shop:
    class SoldOut(Exception):
        pass


raise Shop.SoldOut("apples")
