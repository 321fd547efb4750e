"""Publishes in real time a picture that says when it was made: milliseconds since 1970, modulo 2^32, as 32 black or white blocks, and their sum as 8 more.

  clock_publisher.py URL

Blocks are 32 x 32 pixels, ten in a row, the most significant bit first. The encoder is an ffmpeg that delays nothing, with a keyframe every two seconds.
There is no sound: ffmpeg would hold each picture back until sound of the same time is there, and that wait would be measured too.
"""

import subprocess
import sys
import time

RATE, COLUMNS, ROWS, SIZE = 25, 10, 4, 32
WIDTH, HEIGHT = COLUMNS * SIZE, ROWS * SIZE
BLOCKS = {"0": b"\x10" * SIZE, "1": b"\xeb" * SIZE}
COLOURLESS = b"\x80" * (WIDTH * HEIGHT // 2)


def picture(milliseconds):
    stamp = milliseconds % (1 << 32)
    bits = format(stamp, "032b") + format(sum(stamp.to_bytes(4, "big")) % 256, "08b")
    rows = (b"".join(BLOCKS[bit] for bit in bits[row * COLUMNS:(row + 1) * COLUMNS]) * SIZE for row in range(ROWS))
    return b"".join(rows) + COLOURLESS


def main():
    command = [
        "ffmpeg", "-v", "warning", "-fflags", "nobuffer", "-probesize", "32", "-f", "rawvideo", "-pix_fmt", "yuv420p",
        "-video_size", f"{WIDTH}x{HEIGHT}", "-framerate", str(RATE), "-i", "pipe:0",
        "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-threads", "1", "-g", str(2 * RATE), "-keyint_min", str(2 * RATE),
        "-crf", "26", "-f", "flv", sys.argv[1],
    ]
    encoder = subprocess.Popen(command, stdin=subprocess.PIPE)
    began = time.monotonic()
    number = 0
    try:
        while encoder.poll() is None:
            due = began + number / RATE
            time.sleep(max(0, due - time.monotonic()))
            encoder.stdin.write(picture(time.time_ns() // 1_000_000))
            encoder.stdin.flush()
            number += 1
    except BrokenPipeError:
        pass
    sys.exit(encoder.wait())


main()
