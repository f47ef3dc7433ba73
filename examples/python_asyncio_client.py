"""Waits for many tasks at once with asyncio. Needs a running service."""

import asyncio

from atropos_client import AsyncClient


async def run(client: AsyncClient, rows: int) -> None:
    """Submit a task and print its result once it is there."""
    task = await client.submit("data_processing", {"rows": rows})
    ended = await client.wait(task["task_id"], timeout=60)
    print(rows, ended["result"])


async def main() -> None:
    """Run three tasks beside each other."""
    async with AsyncClient() as client:
        await asyncio.gather(*(run(client, rows) for rows in (10, 20, 30)))


asyncio.run(main())
