"""Headless Chromium over the DevTools protocol, with the standard library only.

The protocol runs over a pair of pipes (`--remote-debugging-pipe`: JSON messages that end with a zero byte), so there is
no port to agree on and no WebSocket to speak.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
KEYS = {
    "Enter": (13, "\r"), "Tab": (9, None), "Escape": (27, None), "Backspace": (8, None), "ArrowUp": (38, None),
    "ArrowDown": (40, None), "ArrowLeft": (37, None), "ArrowRight": (39, None), "Home": (36, None), "End": (35, None),
}


def find_chromium():
    named = os.environ.get("TIMMYBOT_CHROMIUM")
    return named or next((path for path in map(shutil.which, NAMES) if path), None)


class PageError(Exception):
    """Something in the page, or the browser itself, is not as it should be."""


class Browser:
    """One browser with one page."""

    def __init__(self, width=1280, height=800):
        self._condition = threading.Condition()
        self._answers, self._next, self._closed = {}, 0, False
        self.errors, self.requests, self.dialogs = [], [], []
        self._profile = tempfile.mkdtemp(prefix="page-")
        self._start()
        threading.Thread(target=self._read, daemon=True).start()
        target = self._wait_for_page()
        self._session = None
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
            self.call(f"{domain}.enable")
        self.resize(width, height)

    def _start(self):
        # Chromium reads from its file descriptor 3 and writes to 4.
        to_child, self._write = os.pipe()
        self._readable, from_child = os.pipe()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", 'exec "$@" 3<&%d 4>&%d' % (to_child, from_child), "sh", find_chromium(),
             "--headless=new", "--no-sandbox", "--remote-debugging-pipe", f"--user-data-dir={self._profile}",
             "--autoplay-policy=no-user-gesture-required", "--mute-audio", "--no-first-run", "--disable-gpu",
             "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
             "--disable-background-timer-throttling", "--hide-scrollbars", "about:blank"],
            pass_fds=(to_child, from_child), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_child)
        os.close(from_child)

    def _wait_for_page(self):
        self._session = None
        return self.until("the browser's first page", lambda: next(
            (one["targetId"] for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page"), None))

    def _read(self):
        rest = b""
        while True:
            data = os.read(self._readable, 1 << 16)
            if not data:
                break
            *whole, rest = (rest + data).split(b"\0")
            for message in whole:
                self._take(json.loads(message))
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _take(self, message):
        with self._condition:
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self._note(message["method"], message.get("params", {}))
            self._condition.notify_all()

    def _note(self, method, params):
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(" ".join(str(a.get("value", a.get("description"))) for a in params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(params["message"])

    def call(self, method, timeout=60, **params):
        with self._condition:
            self._next += 1
            number = self._next
            message = {"id": number, "method": method, "params": params}
            if self._session:
                message["sessionId"] = self._session
            data = json.dumps(message).encode() + b"\0"
        os.write(self._write, data)
        with self._condition:
            if not self._condition.wait_for(lambda: number in self._answers or self._closed, timeout):
                raise PageError(f"{method}: no answer within {timeout} s")
            if number not in self._answers:
                raise PageError(f"{method}: the browser ended")
            answer = self._answers.pop(number)
        if "error" in answer:
            raise PageError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def until(self, what, ready, timeout=20):
        """Polls `ready` until it gives something true, and returns that."""
        end = time.monotonic() + timeout
        while True:
            value = ready()
            if value:
                return value
            if time.monotonic() > end:
                raise PageError(f"waited {timeout} s in vain: {what}")
            with self._condition:
                self._condition.wait(0.05)

    # What a person does and sees.

    def open(self, url):
        self.call("Page.navigate", url=url)

    def resize(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def js(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise PageError(f"{expression}: {answer['exceptionDetails']['exception'].get('description')}")
        return answer["result"].get("value")

    def type(self, text):
        for letter in text:
            self.call("Input.dispatchKeyEvent", type="keyDown", key=letter, text=letter)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=letter)

    def press(self, key, shift=False):
        code, text = KEYS[key]
        shared = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", **shared, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def click(self, selector, timeout=20):
        """Clicks with the mouse where `selector` is; another element lying over it is an error."""
        quoted = json.dumps(selector)
        place = self.until(f"{selector} can be clicked", lambda: self.js(
            f"(() => {{ const node = document.querySelector({quoted}); if (!node || node.disabled) return null;"
            " node.scrollIntoView({block: 'nearest'}); const box = node.getBoundingClientRect();"
            " const x = box.x + box.width / 2, y = box.y + box.height / 2, top = document.elementFromPoint(x, y);"
            " return box.width && (node.contains(top) || top?.contains(node)) ? [x, y] : null; })()"), timeout)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def text(self, selector):
        return self.js(f"document.querySelector({json.dumps(selector)})?.innerText ?? null")

    def screenshot(self, path):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        try:
            self._session = None
            self.call("Browser.close", timeout=5)
            self._process.wait(5)
        except (PageError, OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)
