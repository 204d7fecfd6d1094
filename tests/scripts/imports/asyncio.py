import asyncio


async def add(a, b):
    await asyncio.sleep(0.001)
    return a + b


async def work():
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(add(n, 1)) for n in range(3)]
    in_thread = await asyncio.to_thread(sum, [1, 2, 3])
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.01)
    except TimeoutError:
        return [task.result() for task in tasks] + [in_thread, "timed out"]


_result = asyncio.run(work())
