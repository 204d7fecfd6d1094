import asyncio


async def main():
    child = await asyncio.create_subprocess_exec("echo", "from a child", stdout=asyncio.subprocess.PIPE)
    out, _ = await child.communicate()
    return [out.decode(), child.returncode]
