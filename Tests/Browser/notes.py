#!/usr/bin/env python3
"""Drives the notes example in headless Chromium, as two people with a tab each would use it.

    Tests/Browser/notes.py .build/debug/notes [docs/images]

Pictures are made if a directory for them is given. Needs Chromium, its driver and the package selenium.
"""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 60  # seconds; nothing here depends on how fast it is


class Notes:
    """The example's server, which may be killed and started again at its port."""

    def __init__(self, program, directory):
        self.program, self.directory, self.port, self.process = program, directory, 0, None

    def start(self):
        self.process = subprocess.Popen(
            [self.program, "--port", str(self.port), "--db", f"{self.directory}/notes.sqlite", "--password", "tea"],
            stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if found := re.search(r"Server listening on 127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                return
        raise SystemExit("notes did not start")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        if status := self.process.wait(PATIENCE):
            raise SystemExit(f"notes did not stop in order: {status}")


class Tab:
    """A tab of the browser."""

    def __init__(self, driver, handle):
        self.driver, self.handle = driver, handle

    def use(self):
        self.driver.switch_to.window(self.handle)

    def notes(self):
        """All of them as they stand at one moment: an event may replace any of them between two calls."""
        self.use()
        return self.driver.execute_script(
            "return [...document.querySelectorAll('#notes li p')].map(note => note.innerText)")

    def wait_for(self, notes):
        try:
            WebDriverWait(self.driver, PATIENCE).until(lambda _: self.notes() == notes)
        except TimeoutException:
            raise SystemExit(f"expected {notes}, and there is {self.notes()}")

    def write(self, text):
        self.use()
        field = self.driver.find_element(By.NAME, "text")
        field.send_keys(text)
        self.driver.find_element(By.CSS_SELECTOR, ".new button").click()
        # The page empties it once the server has answered, and would empty what the next call writes.
        WebDriverWait(self.driver, PATIENCE).until(lambda _: field.get_property("value") == "")

    def remove(self, index):
        """Presses a note's button. One that an event has just replaced was not pressed, and is looked for again."""
        self.use()
        WebDriverWait(self.driver, PATIENCE, ignored_exceptions=[StaleElementReferenceException]).until(
            lambda _: self.press(self.driver.find_elements(By.CSS_SELECTOR, "#notes li button")[index]))

    def press(self, button):
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()
        return True

    def log_in(self, address, password, then):
        """`then`: what the page that answers has; the one before may stand for a moment yet."""
        self.use()
        self.driver.get(address)
        self.driver.find_element(By.NAME, "password").send_keys(password)
        self.driver.find_element(By.CSS_SELECTOR, ".login button").click()
        WebDriverWait(self.driver, PATIENCE).until(lambda driver: then in driver.page_source, f"no {then!r} after {password!r}")


def set_width(driver, width, height, scheme="light"):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height, "deviceScaleFactor": 2, "mobile": width < 500})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": scheme}]})


def take_pictures(driver, pictures, name, height):
    """A page on a phone, in both schemes, and on a desk."""
    for suffix, width, scheme in [("phone", 375, "light"), ("phone~dark", 375, "dark"), ("desktop", 1000, "light")]:
        set_width(driver, width, height, scheme)
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        must(wide <= width, f"at {width} pixels {name} is {wide} wide")
        if pictures:
            driver.save_screenshot(str(pictures / f"{name}-{suffix}.png"))


def must(condition, sentence):
    if not condition:
        raise SystemExit(sentence)


def drive(driver, server, pictures):
    address = f"http://localhost:{server.port}/"
    first = Tab(driver, driver.current_window_handle)
    first.log_in(address, "coffee", then="That is not it.")
    first.log_in(address, "tea", then='name="text"')
    first.wait_for([])
    driver.switch_to.new_window("tab")
    second = Tab(driver, driver.current_window_handle)
    driver.get(address)
    second.wait_for([])

    first.write("Buy <tea> & biscuits\nfor two")
    for tab in (first, second):
        tab.wait_for(["Buy <tea> & biscuits\nfor two"])
    second.write("Call Ada")
    first.wait_for(["Call Ada", "Buy <tea> & biscuits\nfor two"])

    server.kill()
    server.start()
    first.use()
    driver.refresh()
    first.wait_for(["Call Ada", "Buy <tea> & biscuits\nfor two"])
    # The other tab was not loaded anew: it connects again by itself.
    first.write("Survived a kill -9")
    second.wait_for(["Survived a kill -9", "Call Ada", "Buy <tea> & biscuits\nfor two"])

    second.remove(1)
    first.wait_for(["Survived a kill -9", "Buy <tea> & biscuits\nfor two"])

    first.use()
    first.write("W" * 300)
    first.wait_for(["W" * 300, "Survived a kill -9", "Buy <tea> & biscuits\nfor two"])
    for width, height, scheme in [(375, 812, "light"), (375, 812, "dark"), (1100, 760, "light")]:
        first.use()
        set_width(driver, width, height, scheme)
        wide = driver.execute_script("return document.documentElement.scrollWidth")
        must(wide <= width, f"at {width} pixels the page is {wide} wide")
        small = driver.execute_script(
            "return [...document.querySelectorAll('button')].filter(b => b.offsetHeight < 44).length")
        must(small == 0, "buttons are large enough for a finger")
    first.write("Water the plants\nand the neighbour’s too")
    first.wait_for(
        ["Water the plants\nand the neighbour’s too", "W" * 300, "Survived a kill -9", "Buy <tea> & biscuits\nfor two"])
    first.remove(1)
    first.wait_for(
        ["Water the plants\nand the neighbour’s too", "Survived a kill -9", "Buy <tea> & biscuits\nfor two"])
    take_pictures(driver, pictures, "notes", 700)
    driver.get(address + "status")
    must("Requests" in driver.page_source, "the status page shows requests")
    take_pictures(driver, pictures, "status", 1100)
    driver.get(address)
    driver.find_element(By.CSS_SELECTOR, "header form button").click()
    WebDriverWait(driver, PATIENCE).until(lambda _: driver.find_elements(By.NAME, "password"))
    driver.get(address)
    must(driver.find_elements(By.NAME, "password"), "who logged out is asked again")


def main():
    program = str(Path(sys.argv[1]).resolve())
    pictures = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    options = webdriver.ChromeOptions()
    for option in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--lang=en-GB"]:
        options.add_argument(option)
    with tempfile.TemporaryDirectory() as directory:
        server = Notes(program, directory)
        try:
            server.start()
            driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
            try:
                drive(driver, server, pictures)
            finally:
                driver.quit()
            server.stop()
        finally:
            server.process.kill()
    print("The notes page works in two tabs, through kill -9, and at 375 pixels.")


main()
