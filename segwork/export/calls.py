"""Calls to a CRM: credentials, time-outs, patience, and what an answer means for the next step."""

from __future__ import annotations

import os
import random
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import tenacity

from segwork.errors import UsageError
from segwork.runs.files import Json

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
DAY_IS_OVER = ("DAILY", "REQUEST_LIMIT_EXCEEDED")
SAFE = re.compile("[!-~]*")
T = TypeVar("T")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class AgainError(Exception):
    """A call to repeat; ``acted`` where the server may have done it all the same."""

    def __init__(self, what: str, *, acted: bool, after: float = 0.0) -> None:
        super().__init__(what)
        self.acted, self.after = acted, after


class RefusedError(Exception):
    """The CRM answered no, and would again; holds the status and a word, no sentence of it."""


class StoppedError(Exception):
    """Nothing more can be sent now; the reason holds no personal value."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a CRM, in seconds.

    Parameters
    ----------
    attempts : int
        Calls for one answer, before giving up.
    wait, longest : float
        Full jitter: up to ``wait``, doubled each time, never more than ``longest``.
    obey : float
        Longest ``Retry-After`` that is waited for.
    job, poll : float
        Longest time for one job of the CRM, and between two questions after it.
    timeouts : tuple of float
        To connect, and between two bytes of the answer.
    sleep, clock : callable
    """

    attempts: int = 8
    wait: float = 1.0
    longest: float = 60.0
    obey: float = 600.0
    job: float = 7200.0
    poll: float = 5.0
    timeouts: tuple[float, float] = (10.0, 60.0)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def secret(name: str) -> str:
    """Return a credential from the environment, else from the system's key store; "" for none."""
    if value := os.environ.get(name, "").strip():
        return value
    try:
        return (import_module("keyring").get_password("segwork", name) or "").strip()
    except Exception:  # not installed, or no key store here: each says it in a way of its own
        return ""


def given(name: str) -> str:
    """Return a credential that has to be there.

    Raises
    ------
    UsageError
        It is nowhere; the message names the place, never a value.
    """
    if value := secret(name):
        return value
    where = "it in the environment, or in the system's key store under 'segwork'"
    raise UsageError(f"no credentials: {name} is not set", accepted=where)


class Calls:
    """One CRM at one address.

    Parameters
    ----------
    base_url : str
        ``https``, or a loopback address; never with a password in it.
    token : callable
        Returns the bearer token; it is asked again when one has expired.
    patience : Patience
    pace : tuple of (int, float)
        At most so many calls in so many seconds; (0, 0) for any number.

    Raises
    ------
    UsageError
        The address cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        token: Callable[[], str],
        patience: Patience,
        pace: tuple[int, float] = (0, 0.0),
    ) -> None:
        at = urlsplit(base_url)
        local = at.hostname in LOOPBACK
        if not at.hostname or "@" in at.netloc or at.scheme not in ("https", "http" * local):
            raise UsageError("the address of the CRM cannot be used", accepted="https://host")
        self.base_url, self.patience, self.made = base_url.rstrip("/"), patience, 0
        self._token, self._given = token, ""
        self._pace, self._recent = pace, deque[float]()
        self._session = requests.Session()
        # Proxies and certificates of the environment count, but not on the way to this machine.
        self._session.trust_env = not local

    def surely(self, method: str, path: str, **more: object) -> requests.Response:
        """Make a call that may be repeated without harm, until it is answered."""
        return self.patiently(lambda: self.once(method, path, **more))

    def patiently(self, step: Callable[[], T]) -> T:
        """Repeat a step while it raises ``AgainError``; ``StoppedError`` where patience ends."""
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(AgainError),
            stop=tenacity.stop_after_attempt(self.patience.attempts),
            wait=self._wait,
            sleep=self.patience.sleep,
            retry_error_callback=_give_up,
        )(step)

    def once(self, method: str, path: str, **more: object) -> requests.Response:
        """Make one call.

        Raises
        ------
        AgainError, RefusedError, StoppedError
            By what the answer, or its absence, means.
        """
        self._keep_pace()
        self._given = self._given or self._token()
        if not SAFE.fullmatch(self._given):  # it would be quoted in an error of the HTTP library
            raise StoppedError("the credentials hold a character that no token has")
        self.made += 1
        more |= {"timeout": self.patience.timeouts, "allow_redirects": False, "auth": self._sign}
        try:
            answer = self._session.request(method, self.base_url + path, **more)
        except requests.RequestException as fault:
            raise AgainError(type(fault).__name__, acted=True) from None
        if answer.status_code >= 300:
            self._refuse(answer.status_code, _word(answer), answer)
        return answer

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As auth, not as a header of the session: a .netrc would replace that one.
        request.headers["Authorization"] = f"Bearer {self._given}"
        return request

    def _refuse(self, status: int, word: str, answer: requests.Response) -> None:
        if any(name in word for name in DAY_IS_OVER):
            raise StoppedError("the CRM's limit of the day is reached")
        if status == 401:
            expired, self._given = self._given, self._token()
            if self._given in ("", expired):
                raise StoppedError("the CRM does not accept the credentials (401)")
            raise AgainError("401", acted=False)
        if status in AGAIN:
            raise AgainError(str(status), acted=status != 429, after=_retry_after(answer))
        if status < 400 or status == 403:
            raise StoppedError(f"the CRM does not allow the call ({status})")
        raise RefusedError(f"{status} {word}".strip())

    def _wait(self, state: tenacity.RetryCallState) -> float:
        after = getattr(state.outcome and state.outcome.exception(), "after", 0.0)
        if after > self.patience.obey:
            raise StoppedError(f"the CRM asks to wait {after:.0f} seconds")
        most = self.patience.wait * 2.0 ** (state.attempt_number - 1)
        return after + random.uniform(0.0, min(most, self.patience.longest))

    def _keep_pace(self) -> None:
        most, seconds = self._pace
        if most and len(self._recent) == most:
            wait = self._recent.popleft() + seconds - self.patience.clock()
            self.patience.sleep(max(wait, 0.0))
        if most:
            self._recent.append(self.patience.clock())


def read_json(answer: requests.Response) -> Json:
    """Return the body; one that is no JSON is a call to repeat."""
    try:
        return answer.json()
    except ValueError:
        raise AgainError("an answer that is no JSON", acted=True) from None


def _give_up(state: tenacity.RetryCallState) -> None:
    fault = state.outcome and state.outcome.exception()
    raise StoppedError(f"the CRM does not answer ({fault})") from None


def _word(answer: requests.Response) -> str:
    """Return the CRM's word for what is wrong; its sentences may quote values and stay out."""
    try:
        body = answer.json()
        told = body[0] if isinstance(body, list) else body
        return str(next(told[n] for n in ("policyName", "errorCode", "category") if n in told))
    except (ValueError, LookupError, TypeError, StopIteration):
        return ""


def _retry_after(answer: requests.Response) -> float:
    """Return the seconds asked for; a date counts from the server's own clock."""
    text, now = answer.headers.get("Retry-After", "0"), answer.headers.get("Date", "")
    try:
        if text[:1].isdigit():
            return max(0.0, float(text))
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(now)
    except (TypeError, ValueError):
        return 0.0
    return max(0.0, wait.total_seconds())
