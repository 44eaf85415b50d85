"""One mail over asyncio, by the C interface of sansmtp through ctypes.

    results = await send("mx.example", 25, "me@here.example", ["you@there.example"], content)

The shared library is the one that the environment names as SANSMTP_LIBRARY, else the system's
libsansmtp_c.so. There is no TLS here.
"""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import functools
import os
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p
from dataclasses import dataclass

MAIL_DONE = 15
NEVER = 2**63 - 1


class Bytes(Structure):
    _fields_ = [("data", c_void_p), ("size", c_size_t)]

    def __bytes__(self) -> bytes:
        return ctypes.string_at(self.data, self.size) if self.size else b""


class _Sized(Structure):
    """A struct that begins with its size; all else is zero, the default."""

    def __init__(self) -> None:
        super().__init__()
        self.size = ctypes.sizeof(self)


class Options(_Sized):
    _fields_ = [("size", c_size_t), ("local_name", Bytes)]  # an older version: that is enough


class Recipient(_Sized):
    _fields_ = [("size", c_size_t), ("address", Bytes)]


class Envelope(_Sized):
    _fields_ = [("size", c_size_t), ("sender", Bytes), ("parameters", c_void_p), ("parameter_count", c_size_t),
                ("recipients", POINTER(Recipient)), ("recipient_count", c_size_t)]


class Content(_Sized):
    _fields_ = [("size", c_size_t), ("kind", c_int32), ("flags", c_uint32), ("octets", Bytes)]


class Event(_Sized):
    _fields_ = [("size", c_size_t), ("kind", c_int32), ("stage", c_int32), ("id", c_uint64), ("recipient", c_uint32),
                ("outcome", c_int32), ("hint", c_int32), ("error", c_int32), ("category", c_int32), ("foreign", c_int32),
                ("tls", c_uint32), ("code", c_uint16), ("status", c_uint16 * 3), ("result_count", c_uint32)]


class _Result(_Sized):
    _fields_ = [("size", c_size_t), ("address", Bytes), ("outcome", c_int32), ("stage", c_int32), ("error", c_int32),
                ("category", c_int32), ("hint", c_int32), ("code", c_uint16), ("status", c_uint16 * 3),
                ("reserved", c_uint32), ("text", Bytes)]


@functools.cache
def _load() -> ctypes.CDLL:
    name = os.environ.get("SANSMTP_LIBRARY") or ctypes.util.find_library("sansmtp_c") or "libsansmtp_c.so"
    lib = ctypes.CDLL(name)
    handle = c_void_p
    for function, *arguments in (
            ("create", POINTER(Options), POINTER(handle)), ("destroy", handle), ("connected", handle, c_int64, Bytes, Bytes),
            ("receive", handle, c_int64, c_char_p, c_size_t), ("receive_end", handle, c_int64, c_int32, c_int32),
            ("sent", handle, c_int64, c_size_t), ("advance", handle, c_int64),
            ("output", handle, c_int64, POINTER(Bytes), POINTER(c_size_t)), ("deadline", handle),
            ("next_event", handle, POINTER(Event)), ("result", handle, c_size_t, POINTER(_Result)),
            ("send", handle, POINTER(Envelope), POINTER(Content), POINTER(c_uint64)), ("quit", handle), ("closed", handle)):
        getattr(lib, "sansmtp_session_" + function).argtypes = arguments
    lib.sansmtp_session_deadline.restype = c_int64
    for function in ("errc_name", "outcome_name"):
        getattr(lib, "sansmtp_" + function).argtypes = [c_int32]
        getattr(lib, "sansmtp_" + function).restype = c_char_p
    return lib


@dataclass(frozen=True)
class Result:
    """What became of one recipient."""

    address: str
    outcome: str  # "delivered", "rejected", "deferred", "not_attempted" or "in_doubt"
    error: str    # "none", or a condition such as "refused_permanently"
    code: int     # of the deciding reply; 0: there was none
    text: str     # of that reply

    @property
    def delivered(self) -> bool:
        return self.outcome == "delivered"


