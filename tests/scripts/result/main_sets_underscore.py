def main():
    global _result
    _result = "set by main"
    return "returned"
