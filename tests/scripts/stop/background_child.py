import subprocess

subprocess.run("sleep 20 &", shell=True, check=True)
_result = "went on"
