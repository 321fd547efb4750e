"""A headless Chromium behind a small HTTP server on a port of the kernel's choice, which it writes to stdout.

  POST /open        {"url", "width", "height", "dark", "touch"}: a fresh tab, with nothing remembered
  POST /evaluate    a JavaScript expression; promises are waited for. Answers {"value"}, or 500 with what was thrown
  POST /key         {"key"}: pressed and let go
  GET  /screenshot  a PNG of what is seen
  GET  /problems    what went wrong in the page so far: exceptions, and what the content security policy kept from it

Chromium is driven through --remote-debugging-pipe: JSON texts ended by NUL, on file descriptors 3 and 4 of the browser.
"""

import argparse
import base64
import json
import os
import queue
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 60


class Failed(Exception):
    """What the browser or the page answered instead."""


class Browser:
    def __init__(self, command):
        folder = tempfile.mkdtemp(prefix="martlet-chromium-")
        to_browser, self.to = os.pipe()
        self.source, from_browser = os.pipe()
        # Moved out of the way of 3 and 4, which the browser reads and writes.
        theirs = [os.dup2(to_browser, 103), os.dup2(from_browser, 104)]
        arguments = [
            command, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio", "--no-first-run",
            "--ignore-certificate-errors", "--disable-background-networking", "--disable-component-update", "--disable-sync", f"--user-data-dir={folder}",
            "--remote-debugging-pipe", "about:blank",
        ]

        def place():
            for descriptor, wanted in zip(theirs, (3, 4)):
                os.dup2(descriptor, wanted)

        self.process = subprocess.Popen(arguments, pass_fds=(3, 4), preexec_fn=place, stderr=subprocess.DEVNULL)
        # However this script ends, the end of its pipe is seen; then the browser goes, and after it its folder.
        janitor = 'cat > /dev/null; tail --pid="$1" -f /dev/null; rm -rf "$2"'
        self.janitor = subprocess.Popen(
            ["sh", "-c", janitor, "sh", str(self.process.pid), folder], stdin=subprocess.PIPE, start_new_session=True)
        for descriptor in theirs + [to_browser, from_browser]:
            os.close(descriptor)
        self.lock = threading.Lock()
        self.number = 0
        self.waiting = {}
        self.problems = []
        self.session = None
        self.target = None
        self.context = None
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        with os.fdopen(self.source, "rb") as source:
            text = b""
            while piece := os.read(source.fileno(), 1 << 16):
                text += piece
                *whole, text = text.split(b"\0")
                for message in whole:
                    self.received(json.loads(message))
        # Whoever waits for a browser that has gone is told at once, and so is the test.
        os._exit(1)

    def received(self, message):
        if "id" in message:
            with self.lock:
                answer = self.waiting.pop(message["id"], None)
            if answer:
                answer.put(message)
            return
        given = message.get("params", {})
        if message["method"] == "Runtime.exceptionThrown":
            details = given["exceptionDetails"]
            self.problems.append(details.get("exception", {}).get("description") or details["text"])
        elif message["method"] == "Log.entryAdded" and given["entry"]["source"] in ("security", "javascript"):
            self.problems.append(given["entry"]["text"])

    def send(self, method, session=None, **params):
        answer = queue.Queue()
        with self.lock:
            self.number += 1
            message = {"id": self.number, "method": method, "params": params}
            if session:
                message["sessionId"] = session
            self.waiting[self.number] = answer
            os.write(self.to, json.dumps(message).encode() + b"\0")
        reply = answer.get(timeout=PATIENCE)
        if "error" in reply:
            raise Failed(f"{method}: {reply['error'].get('message')}")
        return reply["result"]

    def open(self, url, width=1280, height=860, dark=False, touch=False):
        if self.context:
            self.send("Target.disposeBrowserContext", browserContextId=self.context)
        self.problems = []
        self.context = self.send("Target.createBrowserContext")["browserContextId"]
        self.target = self.send("Target.createTarget", url="about:blank", browserContextId=self.context)["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        self.page("Runtime.enable")
        self.page("Log.enable")
        self.page("Page.enable")
        self.page("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.page("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.page("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        # Questions are answered with yes.
        self.page("Page.addScriptToEvaluateOnNewDocument", source="window.confirm = () => true")
        self.page("Page.navigate", url=url)
        return {}

    def page(self, method, **params):
        return self.send(method, self.session, **params)

    def evaluate(self, expression):
        answer = self.page("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=False)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise Failed(details.get("exception", {}).get("description") or details["text"])
        return {"value": answer["result"].get("value")}

    def key(self, key):
        codes = {"Escape": 27, "Enter": 13, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38}
        text = {"text": key} if len(key) == 1 else {}
        code = codes.get(key, ord(key[0].upper()))
        self.page("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self.page("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)
        return {}

    def screenshot(self):
        return base64.b64decode(self.page("Page.captureScreenshot", format="png")["data"])


class Control(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        browser = self.server.browser
        if self.path == "/screenshot":
            return self.run(lambda: browser.screenshot(), "image/png")
        if self.path == "/problems":
            return self.run(lambda: list(browser.problems))
        self.say(404, b"", "text/plain")

    def do_POST(self):
        browser = self.server.browser
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/open":
            return self.run(lambda: browser.open(**json.loads(body)))
        if self.path == "/evaluate":
            return self.run(lambda: browser.evaluate(body))
        if self.path == "/key":
            return self.run(lambda: browser.key(**json.loads(body)))
        self.say(404, b"", "text/plain")

    def run(self, work, kind="application/json"):
        try:
            answer = work()
        except (Failed, queue.Empty) as error:
            return self.say(500, (str(error) or "no answer in time").encode(), "text/plain")
        self.say(200, answer if isinstance(answer, bytes) else json.dumps(answer).encode(), kind)

    def say(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code="-", size="-"):
        """Each look at a page would be a line."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chromium", default="chromium")
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Control)
    server.daemon_threads = True
    server.browser = Browser(options.chromium)
    server.browser.send("Browser.getVersion")
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
