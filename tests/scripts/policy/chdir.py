import os

before = os.getcwd()
try:
    os.chdir("/")
except PermissionError as error:
    _result = [type(error).__name__, str(error), os.getcwd() == before]
