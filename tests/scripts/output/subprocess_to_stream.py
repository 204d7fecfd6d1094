import subprocess
import sys

with open("/dev/null", "w") as sink:
    subprocess.run(["echo", "nowhere"], stdout=sink, check=True)
_result = subprocess.check_output(["echo", "caught"], stderr=subprocess.STDOUT, text=True)
