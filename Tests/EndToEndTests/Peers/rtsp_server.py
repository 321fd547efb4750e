"""A camera: GStreamer's RTSP server on a port of the kernel's choice, which it writes to stdout.

Every client gets the whole film from its beginning: ffmpeg reads (and if need be encodes) it into a pipe, GStreamer packs it into RTP and keeps
it at real time. Debian: gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base -good -bad python3-gi ffmpeg
"""

import argparse
import subprocess
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

VIDEO = {
    "h264": ("h264parse ! rtph264pay config-interval={interval}", ["libx264", "-preset", "ultrafast", "-tune", "zerolatency"]),
    "hevc": ("h265parse ! rtph265pay config-interval={interval}", ["libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=0"]),
    "vp8": ("rtpvp8pay", ["libvpx", "-deadline", "realtime", "-cpu-used", "8"]),
}
AUDIO = {
    "aac": ("aacparse ! rtpmp4gpay", ["aac", "-b:a", "96k"]),
    "latm": ("aacparse ! rtpmp4apay", ["aac", "-b:a", "96k"]),
    "pcma": ("rtppcmapay", ["pcm_alaw", "-ar", "8000", "-ac", "1"]),
    "pcmu": ("rtppcmupay", ["pcm_mulaw", "-ar", "8000", "-ac", "1"]),
    "l16": ("audioconvert ! audio/x-raw,format=S16BE ! rtpL16pay", ["pcm_s16le", "-ar", "44100", "-ac", "2"]),
    "opus": ("opusparse ! rtpopuspay", ["libopus", "-ar", "48000", "-b:a", "64k"]),
}
TRANSPORTS = {
    "tcp": GstRtsp.RTSPLowerTrans.TCP,
    "udp": GstRtsp.RTSPLowerTrans.UDP,
    "any": GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP,
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", default=0, type=int, help="0: the kernel's choice")
    parser.add_argument("--path", default="/cam")
    parser.add_argument("--video", default="h264", choices=[*VIDEO, "none"])
    parser.add_argument("--audio", default="aac", choices=[*AUDIO, "none"])
    parser.add_argument("--file", help="a film instead of a test picture; its video is of the given codec, and so is its audio if that is aac")
    parser.add_argument("--encode", action="store_true", help="encode the film's video too")
    parser.add_argument("--once", action="store_true", help="the film is not repeated")
    parser.add_argument("--no-parameter-sets", action="store_true", help="only in the session description, not before each keyframe")
    parser.add_argument("--transport", default="any", choices=TRANSPORTS)
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--auth", default="digest", choices=["digest", "basic"])
    return parser.parse_args()


def source_command(options):
    command = ["ffmpeg", "-nostdin", "-v", "error"]
    if options.file:
        command += [] if options.once else ["-stream_loop", "-1"]
        command += ["-i", options.file]
        audio_input = 0
    else:
        command += ["-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-f", "lavfi", "-i", "sine=f=440:r=48000"]
        audio_input = 1
    if options.video != "none":
        command += ["-map", "0:v:0"]
        if options.file and not options.encode:
            command += ["-c:v", "copy"]
        else:
            command += ["-c:v", *VIDEO[options.video][1], "-pix_fmt", "yuv420p", "-g", "25", "-b:v", "600k"]
    if options.audio != "none":
        command += ["-map", f"{audio_input}:a:0"]
        command += ["-c:a", "copy"] if options.file and options.audio in ("aac", "latm") else ["-c:a", *AUDIO[options.audio][1]]
    return command + ["-f", "matroska", "-cluster_time_limit", "100", "-flush_packets", "1", "pipe:1"]


def pipeline(options, descriptor):
    text = f"fdsrc name=source fd={descriptor} ! matroskademux name=film"
    payloaders = []
    if options.video != "none":
        payloaders.append(("film.video_0", VIDEO[options.video][0].format(interval=0 if options.no_parameter_sets else -1)))
    if options.audio != "none":
        payloaders.append(("film.audio_0", AUDIO[options.audio][0]))
    for index, (pad, payloader) in enumerate(payloaders):
        text += f" {pad} ! queue ! {payloader} name=pay{index} pt={96 + index}"
    return f"( {text} )"


class Camera(GstRtspServer.RTSPMediaFactory):
    def __init__(self, options):
        super().__init__()
        self.options = options
        self.sources = {}
        self.lock = threading.Lock()
        self.set_protocols(TRANSPORTS[options.transport])
        self.connect("media-configure", self.media_made)

    def do_create_element(self, url):
        source = subprocess.Popen(source_command(self.options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        descriptor = source.stdout.fileno()
        with self.lock:
            self.sources[descriptor] = source
        return Gst.parse_launch(pipeline(self.options, descriptor))

    def media_made(self, factory, media):
        descriptor = media.get_element().get_by_name("source").get_property("fd")
        media.connect("unprepared", lambda media: self.media_ended(descriptor))

    def media_ended(self, descriptor):
        with self.lock:
            source = self.sources.pop(descriptor, None)
        if source:
            source.kill()
            source.stdout.close()
            source.wait()


def guard(server, camera, options):
    """Lets in who knows the password, and nobody else."""
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth = GstRtspServer.RTSPAuth()
    if options.auth == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(options.user, options.password, token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
    permissions.add_permission_for_role("viewer", GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
    camera.set_permissions(permissions)


def main():
    options = arguments()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address(options.address)
    server.set_service(str(options.port))
    camera = Camera(options)
    if options.user:
        guard(server, camera, options)
    server.get_mount_points().add_factory(options.path, camera)
    loop = GLib.MainLoop()
    if server.attach(None) == 0:
        sys.exit(f"port {options.port} is not free")

    def forget_lost_clients():
        server.get_session_pool().cleanup()
        return True

    GLib.timeout_add_seconds(2, forget_lost_clients)
    print(server.get_bound_port(), flush=True)
    loop.run()


main()
