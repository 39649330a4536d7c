"""Uses the sandbox's web page in headless Chromium as a person would: mouse, keyboard, eyes and ears.

    page_test.py URL SCREENSHOTS

The page's first server needs a bot with /play, /queue and /stop, songs with "Morning Train" and one that is called
`<img src=x:/>`, and a voice channel. Prints one JSON object a line for each step; exits with 1 where one fails.
"""

import json
import sys
import time
import traceback

from browser import Browser, PageError

URL, SCREENSHOTS = sys.argv[1], sys.argv[2]
HOSTILE = "<img src=x:/>"
NOW_PLAYING = "#messages .message:last-child .container"


def expect(condition, what):
    if not condition:
        raise PageError(what)


class Person:
    def __init__(self, browser):
        self.browser = browser
        self.steps = [
            self.opens, self.walks_the_popup, self.joins, self.plays, self.sees_the_call, self.hears, self.pauses,
            self.queues, self.is_not_fooled, self.uses_a_phone, self.stops, self.has_no_complaints,
        ]

    def see(self, what, expression, timeout=60):
        return self.browser.until(what, lambda: self.browser.js(expression), timeout)

    def picture(self, name):
        self.browser.screenshot(f"{SCREENSHOTS}/{name}.png")

    def choices(self):
        return self.browser.js("document.querySelector('#popup').hidden ? []"
                               " : [...document.querySelectorAll('#popup .choice span')].map((one) => one.innerText)")

    def chosen(self):
        return self.browser.js("document.querySelector('#popup .on span')?.innerText ?? null")

    def clear(self):
        self.browser.click("#input")
        self.browser.press("Escape")
        self.browser.press("Escape")
        expect(self.browser.js("document.querySelector('#input').value") == "", "Escape leaves the line empty")

    def send(self, text):
        """A command with one option, without its suggestions."""
        self.clear()
        before = self.browser.js("document.querySelectorAll('#messages .message').length")
        self.browser.type(text)
        # Suggestions may come or not, and late: Enter picks one where they are open, and sends where they are not.
        for _ in range(20):
            time.sleep(0.6)
            if self.choices():
                self.browser.press("Escape")
            self.browser.press("Enter")
            if self.browser.js("document.querySelector('#input').value") == "":
                break
        self.see(f"an answer to {text}", "document.querySelectorAll('#messages .message').length > %d"
                 " && !document.querySelector('#messages .thinking')" % before)

    # What the person does, in this order.

    def opens(self):
        self.browser.open(URL)
        self.see("the servers", "document.querySelectorAll('#guilds button').length > 0")
        self.see("the name of the channel", "document.querySelector('#channel-name').innerText.includes('music')")
        self.see("the page is asking for commands no more", "performance.getEntriesByType('resource')"
                 ".some((one) => one.name.includes('/sandbox/commands') && one.responseEnd)")
        self.picture("empty")

    def walks_the_popup(self):
        self.clear()
        self.browser.type("/")
        offered = self.browser.until("all commands are offered", lambda: len(found := self.choices()) > 5 and found)
        expect(self.chosen() == offered[0], "the first command is marked")
        self.browser.press("ArrowDown")
        expect(self.chosen() == offered[1], "ArrowDown marks the second")
        self.browser.press("ArrowUp")
        self.browser.press("ArrowUp")
        expect(self.chosen() == offered[-1], "ArrowUp goes round to the last")
        inside = self.browser.js("(() => { const one = document.querySelector('#popup .on').getBoundingClientRect(),"
                                 " box = document.querySelector('#popup').getBoundingClientRect();"
                                 " return one.top >= box.top - 1 && one.bottom <= box.bottom + 1; })()")
        expect(inside, "the marked command is scrolled into sight")
        self.picture("commands")
        self.browser.press("Escape")
        expect(not self.choices(), "Escape closes the popup")
        expect(self.browser.js("document.querySelector('#input').value") == "/", "and keeps what was typed")
        self.clear()

    def joins(self):
        self.browser.click("#channels button:last-of-type")
        self.see("the voice panel", "!document.querySelector('#voice-panel').hidden")

    def plays(self):
        self.clear()
        self.browser.type("/pla")
        self.browser.until("/play is offered first", lambda: self.chosen() == "/play")
        self.browser.press("Enter")
        self.see("the option", "document.querySelector('#chips').innerText.includes('query')")
        self.browser.type("morning tr")
        self.browser.until("the song is suggested", lambda: any("Morning Train" in one for one in self.choices()))
        self.picture("suggestions")
        self.browser.press("Enter")
        expect(not self.choices(), "the popup is gone once something is picked")
        expect("Morning Train" in self.browser.js("document.querySelector('#input').value"), "the pick is in the line")
        self.browser.press("Enter")
        self.see("the card", f"document.querySelector('{NOW_PLAYING}')?.innerText.includes('Morning Train')")
        self.see("its artwork", f"document.querySelector('{NOW_PLAYING} img.thumb')?.naturalWidth > 16")
        text = self.browser.text(NOW_PLAYING)
        expect("🔘" in text and "/ 1:1" in text, f"progress is shown: {text}")
        labels = self.browser.js(f"[...document.querySelectorAll('{NOW_PLAYING} button')].map((one) => one.innerText)")
        for label in ("Pause", "Skip", "Stop", "Loop", "Shuffle"):
            expect(any(label in one for one in labels), f"a button {label}: {labels}")

    def sees_the_call(self):
        self.see("bot and person are in the channel", "document.querySelectorAll('#channels .in-voice').length === 2"
                 " && [...document.querySelectorAll('#channels .in-voice')].some((one) => one.innerText.includes('TimmyBot'))")
        self.see("the bot is speaking", "[...document.querySelectorAll('#channels .speaking')]"
                 ".some((one) => one.innerText.includes('TimmyBot'))")
        self.picture("playing")

    def hears(self):
        ear = "document.querySelector('#ear')"
        start = self.browser.js(f"{ear}.currentTime")
        self.see("the stream plays", f"!{ear}.paused && {ear}.currentTime > {start} + 1.5 && !{ear}.error")
        self.browser.js(f"(() => {{ const context = new AudioContext(), meter = context.createAnalyser();"
                        f" context.createMediaElementSource({ear}).connect(meter); meter.connect(context.destination);"
                        " window.loudness = () => { const wave = new Float32Array(meter.fftSize);"
                        " meter.getFloatTimeDomainData(wave); return Math.max(...wave.map(Math.abs)); };"
                        " return context.resume(); })()")
        self.see("there is sound in it", "window.loudness() > 0.02")

    def pauses(self):
        self.browser.click(f"{NOW_PLAYING} [data-custom-id$='pause']")
        self.see("the card offers to resume", f"document.querySelector('{NOW_PLAYING}').innerText.includes('Resume')")
        self.see("the bot is silent", "!document.querySelector('#channels .speaking') && window.loudness() < 0.001")
        self.picture("paused")
        self.browser.click(f"{NOW_PLAYING} [data-custom-id$='resume']")
        self.see("the card offers to pause", f"document.querySelector('{NOW_PLAYING}').innerText.includes('Pause')")
        self.see("the sound is back", "window.loudness() > 0.02")

    def queues(self):
        self.send("/play night packets")
        self.send("/queue ")
        self.see("the queue", "(() => { const text = document.querySelector('#messages .message:last-child').innerText;"
                 " return text.includes('Now') && text.includes('Morning Train') && text.includes('Night Packets'); })()")
        self.see("the queue at the side", "document.querySelector('#queue').innerText.includes('Night Packets')")
        self.picture("queue")

    def is_not_fooled(self):
        self.clear()
        self.browser.type("/play img src")
        self.browser.until("a name is suggested as it is", lambda: any(HOSTILE in one for one in self.choices()))
        self.browser.press("Enter")
        self.browser.press("Enter")
        self.see("a name is shown as it is", f"document.querySelector('#messages').innerText.includes({json.dumps(HOSTILE)})")
        self.send("/queue ")
        self.see("also in the queue", "document.querySelector('#messages .message:last-child').innerText"
                 f".includes({json.dumps(HOSTILE)})")
        self.send("/play zzqqxx <b onclick=alert(1)>[x](javascript:alert(1))</b><script>alert(2)</script>")
        foreign = self.browser.js("[...document.querySelectorAll('#messages *, #queue *, #popup *')].filter((one) =>"
                                  " one.matches('script, iframe, b[onclick], [src^=\"x:\"], [href^=\"javascript:\"]'))"
                                  ".map((one) => one.outerHTML)")
        expect(foreign == [], f"text became HTML: {foreign}")
        expect(not self.browser.dialogs, f"a script ran: {self.browser.dialogs}")
        self.picture("hostile")

    def uses_a_phone(self):
        self.browser.resize(390, 844)
        self.see("nothing sticks out to the side", "document.documentElement.scrollWidth <= innerWidth")
        self.see("messages have the room", "document.querySelector('#messages').clientWidth > 340")
        self.send("/now-playing ")
        self.see("a card within the screen", f"document.querySelector('{NOW_PLAYING}')?.getBoundingClientRect().right <= innerWidth")
        self.see("the newest message is in sight", "document.querySelector('#messages .message:last-child')"
                 ".getBoundingClientRect().bottom <= document.querySelector('#composer').getBoundingClientRect().top + 1")
        self.picture("phone")
        self.browser.type("/")
        self.browser.until("commands", lambda: len(self.choices()) > 5)
        self.picture("phone-commands")
        self.clear()
        self.browser.click("#menu")
        self.see("the channels", "document.querySelector('#channels').getBoundingClientRect().left >= 0")
        self.picture("phone-channels")
        self.browser.click("#channels .channel")
        self.see("they go once one is picked", "document.querySelector('#sidebar').getBoundingClientRect().right <= 0")
        self.browser.resize(1280, 800)

    def stops(self):
        self.send("/stop ")
        self.see("the bot has left", "![...document.querySelectorAll('#channels .in-voice')]"
                 ".some((one) => one.innerText.includes('TimmyBot'))")
        self.picture("stopped")

    def has_no_complaints(self):
        expect(not self.browser.errors, f"console: {self.browser.errors}")
        foreign = [one for one in self.browser.requests if not one.startswith((URL, "data:", "blob:"))]
        expect(not foreign, f"asked elsewhere: {foreign}")


def main():
    browser = Browser()
    person = Person(browser)
    try:
        for step in person.steps:
            try:
                step()
            except Exception as error:
                print(json.dumps({
                    "step": step.__name__, "ok": False, "error": str(error), "console": browser.errors,
                    "where": traceback.format_exc().splitlines()[-4:], "messages": browser.text("#messages"),
                    "toast": browser.text("#toast")}), flush=True)
                person.picture("failed")
                return 1
            print(json.dumps({"step": step.__name__, "ok": True}), flush=True)
        return 0
    finally:
        browser.close()


if __name__ == "__main__":
    sys.exit(main())
