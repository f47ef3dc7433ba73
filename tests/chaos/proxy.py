"""A TCP proxy whose links can be cut, stalled, slowed and reset; service.py puts our processes behind it."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

from atropos_cli.embedded.ports import free_port

#: With it a close sends RST at once and drops what was not sent (socket(7), SO_LINGER).
RESET = struct.pack("ii", 1, 0)


class Link:
    """A port on 127.0.0.1 that leads to another. Its methods may be called from any thread, and return at once."""

    def __init__(self, target: int, soon: Callable[..., object]) -> None:
        """`soon` calls a function in the proxy's thread."""
        self.port, self._target, self._soon = free_port(), target, soon
        self._requests_flow, self._answers_flow = asyncio.Event(), asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self._change(0.0, False, True, True)

    def restore(self) -> None:
        """Forward everything at once, what was held back first."""
        self._soon(self._change, 0.0, False, True, True)

    def slow(self, seconds: float) -> None:
        """Hold back each piece for so long."""
        self._soon(self._change, seconds, False, True, True)

    def stall(self, *, requests: bool = True) -> None:
        """Hold back what is sent, with the connections open; without `requests` only what is answered."""
        self._soon(self._change, 0.0, False, not requests, False)

    def cut(self) -> None:
        """Reset all connections, and do not forward new ones."""
        self._soon(self._change, 0.0, True, True, True)
        self.reset()

    def reset(self) -> None:
        """Break all connections off; new ones are forwarded."""
        self._soon(self._reset)

    def _change(self, delay: float, is_cut: bool, requests: bool, answers: bool) -> None:
        self._delay, self._is_cut = delay, is_cut
        for event, flows in ((self._requests_flow, requests), (self._answers_flow, answers)):
            (event.set if flows else event.clear)()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection, until either side or a fault ends it."""
        self._open.add(writer)
        try:
            if not self._is_cut:
                there, onward = await asyncio.open_connection("127.0.0.1", self._target)
                self._open.add(onward)
                requests = self._pump(reader, onward, self._requests_flow)
                await asyncio.gather(requests, self._pump(there, writer, self._answers_flow))
        except OSError:
            pass  # the target is away, or one side broke off: so does the other
        finally:
            self._close(writer)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, flows: asyncio.Event) -> None:
        try:
            while piece := await source.read(65_536):
                await asyncio.sleep(self._delay)
                await flows.wait()
                sink.write(piece)
                await sink.drain()
            await flows.wait()
        finally:
            self._close(sink)

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        writer.close()

    def _reset(self) -> None:
        for writer in self._open:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


class Proxy:
    """All links, in a thread of their own that ends with `close`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._servers: list[asyncio.Server] = []

    def link(self, target: int) -> Link:
        """A new link to a port of this machine."""
        link = Link(target, self._loop.call_soon_threadsafe)
        listening = asyncio.start_server(link.accept, "127.0.0.1", link.port)
        self._servers.append(asyncio.run_coroutine_threadsafe(listening, self._loop).result(10))
        return link

    def close(self) -> None:
        """Break everything off."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
