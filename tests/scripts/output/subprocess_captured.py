import subprocess

done = subprocess.run(["sh", "-c", "cat; echo err >&2; exit 3"], input="in\n", capture_output=True, text=True)
_result = [done.returncode, done.stdout, done.stderr]
