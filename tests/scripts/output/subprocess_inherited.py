import subprocess

print("before", flush=True)
subprocess.run(["sh", "-c", "echo from the child; echo child error >&2"], check=True)
print("after")
