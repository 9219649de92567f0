"""The page in a real browser, with real clips before a fake camera."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.app.weizmann import (
    ACTIONS,
    OTHERS,
    SHARED,
    action_pictures,
    any_clips,
    clip,
    frames,
    nothing_pictures,
    write_camera,
)

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PICTURES = os.environ.get("TRANSNET_SCREENSHOTS")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.skipif(
        not os.environ.get("TRANSNET_BROWSER_TESTS"), reason="TRANSNET_BROWSER_TESTS is not set"
    ),
]

SLOW_MS = 300_000


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("app") / "project"


@pytest.fixture(scope="module")
def address(project) -> Iterator[str]:
    environment = {
        **os.environ,
        "TRANSNET_WEIGHTS": str(SHARED / "weights"),
        "TRANSNET_CACHE": str(project.parent / "cache"),
    }
    command = [sys.executable, "-m", "transnet", "app", str(project), "--port", "0", "--no-browser"]
    if not SHARED.is_dir():
        command += ["--weights", "none"]
    log = project.parent / "log"
    with (
        open(log, "w") as written,
        subprocess.Popen(command, stderr=written, env=environment) as process,
    ):
        try:
            yield _address(log)
        finally:
            process.terminate()
            assert process.wait(timeout=60) == 0


def _address(log: Path) -> str:
    for _ in range(600):
        if found := re.search(r"http://\S+", log.read_text()):
            return found[0]
        time.sleep(0.1)
    raise AssertionError("transnet app did not start")


@pytest.fixture(scope="module")
def camera(tmp_path_factory) -> Path:
    """What the fake camera plays; read anew whenever the camera is turned on."""
    return tmp_path_factory.mktemp("camera") / "camera.mjpeg"


@pytest.fixture(scope="module")
def browser(camera, tmp_path_factory):
    write_camera(camera, frames(any_clips(tmp_path_factory.mktemp("rendered") / "clips")[0]))
    arguments = [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    ]
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    page.set_default_timeout(SLOW_MS)
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text)
            if message.type in ("error", "warning") else None)  # fmt: skip
    page.goto(address)
    return page


def until(page, condition: str) -> None:
    """Wait for a condition; the page's own security policy forbids Playwright's way."""
    deadline = time.monotonic() + SLOW_MS / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.1)


def picture(page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}-1280.png")
        page.set_viewport_size({"width": 390, "height": 844})
        page.wait_for_timeout(300)
        page.screenshot(path=f"{PICTURES}/{name}-390.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})


def picture_of_recording(page) -> None:
    if PICTURES:
        page.wait_for_timeout(1200)
        page.screenshot(path=f"{PICTURES}/countdown-1280.png")
        page.wait_for_selector("#recording.on")
        page.wait_for_timeout(600)
        page.screenshot(path=f"{PICTURES}/recording-1280.png")


PAINT = """() => (performance.getEntriesByType("paint")[0] || {startTime: 0}).startTime"""
SIZE = """() => [...performance.getEntriesByType("navigation"),
    ...performance.getEntriesByType("resource").filter((one) => !one.name.includes("/api/"))]
    .reduce((sum, one) => sum + one.encodedBodySize, 0)"""


def test_the_page_is_small(page, address):
    page.wait_for_selector("#add-class")
    until(page, f"({PAINT})() > 0")
    size, first, again = page.evaluate(SIZE), page.evaluate(PAINT), []
    for _ in range(5):
        page.reload()
        page.wait_for_selector("#add-class")
        until(page, f"({PAINT})() > 0")
        again.append(page.evaluate(PAINT))
    print(f"first paint {first:.0f} ms, reloaded {statistics.median(again):.0f} ms (median of 5)")
    print(f"{size / 1000:.0f} kB")
    assert 10_000 < size < 200_000
    assert not page.errors


def test_classes_are_taught_trained_and_watched(page, address, camera, shared, project):
    for number, action in enumerate(ACTIONS):
        page.fill("#class-name", action)
        page.click("#add-class button")
        page.wait_for_selector(f".class-card:nth-child({number + 1})")
    page.click("#add-nothing")
    page.wait_for_selector(".class-card:nth-child(4)")
    assert page.is_disabled("#train")
    for number, action in enumerate((*ACTIONS, "nothing")):
        if action == "nothing":
            write_camera(camera, nothing_pictures(shared))
        else:
            write_camera(camera, action_pictures(shared, action))
        page.reload()
        # Two rounds, so that all four people are recorded, wherever the camera's film begins.
        for takes in (5,) if action == "nothing" else (5, 10):
            page.click(f".class-card:nth-child({number + 1}) .record")
            if takes == 5 and number == 0:
                picture_of_recording(page)
            page.wait_for_selector(f".class-card:nth-child({number + 1}) .thumb:nth-child({takes})")
            page.wait_for_selector("#recording", state="hidden")
    ended = time.perf_counter()
    assert len(list((project / "clips").rglob("*.mkv"))) == 35
    page.click("#train")
    httpx_wait(address, "ready")
    print(f"last take to an answering recognizer: {time.perf_counter() - ended:.1f} s")
    page.wait_for_selector("#result:not([hidden])")
    until(page, "document.getElementById('stage').textContent.startsWith('Trained')")
    print(page.inner_text("#stage"), page.inner_text("#result"))
    picture(page, "trained")
    assert not page.errors


def httpx_wait(address: str, key: str) -> None:
    while not httpx.get(f"{address}api/project").json()[key]:
        time.sleep(0.05)


def test_the_camera_is_watched(page, address, camera, shared):
    write_camera(camera, frames(clip(shared, "bend", "lena")))
    page.reload()
    page.click("#camera-on")
    page.wait_for_selector("#bars .score")
    until(page, "transnet.latencies().length >= 100")
    latencies = sorted(page.evaluate("transnet.latencies()"))
    print(
        f"frame to label: median {statistics.median(latencies):.0f} ms, "
        f"99 % {latencies[int(0.99 * len(latencies))]:.0f} ms"
    )
    until(page, "document.getElementById('label').textContent === 'bend'")
    picture(page, "watching")
    assert not page.errors


def test_clips_of_other_people_are_tried(page, shared):
    page.click("#tab-try")
    right = 0
    for action in ACTIONS:
        for person in OTHERS:
            page.set_input_files("#try-file", str(clip(shared, action, person)))
            until(
                page,
                f"document.getElementById('try-note').textContent.startsWith('{person}_{action}')",
            )
            found = page.inner_text("#try-label")
            right += found == action
            if found != action:
                print(f"{person}, {action}: {found}")
    print(f"{right} of 15 right")
    page.click("#try-explain")
    page.wait_for_selector("#try-heat:not([hidden])")
    until(page, "document.getElementById('try-picture').naturalWidth > 800")
    picture(page, "tried")
    assert right >= 0.9 * 15
    page.errors[:] = [text for text in page.errors if "ERR_FILE" not in text]
    assert not page.errors


def test_a_clip_is_recorded_and_tried(page):
    page.click("#try-record")
    until(page, "document.getElementById('try-note').textContent.startsWith('recorded')")
    assert page.inner_text("#try-label") == "bend"


def test_the_run_is_taken_away(page, tmp_path):
    page.click("#tab-take")
    page.click("button[aria-label='Make: The run']")
    page.wait_for_selector("a[aria-label='Download: The run']")
    picture(page, "take")
    with page.expect_download() as started:
        page.click("a[aria-label='Download: The run']")
    path = tmp_path / started.value.suggested_filename
    started.value.save_as(path)
    shutil.unpack_archive(path, tmp_path / "run")
    assert (tmp_path / "run" / "transnet.json").is_file()
    assert not page.errors


def test_two_tabs_do_not_spoil_each_other(page, browser, address):
    other = browser.new_page()
    other.goto(address)
    other.wait_for_selector(".class-card:nth-child(4)")
    version = httpx.get(f"{address}api/project").json()["project"]["version"]
    assert httpx.post(f"{address}api/classes?version={version - 1}", json={"label": "x"}).status_code == 409  # fmt: skip  # noqa: E501
    other.fill("#class-name", "squat")
    other.click("#add-class button")
    page.wait_for_selector(".class-card:nth-child(5)")
    other.close()
