#!/usr/bin/env bash
# Install what the tests need beyond Python, where that is possible; say what will be skipped otherwise.
set -u

has_browser() {
    local name
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" >/dev/null && return 0
    done
    return 1
}

has_browser && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "The browser tests need chromium: installing it with apt-get ..."
    if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } \
        >/dev/null 2>&1 && has_browser; then
        exit 0
    fi
    echo "That did not work; the tests in tests/browser will be skipped."
else
    echo "No chromium here, and it can only be installed as root on Debian or Ubuntu:" \
        "the tests in tests/browser will be skipped."
fi
exit 0
