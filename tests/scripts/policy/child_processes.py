import os
import signal
import subprocess

child = subprocess.Popen(["sleep", "60"])
os.kill(child.pid, 0)
child.terminate()
_result = child.wait() == -signal.SIGTERM
