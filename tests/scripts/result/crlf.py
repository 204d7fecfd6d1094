if True:
    _result = """a
b"""