class MailProtocol(asyncio.Protocol):
    """Pumps one session, which sends one mail and says QUIT."""

    def __init__(self, sender: str, recipients: list[str], content: bytes, local_name: str) -> None:
        self._lib = _load()
        self._kept: list[ctypes.Array] = []  # what the session may still read
        self.done: asyncio.Future[list[Result]] = asyncio.get_running_loop().create_future()
        self._results: list[Result] = []
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        options = Options()
        options.local_name = self._octets(local_name.encode())
        self._session = c_void_p()
        error = self._lib.sansmtp_session_create(byref(options), byref(self._session))
        self._check(error)
        to = (Recipient * len(recipients))()
        for one, address in zip(to, recipients):
            one.size = ctypes.sizeof(Recipient)
            one.address = self._octets(address.encode())
        envelope = Envelope()
        envelope.sender = self._octets(sender.encode())
        envelope.recipients = to
        envelope.recipient_count = len(recipients)
        what = Content()
        what.octets = self._octets(content)  # borrowed: kept until the protocol goes
        self._check(self._lib.sansmtp_session_send(self._session, byref(envelope), byref(what), None))
        self._check(self._lib.sansmtp_session_quit(self._session))

    def _octets(self, octets: bytes) -> Bytes:
        block = ctypes.create_string_buffer(octets, len(octets) or 1)
        self._kept.append(block)
        return Bytes(ctypes.addressof(block), len(octets))

    def _check(self, error: int) -> None:
        if error:
            self._lib.sansmtp_session_destroy(self._session)  # None is fine
            self._session = c_void_p()
            raise ValueError(self._lib.sansmtp_errc_name(error).decode())

    @staticmethod
    def _now() -> int:
        return int(asyncio.get_running_loop().time() * 1e9)

    # -- asyncio.Protocol ------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._check(self._lib.sansmtp_session_connected(self._session, self._now(), Bytes(), Bytes()))
        self._pump()

    def data_received(self, data: bytes) -> None:
        self._lib.sansmtp_session_receive(self._session, self._now(), data, len(data))
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        number = getattr(exc, "errno", None) or (0 if exc is None else 104)
        self._transport = None
        self._lib.sansmtp_session_receive_end(self._session, self._now(), 0, number)
        self._pump()
        if self._timer is not None:
            self._timer.cancel()
        self._lib.sansmtp_session_destroy(self._session)
        self._session = c_void_p()
        if not self.done.done():
            self.done.set_result(self._results)

    # -- the loop --------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Writes all that is offered and takes all events, until there is neither."""
        event = Event()
        slices = (Bytes * 64)()
        while True:
            count = c_size_t(len(slices))
            self._lib.sansmtp_session_output(self._session, self._now(), slices, byref(count))
            wrote = b"".join(bytes(s) for s in slices[:count.value])
            if wrote and self._transport is not None:
                self._transport.write(wrote)  # asyncio keeps what the socket does not take
            if wrote:
                self._lib.sansmtp_session_sent(self._session, self._now(), len(wrote) if self._transport else 0)
            told = False
            while self._lib.sansmtp_session_next_event(self._session, byref(event)) == 1:
                told = True
                if event.kind == MAIL_DONE:
                    self._take_results(event.result_count)
            if not told and (not wrote or self._transport is None):
                break
        if self._lib.sansmtp_session_closed(self._session):
            if self._transport is not None:
                if self._transport.get_write_buffer_size():
                    self._transport.abort()  # close() would wait for a server that does not read
                else:
                    self._transport.close()
            return
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._lib.sansmtp_session_deadline(self._session)
        if deadline != NEVER:
            self._timer = asyncio.get_running_loop().call_at(deadline / 1e9 + 0.001, self._time)

    def _time(self) -> None:
        self._lib.sansmtp_session_advance(self._session, self._now())
        self._pump()

    def _take_results(self, count: int) -> None:
        for i in range(count):
            r = _Result()
            self._check(self._lib.sansmtp_session_result(self._session, i, byref(r)))
            self._results.append(Result(bytes(r.address).decode("utf-8", "replace"),
                                        self._lib.sansmtp_outcome_name(r.outcome).decode(),
                                        self._lib.sansmtp_errc_name(r.error).decode(), r.code,
                                        bytes(r.text).decode("utf-8", "replace")))


async def send(host: str, port: int, sender: str, recipients: list[str], content: bytes, *,
               local_name: str = "client.example") -> list[Result]:
    """Sends one mail; a result for each recipient. OSError if there is no connection, ValueError,
    once connected, for what the library refuses."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(
        lambda: MailProtocol(sender, recipients, content, local_name), host, port)
    try:
        return await protocol.done
    finally:
        transport.abort()  # whoever gives up leaves no session behind; nothing happens if it is over
