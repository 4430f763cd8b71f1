"""What a person does to sign in, in a real browser: choose a password, set up an app, type its digits."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
import time

PASSWORD = "long enough for anybody"


def six_digits(secret, at=None):
    """What an authenticator app shows (RFC 6238)."""
    counter = struct.pack(">Q", int(at if at is not None else time.time()) // 30)
    mac = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    place = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[place : place + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


def sign_in(page, url, name, password=PASSWORD):
    page.goto(f"{url}/account/login/")
    page.fill("#id_login", name)
    page.fill("#id_password", password)
    page.click("main button:has-text('Sign in') >> nth=0")


def choose_password(page, link):
    page.goto(link)
    page.fill("#id_password1", PASSWORD)
    page.fill("#id_password2", PASSWORD)
    page.click("text=Save the password")
    page.wait_for_selector("h1:has-text('First, a second factor')")


def set_up_app(page):
    """Set up an authenticator app on the page that leads there; its secret."""
    page.click("text=Set up an app")
    secret = page.inner_text("#secret").strip()
    page.fill("#id_code", six_digits(secret))
    page.click("main button:has-text('Set it up')")
    page.wait_for_selector("text=Shown only now")
    return secret
