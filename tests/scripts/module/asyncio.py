import asyncio

import qntx


async def attest_one(n):
    await asyncio.sleep(0)
    return (await asyncio.to_thread(qntx.attest, [f"s:{n}"], ["p"], ["c"]))["id"]


async def main():
    return len(set(await asyncio.gather(*(attest_one(n) for n in range(20)))))
