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

has_database() {
    command -v initdb >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null
}

# need WHAT PACKAGE CHECK SKIPPED: install a package unless CHECK finds what it brings.
need() {
    "$3" && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "The tests need $1: installing $2 with apt-get ..."
        if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2"; } \
            >/dev/null 2>&1 && "$3"; then
            return
        fi
        echo "That did not work; $4 will be skipped."
    else
        echo "No $1 here, and it can only be installed as root on Debian or Ubuntu: $4 will be skipped."
    fi
}

need "browser" chromium has_browser "the tests in tests/browser"
need "database server" postgresql has_database "the tests on PostgreSQL"
exit 0
