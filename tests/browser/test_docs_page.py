"""The page of the API in a real browser, and every route's description."""

from __future__ import annotations

import re

import requests
from playwright.sync_api import Browser, expect

from tests.dashboard.furniture import Served

TOKEN = "a-token-only-the-owner-knows"
_METHODS = ("get", "post", "delete", "put")


def test_the_docs_show_every_route_and_try_one_out(browser: Browser, served: Served) -> None:
    page = browser.new_page()
    page.set_default_timeout(15_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    elsewhere: list[str] = []
    page.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((served.url, "data:")) else elsewhere.append(asked.url)
        ),
    )
    page.goto(served.url + "/docs")
    expect(page.locator(".opblock-summary-path").first).to_be_visible()
    schema = requests.get(served.url + "/api/openapi.json", timeout=5).json()
    routes = sum(method in of for of in schema["paths"].values() for method in _METHODS)
    expect(page.locator(".opblock")).to_have_count(routes)
    block = page.locator("#operations-health-healthz_healthz_get")
    block.locator(".opblock-summary-control").click()
    block.locator(".try-out__btn").click()
    block.locator(".execute").click()
    expect(block.locator(".live-responses-table tbody .response-col_status").first).to_contain_text(
        "200"
    )
    page.close()
    assert complaints == []
    assert elsewhere == []


def test_the_policy_is_relaxed_for_the_docs_alone(served: Served) -> None:
    policies = {
        path: _policy_of(served.url + path)
        for path in ("/docs", "/", "/docs/", "/api/openapi.json", "/static/docs/docs.html")
    }
    docs = policies.pop("/docs")
    assert "script-src 'self';" in docs
    assert "unsafe-eval" not in docs
    assert docs.count("unsafe-inline") == 1
    for path, policy in policies.items():
        assert "unsafe-inline" not in policy, path
        assert "require-trusted-types-for 'script'" in policy, path


def _policy_of(url: str) -> str:
    reply = requests.get(url, timeout=5, allow_redirects=False)
    return reply.headers["Content-Security-Policy"]


def test_every_route_is_described(served: Served) -> None:
    schema = requests.get(served.url + "/api/openapi.json", timeout=5).json()
    known = {tag["name"] for tag in schema["tags"]}
    for path, of in schema["paths"].items():
        for method, route in of.items():
            where = f"{method} {path}"
            assert route["tags"], where
            assert set(route["tags"]) <= known, where
            # FastAPI makes a summary of the function's name where there is none.
            made_up = re.sub(r"_.*", "", route["operationId"]).title()
            assert route["summary"] != made_up, where
            assert len(route["description"]) > 15, where
            assert {"401", "403", "429", "503"} <= route["responses"].keys(), where
            [example] = route["responses"]["200"]["content"].values()
            assert "example" in example, where
