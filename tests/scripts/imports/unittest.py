import unittest


class Sums(unittest.TestCase):
    def test_right(self):
        self.assertEqual(1 + 1, 2)

    def test_wrong(self):
        self.assertEqual(1 + 1, 3)


outcome = unittest.main(argv=["sums"], exit=False).result
_result = [outcome.testsRun, len(outcome.failures)]
