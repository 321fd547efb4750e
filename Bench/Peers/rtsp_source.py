"""An RTSP source for many clients: GStreamer's server on a port of the kernel's choice, which it writes to stdout.

One mount, one film, read once and shared by all clients, in real time and over and over: what is measured is who pulls, so the source must cost
little. Debian: gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base -good -bad python3-gi ffmpeg
"""

import subprocess
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


class Film(GstRtspServer.RTSPMediaFactory):
    """H.264 and AAC of one file, as they are."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.reader = None
        self.set_shared(True)
        self.set_protocols(GstRtsp.RTSPLowerTrans.TCP)

    def do_create_element(self, url):
        # The last client has gone and a new one has come.
        if self.reader:
            self.reader.kill()
            self.reader.wait()
        command = ["ffmpeg", "-nostdin", "-v", "fatal", "-stream_loop", "-1", "-i", self.path, "-c", "copy", "-f", "matroska"]
        command += ["-cluster_time_limit", "100", "-flush_packets", "1", "pipe:1"]
        self.reader = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        return Gst.parse_launch(
            f"( fdsrc fd={self.reader.stdout.fileno()} ! matroskademux name=film "
            "film.video_0 ! queue ! h264parse ! rtph264pay config-interval=-1 name=pay0 pt=96 "
            "film.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )"
        )


def main():
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    server.get_mount_points().add_factory("/film", Film(sys.argv[1]))
    if server.attach(None) == 0:
        sys.exit("no port is free")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


main()
