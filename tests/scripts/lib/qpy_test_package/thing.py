NAME = "thing"
