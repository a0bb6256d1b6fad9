"""A CRM of our own: it keeps what it takes, follows both published contracts, and fails by seed.

Written from the vendors' documentation, not from their files. It is strict: what a contract does
not allow is answered as the vendors do, so that a client that passes here has kept to it.
"""

from __future__ import annotations

import csv
import io
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

TOKEN = "canary-token-5f2c"
FAULTS = ("429", "500 before", "500 after", "503", "drop before", "drop after", "slow", "cut off")
TEXTS = ("segment", "segment_name", "lifecycle", "action")
KINDS = {
    "confidence": ("number", "double"),
    "valid_from": ("date",) * 2,
    "review_date": ("date",) * 2,
}


class Crm(ThreadingHTTPServer):
    """The server and everything it holds.

    Parameters
    ----------
    seed : int
        Of the faults.
    fault_share : float
        Share of calls that go wrong.
    faults : tuple of str
        Which ones, of ``FAULTS``, "half" (some rows of a batch are refused this once) and
        "failed job" (a job ends after half of its rows).
    slow : float
        Seconds a slow answer takes; longer than the client's patience.
    """

    daemon_threads = True

    def __init__(
        self,
        *,
        seed: int = 0,
        fault_share: float = 0.0,
        faults: tuple[str, ...] = FAULTS,
        slow: float = 1.0,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.random = random.Random(seed)
        self.fault_share, self.faults, self.slow = fault_share, faults, slow
        self.lock = threading.RLock()
        self.records: dict[str, dict[str, str]] = {}
        self.taken: Counter[str] = Counter()  # times a record was written with other values
        self.repeated = 0  # rows written with the values the record had already
        self.jobs: dict[str, dict[str, Any]] = {}
        self.calls: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.on_call: Callable[[str], None] | None = None  # told "before" and "after" it acts
        self.script: list[str] = []  # faults of the next calls, in order; "" for none
        self.refuses: dict[str, str] = {}  # external id -> category
        self.tokens = {TOKEN}
        self.expires_after = 0  # calls for which an issued token is good; 0: for ever
        self.stuck = False  # jobs stay in progress
        self.hidden: set[str] = set()  # fields that are not there
        self.reads: list[str] = []
        self.headers_of_429 = {"Retry-After": "0"}
        self.lost = False  # nothing is found
        self.largest = 0  # rows of a batch, bytes of an upload

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def fault(self) -> str:
        """Draw what goes wrong with this call."""
        with self.lock:
            if self.script:
                return self.script.pop(0)
            if self.random.random() >= self.fault_share:
                return ""
            return self.random.choice(self.faults)

    def write(self, one: str, values: Mapping[str, str]) -> bool:
        """Upsert a record and return whether it is new."""
        new = one not in self.records
        held = self.records.setdefault(one, {})
        told = {name: value for name, value in values.items() if value != held.get(name, "")}
        self.repeated += not told and not new
        self.taken[one] += bool(told) or new
        held.update(values)
        return new

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: killed clients hang up."""


@contextmanager
def serving(**settings: Any) -> Iterator[Crm]:
    """Run a server in a thread for a while."""
    server = Crm(**settings)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else head and body of an answer lie 40 ms apart
    server: Crm

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    do_PUT = do_POST  # noqa: N815  (the names are http.server's)
    do_PATCH = do_POST  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def _serve(self, body: bytes) -> None:
        crm = self.server
        fault = crm.fault()
        with crm.lock:
            crm.calls[f"{self.command} {self.path.rsplit('/', 1)[-1]}"] += 1
            if fault:
                crm.failed[fault] += 1
        if fault == "429":
            self._answer(429, {"policyName": "SECONDLY"}, crm.headers_of_429)
        elif fault in ("500 before", "503"):
            self._answer(int(fault[:3]), {"message": "no"})
        elif fault == "drop before":
            self.close_connection = True
        else:
            self._tell("before")
            with crm.lock:
                status, content = self._act(body, fault)
            self._tell("after")
            if fault == "500 after":
                self._answer(500, {"message": "no"})
            elif fault == "drop after":
                self.close_connection = True
            else:
                if fault == "slow":
                    time.sleep(crm.slow)
                self._answer(status, content, cut=fault == "cut off")

    def _tell(self, when: str) -> None:
        if self.server.on_call:
            self.server.on_call(when)

    def _answer(
        self, status: int, content: Any, headers: Mapping[str, str] | None = None, cut: bool = False
    ) -> None:
        data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(OSError):  # killed clients hang up
            self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self.close_connection = True

    def _act(self, body: bytes, fault: str) -> tuple[int, Any]:
        crm = self.server
        if self.path == "/services/oauth2/token":
            return self._sign_in(parse_qs(body.decode()))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in crm.tokens:
            return 401, [{"errorCode": "INVALID_SESSION_ID", "message": token}]
        if crm.expires_after and sum(crm.calls.values()) % crm.expires_after == 0:
            crm.tokens.discard(token)
        if crm.lost:
            return 404, [{"errorCode": "NOT_FOUND"}]
        if self.path.startswith("/services/"):
            return self._salesforce(self.path.split("/")[4:], body, fault)
        return self._hubspot(self.path, body, fault)

    def _sign_in(self, form: dict[str, list[str]]) -> tuple[int, Any]:
        if form.get("client_secret") != ["canary-secret-77aa"]:
            return 400, {"error": "invalid_client", "error_description": "canary-secret-77aa"}
        token = f"canary-token-{len(self.server.calls)}-{self.server.random.random()}"
        self.server.tokens = {token}
        return 200, {"access_token": token, "instance_url": self.server.url}

    # ---- HubSpot ----

    def _hubspot(self, path: str, body: bytes, fault: str) -> tuple[int, Any]:
        if path.startswith("/crm/properties/"):
            return 200, {
                "results": [p for p in properties() if p["name"] not in self.server.hidden]
            }
        if not path.startswith("/crm/objects/20") or "/contacts/batch/" not in path:
            return 404, {"category": "OBJECT_NOT_FOUND"}
        asked = json.loads(body)
        inputs = asked["inputs"]
        if not 1 <= len(inputs) <= 100:
            return 400, {"category": "VALIDATION_ERROR", "message": "1 to 100 inputs"}
        if path.endswith("/read"):
            self.server.reads += [one["id"] for one in inputs]
            found = [one["id"] for one in inputs if one["id"] in self.server.records]
            rows = [
                {"id": f"9{i}", "properties": {"segwork_id": i, **self.server.records[i]}}
                for i in found
            ]
            return 200 if len(found) == len(inputs) else 207, {
                "status": "COMPLETE",
                "results": rows,
            }
        return self._upsert(inputs, fault)

    def _upsert(self, inputs: list[dict[str, Any]], fault: str) -> tuple[int, Any]:
        crm = self.server
        crm.largest = max(crm.largest, len(inputs))
        traces = [one.get("objectWriteTraceId") for one in inputs]
        single = None in traces or len(set(traces)) < len(traces)
        known = {p["name"] for p in properties()}
        results, errors = [], []
        for one in inputs:
            why = crm.refuses.get(one["id"], "")
            if one.get("idProperty") != "segwork_id" or set(one["properties"]) - known:
                why = "PROPERTY_DOESNT_EXIST"
            if fault == "half" and crm.random.random() < 0.5:
                why = "CONFLICT"
            if why:
                message = f"value canary-{one['id']} was refused"
                context = {
                    "objectWriteTraceId": [one.get("objectWriteTraceId")],
                    "ids": [one["id"]],
                }
                errors.append(
                    {"status": "error", "category": why, "message": message, "context": context}
                )
        if errors and (single or "BATCH" in {e["category"] for e in errors}):
            return 400, errors[0]
        blamed = {e["context"]["ids"][0] for e in errors}
        for one in inputs:
            if one["id"] not in blamed:
                new = crm.write(one["id"], one["properties"])
                held = {"segwork_id": one["id"], **one["properties"]}
                results.append({"id": f"9{one['id']}", "new": new, "properties": held,
                                "objectWriteTraceId": one["objectWriteTraceId"]})  # fmt: skip
        crm.random.shuffle(results)
        told = {"status": "COMPLETE", "results": results}
        if errors:
            told |= {"numErrors": len(errors), "errors": errors}
        return 200, told  # 2026-09 answers 200 with the errors inside

    # ---- Salesforce ----

    def _salesforce(self, path: list[str], body: bytes, fault: str) -> tuple[int, Any]:
        if path[0] == "sobjects":
            return 200, {"fields": [f for f in fields() if f["name"] not in self.server.hidden]}
        if path[:2] != ["jobs", "ingest"]:
            return 404, [{"errorCode": "NOT_FOUND"}]
        if len(path) == 2:
            return self._new_job(json.loads(body))
        job = self.server.jobs.get(path[2])
        if job is None:
            return 404, [{"errorCode": "NOT_FOUND"}]
        if self.command == "PUT":
            return self._data(job, body)
        if self.command == "PATCH":
            return self._set_state(job, json.loads(body)["state"], fault)
        if len(path) == 3:
            if job["state"] == "InProgress" and not self.server.stuck:
                job["polls"] -= 1
                job["state"] = "InProgress" if job["polls"] > 0 else job["end"]
            return 200, {
                "id": path[2],
                "state": job["state"],
                "numberRecordsProcessed": len(job["good"]),
            }
        return 200, _table(
            job[{"successfulResults": "good", "failedResults": "bad"}.get(path[3], "rest")]
        )

    def _new_job(self, asked: dict[str, Any]) -> tuple[int, Any]:
        wanted = {
            "object": "Contact",
            "operation": "upsert",
            "externalIdFieldName": "Segwork_id__c",
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        }
        if asked != wanted:
            return 400, [{"errorCode": "INVALIDJOB"}]
        name = f"750{len(self.server.jobs):012d}"
        job = {"state": "Open", "data": None, "good": [], "bad": [], "rest": []}
        polls = self.server.random.randint(0, 2)
        self.server.jobs[name] = job | {"polls": polls, "end": "JobComplete"}
        return 200, {"id": name, "state": "Open", "contentUrl": f"{self.path}/{name}/batches"}

    def _data(self, job: dict[str, Any], body: bytes) -> tuple[int, Any]:
        if job["state"] != "Open" or job["data"] is not None or len(body) > 100_000_000:
            return 400, [{"errorCode": "INVALIDJOBSTATE"}]
        job["data"] = body.decode()
        self.server.largest = max(self.server.largest, len(body))
        return 201, ""

    def _set_state(self, job: dict[str, Any], state: str, fault: str) -> tuple[int, Any]:
        if job["state"] != "Open":
            return 400, [{"errorCode": "INVALIDJOBSTATE"}]
        if state == "Aborted":
            job["state"] = "Aborted"
        elif job["data"] is None:
            return 400, [{"errorCode": "INVALIDJOBSTATE"}]
        else:
            job["state"] = "InProgress"
            self._process(job, fault)
        return 200, {"state": job["state"]}

    def _process(self, job: dict[str, Any], fault: str) -> None:
        crm = self.server
        rows = list(csv.DictReader(io.StringIO(job["data"], newline="")))
        job["data"] = ""
        if set(rows[0]) != {f["name"] for f in fields()}:
            job.update(end="Failed", rest=rows)
            return
        if fault == "failed job":
            half = len(rows) // 2
            rows, job["rest"], job["end"] = rows[:half], rows[half:], "Failed"
        for row in rows:
            one = row["Segwork_id__c"]
            why = crm.refuses.get(one, "")
            if fault == "half" and crm.random.random() < 0.5:
                why = "UNABLE_TO_LOCK_ROW"
            if why:
                job["bad"].append({"sf__Error": f"{why}:canary-{one}:--", "sf__Id": "", **row})
                continue
            told = {
                n: "" if v == "#N/A" else v for n, v in row.items() if v and n != "Segwork_id__c"
            }
            new = crm.write(one, told)
            job["good"].append({"sf__Id": f"003{one}", "sf__Created": str(new).lower(), **row})
        crm.random.shuffle(job["good"])


def _table(rows: list[dict[str, str]]) -> str:
    text = io.StringIO(newline="")
    names = list(rows[0]) if rows else ["sf__Id", "sf__Created", "Segwork_id__c"]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def properties() -> list[dict[str, Any]]:
    """Return the properties of contacts, as HubSpot describes them."""
    named = {f"segwork_{n}": "string" for n in (*TEXTS, "mark", "id")}
    named |= {f"segwork_{name}": kinds[0] for name, kinds in KINDS.items()}
    free = {"modificationMetadata": {"readOnlyValue": False}}
    return [
        {"name": name, "type": kind, "hasUniqueValue": name == "segwork_id", **free}
        for name, kind in named.items()
    ]


def fields() -> list[dict[str, Any]]:
    """Return the fields of the object, as Salesforce describes them."""
    named = {f"Segwork_{n}__c": "string" for n in ("id", *TEXTS)}
    named |= {f"Segwork_{name}__c": kinds[1] for name, kinds in KINDS.items()}
    free = {"createable": True, "updateable": True}
    return [
        {"name": name, "type": kind, "externalId": name == "Segwork_id__c", **free}
        for name, kind in named.items()
    ]
