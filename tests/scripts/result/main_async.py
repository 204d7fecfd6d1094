import asyncio


async def main():
    await asyncio.sleep(0.001)
    return "from the loop"
