"""Hands that have no mouse."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


def tab_to(page: Page, wanted: Locator, most: int = 60) -> None:
    """Press Tab until the element has the focus; fails when that many presses do not reach it."""
    wanted.wait_for()
    for _ in range(most):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {wanted} within {most} presses")


def press(page: Page, wanted: Locator, key: str = "Enter") -> None:
    """Reach the element by Tab and press a key on it."""
    tab_to(page, wanted)
    page.keyboard.press(key)
