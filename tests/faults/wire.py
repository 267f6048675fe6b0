"""The way from the operator to each host's sshd: a TCP relay that can be held, cut and shut."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping

from faults.inside import enter_network

SSH = 22


class Wire:
    """Relays 127.0.0.1:PORT inside the lab to a host's sshd; counts the bytes of both ways."""

    def __init__(self, network: str, hosts: Mapping[str, str]) -> None:
        """`hosts` is address by name; ports are given out from FIRST up, in that order."""
        self.ports = {name: 2201 + number for number, name in enumerate(hosts)}
        self.shut: set[str] = set()
        self._hosts = hosts
        self._network = network
        self._armed: Armed | None = None
        self._writers: dict[str, set[asyncio.StreamWriter]] = {name: set() for name in hosts}
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wire", daemon=True)
        self._thread.start()
        assert self._ready.wait(10), "the relay does not listen"

    def arm(self, host: str, at: int) -> Armed:
        """Hold that host's traffic once `at` more bytes have gone over, in either direction."""
        self._armed = Armed(host, at)
        return self._armed

    def disarm(self) -> None:
        armed, self._armed = self._armed, None
        if armed:
            armed.release()

    def cut(self, host: str, *, stay: bool) -> None:
        """Break every connection to the host; with `stay`, until it is opened again."""
        if stay:
            self.shut.add(host)
        self._loop.call_soon_threadsafe(self._abort, host)

    def _abort(self, host: str) -> None:
        for writer in self._writers[host]:
            writer.transport.abort()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        enter_network(self._network)
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(lambda *_: None)  # connections break here on purpose
        for name in self._hosts:
            self._loop.run_until_complete(self._listen(name))
        self._ready.set()
        self._loop.run_forever()

    async def _listen(self, name: str) -> None:
        async def serve(down: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
            await self._relay(name, down, back)

        await asyncio.start_server(serve, "127.0.0.1", self.ports[name])

    async def _relay(
        self, name: str, down: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        try:
            if name in self.shut:
                return
            up, onward = await asyncio.open_connection(self._hosts[name], SSH)
            self._writers[name] |= {back, onward}
            ways = (self._pump(name, down, onward), self._pump(name, up, back))
            await asyncio.gather(*ways, return_exceptions=True)
            onward.close()
            self._writers[name] -= {back, onward}
        except OSError:
            back.transport.abort()
        finally:
            back.close()

    async def _pump(
        self, name: str, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        try:
            while data := await source.read(65536):
                armed = self._armed
                if armed and armed.host == name and armed.due(len(data)):
                    first = armed.left()
                    sink.write(data[:first])
                    await sink.drain()
                    await asyncio.to_thread(armed.hold)
                    data = data[first:]
                sink.write(data)
                await sink.drain()
        finally:
            sink.close()


class Armed:
    """One moment on the wire."""

    def __init__(self, host: str, at: int) -> None:
        self.host, self.at, self.passed = host, at, 0
        self.struck, self._go = threading.Event(), threading.Event()
        self._left = 0

    def due(self, more: int) -> bool:
        """Counts `more` bytes; is the moment among them?"""
        before, self.passed = self.passed, self.passed + more
        self._left = self.at - before
        return not self.struck.is_set() and self.passed >= self.at

    def left(self) -> int:
        """How many of the bytes counted last still go over."""
        return self._left

    def hold(self) -> None:
        self.struck.set()
        self._go.wait(60)

    def release(self) -> None:
        self._go.set()
