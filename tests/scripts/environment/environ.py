import os
import subprocess

os.environ["QPY_TEST_NEW"] = "from the script"
child = subprocess.run(["sh", "-c", "echo $QPY_TEST_NEW-$QPY_TEST_GIVEN"], capture_output=True, text=True)
popen = os.popen("echo $QPY_TEST_NEW").read()
_result = [os.environ["QPY_TEST_GIVEN"], os.getenv("QPY_TEST_NEW"), child.stdout, popen, "PATH" in os.environ]
