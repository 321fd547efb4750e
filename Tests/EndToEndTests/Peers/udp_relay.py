"""A bad way between UDP peers: everything that comes in at its port goes to the one given, and back.

udp_relay.py TARGET_PORT [DELAY_MS [LOSS_PERCENT [SEED]]]

Each datagram is late by DELAY_MS in each direction, and LOSS_PERCENT of them are lost, always the same ones of a row for the same seed. With SIGUSR1
the way goes dead, with SIGUSR2 it comes back. The first line of output is the port it listens at. On others it says `late SECONDS` when a datagram left
later than it was due, by more than any before it.
"""

import heapq
import random
import selectors
import signal
import socket
import sys
import time

target = ("127.0.0.1", int(sys.argv[1]))
delay = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.0
loss = float(sys.argv[3]) / 100 if len(sys.argv) > 3 else 0.0
chance = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
dead = False


def switch(number, _frame):
    global dead
    dead = number == signal.SIGUSR1
    print("dead" if dead else "alive", flush=True)


def bound():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


signal.signal(signal.SIGUSR1, switch)
signal.signal(signal.SIGUSR2, switch)
door = bound()
selector = selectors.DefaultSelector()
selector.register(door, selectors.EVENT_READ)
# For each peer a socket of its own towards the target.
outward = {}
inward = {}
waiting = []
count = 0
lateness = 0.1
print(door.getsockname()[1], flush=True)


def put(through, datagram, to):
    global count
    if dead or chance.random() < loss:
        return
    count += 1
    heapq.heappush(waiting, (time.monotonic() + delay, count, through, datagram, to))


def take(from_socket):
    while True:
        try:
            datagram, peer = from_socket.recvfrom(2048)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            continue
        if from_socket is door:
            if peer not in outward:
                made = bound()
                outward[peer] = made
                inward[made] = peer
                selector.register(made, selectors.EVENT_READ)
            put(outward[peer], datagram, target)
        else:
            put(door, datagram, inward[from_socket])


while True:
    limit = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
    for key, _ in selector.select(limit):
        take(key.fileobj)
    while waiting and waiting[0][0] <= time.monotonic():
        due, _, through, datagram, to = heapq.heappop(waiting)
        if dead:
            continue
        if time.monotonic() - due > lateness:
            lateness = time.monotonic() - due
            print(f"late {lateness:.3f}", flush=True)
        try:
            through.sendto(datagram, to)
        except (BlockingIOError, ConnectionRefusedError):
            pass
