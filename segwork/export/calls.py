"""Calls to a CRM: credentials, time-outs, patience, and what an answer means for the next step."""

from __future__ import annotations

import os
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import requests
import tenacity

from segwork.errors import UsageError

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
DAY_IS_OVER = ("DAILY", "REQUEST_LIMIT_EXCEEDED")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
TIMEOUTS = (10.0, 60.0)  # to connect, and between two bytes of the answer


class Again(Exception):
    """A call to repeat; ``acted`` where the server may have done it all the same."""

    def __init__(self, what: str, *, acted: bool, after: float = 0.0) -> None:
        super().__init__(what)
        self.acted = acted
        self.after = after


class Refused(Exception):
    """The CRM answered no, and would again; holds the status and no word of the body."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}".strip())
        self.status = status


class Stopped(Exception):
    """Nothing more can be sent now; the reason holds no personal value."""


@dataclass(frozen=True)
class Patience:
    """How long to wait for a CRM.

    Parameters
    ----------
    attempts : int
        Calls for one answer, before giving up.
    wait, longest : float
        Full jitter: up to ``wait`` seconds, doubled each time, never more than ``longest``.
    obey : float
        Longest ``Retry-After`` that is waited for.
    job : float
        Longest time for one job of the CRM.
    poll : float
        Between two questions after a job.
    timeouts : tuple of float
        To connect, and between two bytes of the answer.
    """

    attempts: int = 8
    wait: float = 1.0
    longest: float = 60.0
    obey: float = 600.0
    job: float = 7200.0
    poll: float = 5.0
    timeouts: tuple[float, float] = TIMEOUTS
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)


def secret(name: str) -> str:
    """Return a credential from the environment, else from the system's key store; "" for none."""
    if value := os.environ.get(name):
        return value
    try:
        return import_module("keyring").get_password("segwork", name) or ""
    except Exception:  # not installed, or no key store on this machine: each says it in its own way
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
    raise UsageError(
        f"no credentials: {name} is not set",
        accepted="it in the environment, or in the system's key store under 'segwork'",
    )


class Calls:
    """One CRM at one address.

    Parameters
    ----------
    base_url : str
        ``https``, or a loopback address; never with a password in it.
    token : callable
        Returns the bearer token; it is asked again when one has expired.
    patience : Patience
    pace : tuple of (int, float), optional
        So many calls in so many seconds, at most.

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
        if not at.hostname or "@" in at.netloc or at.scheme not in ("https", "http")[: 1 + local]:
            raise UsageError("the address of the CRM cannot be used", accepted="https://host")
        self.base_url = base_url.rstrip("/")
        self.made = 0
        self.patience = patience
        self._token, self._given = token, ""
        self._pace, self._recent = pace, deque[float]()
        self._session = requests.Session()
        # Proxies and certificates of the environment count, but not on the way to this machine.
        self._session.trust_env = not local

    def retrying(self) -> tenacity.Retrying:
        """Return the loop around one answer: ``for attempt in calls.retrying(): with attempt: …``.

        It ends in ``Stopped`` where patience does.
        """
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Again),
            stop=tenacity.stop_after_attempt(self.patience.attempts),
            wait=self._wait,
            sleep=self.patience.sleep,
            retry_error_callback=_give_up,
        )

    def surely(self, method: str, path: str, **more: Any) -> requests.Response:
        """Make a call that may be repeated without harm, until it is answered."""
        return self.retrying()(self.once, method, path, **more)

    def once(
        self, method: str, path: str, *, signed: bool = True, **more: Any
    ) -> requests.Response:
        """Make one call.

        Raises
        ------
        Again, Refused, Stopped
            By what the answer, or its absence, means.
        """
        self._keep_pace()
        self.made += 1
        if signed:
            self._given = self._given or self._token()
        try:
            answer = self._session.request(
                method,
                self.base_url + path,
                auth=self._sign if signed else _unsigned,
                timeout=self.patience.timeouts,
                allow_redirects=False,
                **more,
            )
        except requests.RequestException as fault:
            raise Again(type(fault).__name__, acted=True) from None
        self._judge(answer, signed=signed)
        return answer

    def sign_in(self, path: str, who: str, word: str) -> str:
        """Return an access token for client credentials (OAuth 2.0, section 4.4)."""
        form = {"grant_type": "client_credentials", "client_id": who, "client_secret": word}
        body = read_json(self.surely("POST", path, data=form, signed=False))
        return str(body.get("access_token", ""))

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As auth, not as a header of the session: a .netrc would replace that one.
        request.headers["Authorization"] = f"Bearer {self._given}"
        return request

    def _judge(self, answer: requests.Response, *, signed: bool) -> None:
        status = answer.status_code
        if status < 300:
            return
        code = _error_code(answer)
        if any(word in code for word in DAY_IS_OVER):
            raise Stopped("the CRM's limit of the day is reached")
        if status == 401 and signed:
            expired, self._given = self._given, self._token()
            if self._given in ("", expired):
                raise Stopped("the CRM does not accept the credentials (401)")
            raise Again("401", acted=False)
        if status in AGAIN:
            raise Again(str(status), acted=status != 429, after=_retry_after(answer))
        if status < 400 or status == 403 or not signed:
            raise Stopped(f"the CRM does not allow the call ({status} {code})".replace(" )", ")"))
        raise Refused(status, code)

    def _wait(self, state: tenacity.RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        after = fault.after if isinstance(fault, Again) else 0.0
        if after > self.patience.obey:
            raise Stopped(f"the CRM asks to wait {after:.0f} seconds")
        most = self.patience.wait * 2.0 ** (state.attempt_number - 1)
        return after + random.uniform(0.0, min(most, self.patience.longest))

    def _keep_pace(self) -> None:
        most, seconds = self._pace
        if most and len(self._recent) == most:
            wait = self._recent.popleft() + seconds - self.patience.clock()
            if wait > 0:
                self.patience.sleep(wait)
        if most:
            self._recent.append(self.patience.clock())


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def read_json(answer: requests.Response) -> Any:
    """Return the body; one that is cut off or no JSON is a call to repeat."""
    try:
        return answer.json()
    except ValueError:
        raise Again("an answer that is no JSON", acted=True) from None


def _give_up(state: tenacity.RetryCallState) -> None:
    fault = state.outcome.exception() if state.outcome else None
    raise Stopped(f"the CRM does not answer ({fault})") from None


def _error_code(answer: requests.Response) -> str:
    """Return the CRM's word for what is wrong; its sentences may quote values, so they stay out."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    body = body[0] if isinstance(body, list) and body else body
    words = body if isinstance(body, dict) else {}
    return str(words.get("policyName") or words.get("errorCode") or words.get("category") or "")


def _retry_after(answer: requests.Response) -> float:
    """Return the seconds asked for; a date counts from the server's own clock."""
    text = answer.headers.get("Retry-After", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        now = parsedate_to_datetime(answer.headers.get("Date", ""))
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError):
        return 0.0
