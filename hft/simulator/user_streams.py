"""Listen keys and the connections that follow them."""

from __future__ import annotations

import secrets

import orjson

from hft.simulator.hub import Sender, Subscriber, send_to
from hft.simulator.messages import Json, listen_key_expired
from hft.simulator.refusals import refusal

LISTEN_KEY_LIFE_MS = 60 * 60_000


class UserStreams:
    """One listen key per account while it lives; follows are by key, whether it lives or not."""

    def __init__(self) -> None:
        self._key_of: dict[int, tuple[str, int]] = {}
        self._followers: dict[str, dict[Subscriber, frozenset[str] | None]] = {}
        self.send_to: Sender = send_to
        self.life_ms = LISTEN_KEY_LIFE_MS

    def start(self, account_id: int, now_ms: int) -> str:
        """Give the living key of an account, extended; or a new one."""
        key = self.living_key(account_id, now_ms) or secrets.token_hex(32)
        self._key_of[account_id] = (key, now_ms + self.life_ms)
        return key

    def extend(self, account_id: int, now_ms: int) -> str:
        """Extend the living key of an account.

        Raises:
            Refusal: -1125, there is none.
        """
        key = self.living_key(account_id, now_ms)
        if key is None:
            raise refusal(-1125)
        self._key_of[account_id] = (key, now_ms + self.life_ms)
        return key

    def stop(self, account_id: int) -> None:
        """Forget the key of an account; its followers hear nothing any more."""
        self._key_of.pop(account_id, None)

    def living_key(self, account_id: int, now_ms: int) -> str | None:
        """Give the key of an account if it has not expired."""
        key, until_ms = self._key_of.get(account_id, ("", 0))
        return key if until_ms > now_ms else None

    def follow(self, key: str, subscriber: Subscriber, events: frozenset[str] | None) -> None:
        """Send the events of a key to a subscriber; `events` None means all of them."""
        self._followers.setdefault(key, {})[subscriber] = events

    def unfollow(self, key: str, subscriber: Subscriber) -> None:
        """Stop sending; unknown pairs are ignored."""
        followers = self._followers.get(key)
        if followers is None:
            return
        followers.pop(subscriber, None)
        if not followers:
            del self._followers[key]

    def followed(self, account_id: int) -> bool:
        """Say whether anybody hears the events of an account: nobody need word them otherwise."""
        key, _ = self._key_of.get(account_id, ("", 0))
        return key in self._followers

    def is_followed_by(self, subscriber: Subscriber) -> bool:
        """Say whether a subscriber follows any key."""
        return any(subscriber in followers for followers in self._followers.values())

    def send(self, account_id: int, event: Json) -> None:
        """Send one event to everybody who follows the account's key."""
        key, _ = self._key_of.get(account_id, ("", 0))
        followers = self._followers.get(key)
        if followers:
            self._send(key, followers, event)

    def expire(self, now_ms: int) -> None:
        """Let the keys die that nobody extended, and say so to their followers."""
        for account_id, (key, until_ms) in list(self._key_of.items()):
            if until_ms <= now_ms:
                del self._key_of[account_id]
                self._say_expired(key, now_ms)

    def end_all(self, now_ms: int, *, silent: bool) -> None:
        """Let every key die now; `silent` without telling its followers."""
        keys = [key for key, _ in self._key_of.values()]
        self._key_of.clear()
        if not silent:
            for key in keys:
                self._say_expired(key, now_ms)

    def _say_expired(self, key: str, now_ms: int) -> None:
        followers = self._followers.get(key)
        if followers:
            self._send(key, followers, listen_key_expired(key, now_ms))

    def _send(
        self, key: str, followers: dict[Subscriber, frozenset[str] | None], event: Json
    ) -> None:
        name = event["e"]
        wanting = [who for who, events in followers.items() if events is None or name in events]
        self.send_to(wanting, key, orjson.dumps(event))
