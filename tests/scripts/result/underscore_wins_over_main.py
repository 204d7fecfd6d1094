_result = "global"


def main():
    print("called")
    return "returned"
