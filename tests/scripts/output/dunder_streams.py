import sys

sys.stdout = None
print("to nobody")
sys.__stdout__.write("through __stdout__\n")
sys.stdout = sys.__stdout__
print("restored")
