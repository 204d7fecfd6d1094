import argparse
import sys

arguments = argparse.ArgumentParser().parse_args()
_result = [vars(arguments), len(sys.argv)]
