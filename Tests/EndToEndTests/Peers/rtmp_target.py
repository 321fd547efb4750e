"""An RTMP server that takes pushes, well or badly, on a port of the kernel's choice, which it writes to stdout.

Each argument says how one connection is treated, in their order; the last one holds for all that follow:

  take        as a good server does
  odd         the same, with transaction id 0 in every answer, onBWDone and other talk in between
  unread      accepts the publish and reads nothing afterwards
  refuse      NetStream.Publish.BadName
  vanish=2    resets the connection after two seconds of media
  close=2     closes it properly instead
  hole        the kernel takes no connection at all: SYNs are not answered

Behind the port one JSON object a line: {"event": "publish", "connection", "key"} and, when a connection is over, {"event": "closed", "connection",
"videos", "sounds", "startsAtKeyframe", "steps", "stepsBack"}: frames without their configurations, whether the first picture is a keyframe, the
different steps in milliseconds between pictures, and how often a time of pictures or sound went back. SIGUSR1 has it say so of those that are open.
"""

import json
import signal
import socket
import struct
import sys
import threading
import time

HANDSHAKE = 1536
LOCK = threading.Lock()
OPEN = {}


def say(event, **members):
    with LOCK:
        print(json.dumps({"event": event, **members}), flush=True)


def text(value):
    return b"\x02" + struct.pack(">H", len(value)) + value.encode()


def number(value):
    return b"\x00" + struct.pack(">d", value)


def information(**members):
    body = b"".join(struct.pack(">H", len(name)) + name.encode() + text(value) for name, value in members.items())
    return b"\x03" + body + b"\x00\x00\x09"


