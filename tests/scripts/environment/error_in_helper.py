import qpy_test_helper


def main():
    return qpy_test_helper.fail("inside")
