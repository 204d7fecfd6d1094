import subprocess

_result = subprocess.run(["pwd"], cwd="/", capture_output=True, text=True).stdout