class Target:
    def __init__(self, connection, count, mode):
        self.socket = connection
        self.count = count
        self.mode, _, value = mode.partition("=")
        self.seconds = float(value or 0)
        self.chunk_size = 128
        self.chunks = {}
        self.buffer = b""
        self.videos = 0
        self.sounds = 0
        self.starts_at_keyframe = None
        self.steps = set()
        self.steps_back = 0
        self.times = {}
        self.first_media = None

    def read(self, count):
        while len(self.buffer) < count:
            piece = self.socket.recv(1 << 16)
            if not piece:
                raise ConnectionError("closed")
            self.buffer += piece
        piece, self.buffer = self.buffer[:count], self.buffer[count:]
        return piece

    def message(self):
        """The next whole message: type, timestamp, payload (RTMP 1.0, 5.3)."""
        while True:
            first = self.read(1)[0]
            form, channel = first >> 6, first & 63
            if channel == 0:
                channel = 64 + self.read(1)[0]
            elif channel == 1:
                low, high = self.read(2)
                channel = 64 + low + high * 256
            chunk = self.chunks.setdefault(channel, {"time": 0, "delta": 0, "length": 0, "type": 0, "payload": b""})
            begins = not chunk["payload"]
            if form < 3:
                chunk["field"] = int.from_bytes(self.read(3), "big")
                if form < 2:
                    chunk["length"] = int.from_bytes(self.read(3), "big")
                    chunk["type"] = self.read(1)[0]
                if form == 0:
                    self.read(4)
            value = chunk["field"]
            if value == 0xFFFFFF:
                value = int.from_bytes(self.read(4), "big")
            if form == 0:
                chunk["time"], chunk["delta"] = value, 0
            elif form < 3:
                chunk["delta"] = value
                chunk["time"] += value
            elif begins:
                chunk["time"] += chunk["delta"]
            size = min(self.chunk_size, chunk["length"] - len(chunk["payload"]))
            chunk["payload"] += self.read(size)
            if len(chunk["payload"]) == chunk["length"]:
                payload, chunk["payload"] = chunk["payload"], b""
                return chunk["type"], chunk["time"], payload

    def answer(self, *values, kind=20):
        payload = b"".join(values)
        self.socket.sendall(b"\x03\x00\x00\x00" + len(payload).to_bytes(3, "big") + bytes([kind]) + b"\x00\x00\x00\x00" + payload[:128])
        for start in range(128, len(payload), 128):
            self.socket.sendall(b"\xc3" + payload[start : start + 128])

    def run(self):
        try:
            self.read(1 + HANDSHAKE)
            self.socket.sendall(b"\x03" + bytes(HANDSHAKE) + bytes(HANDSHAKE))
            self.read(HANDSHAKE)
            while True:
                kind, moment, payload = self.message()
                if kind == 1:
                    self.chunk_size = int.from_bytes(payload, "big")
                elif kind == 20:
                    if not self.command(payload):
                        return
                elif kind in (8, 9):
                    self.media(kind == 9, moment, payload)
        except (ConnectionError, OSError):
            pass
        finally:
            OPEN.pop(self.count, None)
            self.socket.close()
            self.tell("closed")

    def command(self, payload):
        name = payload[3 : 3 + payload[2]].decode()
        rest = payload[3 + payload[2] :]
        transaction = 0 if self.mode == "odd" else struct.unpack(">d", rest[1:9])[0]
        if name == "connect":
            if self.mode == "odd":
                self.answer(text("onBWDone"), number(0), b"\x05", number(8192))
                self.answer(b"\x00\x20\x01\x02\x03\x04", kind=4)  # a user control event that nobody knows
            self.answer(text("_result"), number(transaction), information(fmsVer="X/1"), information(code="NetConnection.Connect.Success"))
        elif name == "createStream":
            if self.mode == "odd":
                self.answer(text("onBWDone"), number(0), b"\x05")
            self.answer(text("_result"), number(transaction), b"\x05", number(1))
        elif name == "publish":
            # Behind the transaction's nine bytes come null and the key.
            key = rest[13 : 13 + int.from_bytes(rest[11:13], "big")].decode()
            say("publish", connection=self.count, key=key)
            if self.mode == "refuse":
                self.answer(text("onStatus"), number(0), b"\x05", information(level="error", code="NetStream.Publish.BadName", description="no"))
            else:
                self.answer(text("onStatus"), number(0), b"\x05", information(level="status", code="NetStream.Publish.Start", description="go"))
            if self.mode == "unread":
                while True:
                    time.sleep(3600)
        elif name == "deleteStream":
            return False
        return True

    def media(self, is_video, moment, payload):
        if len(payload) > 1 and payload[1] == 0 and payload[0] in (0x17, 0xAF):
            return
        last = self.times.get(is_video)
        if last is not None and moment < last:
            self.steps_back += 1
        if is_video:
            if self.starts_at_keyframe is None:
                self.starts_at_keyframe = payload[0] >> 4 == 1
            elif last is not None:
                self.steps.add(moment - last)
            self.videos += 1
        else:
            self.sounds += 1
        self.times[is_video] = moment
        self.first_media = self.first_media or time.monotonic()
        if self.seconds and time.monotonic() - self.first_media >= self.seconds:
            if self.mode == "vanish":
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise ConnectionError("as told")

    def tell(self, event):
        say(
            event, connection=self.count, videos=self.videos, sounds=self.sounds, startsAtKeyframe=bool(self.starts_at_keyframe),
            steps=sorted(self.steps), stepsBack=self.steps_back)


def main():
    modes = sys.argv[1:]
    listener = socket.socket()
    if modes[0] in ("unread", "hole"):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind(("127.0.0.1", 0))
    listener.listen(0 if modes[0] == "hole" else 256)
    address = listener.getsockname()
    if modes[0] == "hole":
        # With its queue full the kernel lets further SYNs drop.
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
    signal.signal(signal.SIGUSR1, lambda *_: [target.tell("open") for target in list(OPEN.values())])
    print(address[1], flush=True)
    count = 0
    while modes[0] == "hole":
        signal.pause()
    while True:
        connection, _ = listener.accept()
        count += 1
        target = Target(connection, count, modes[min(count, len(modes)) - 1])
        OPEN[count] = target
        threading.Thread(target=target.run, daemon=True).start()


main()
