"""The native module that a job script sees: make claims, read them back, report, and stop in time.

It exists only in scripts that run in an engine; this file is for editors, type checkers and people.
Scripts also find `attest`, `last` and `upstream` as globals without an import.
"""

from datetime import datetime
from typing import Any, Literal, TypedDict, final

__all__ = [
    "Attestation",
    "Job",
    "JobCancelled",
    "JobStopped",
    "JobTimeout",
    "PolicyError",
    "attest",
    "cancelled",
    "job",
    "last",
    "log",
    "progress",
    "query",
    "sleep",
]

# A list or tuple of str. A plain str is a sequence of str to a type checker, but it is refused
# with a TypeError at run time.
_Strings = list[str] | tuple[str, ...]

class Attestation(TypedDict):
    """One stored claim: subjects are predicates of contexts, by actors, at a time.

    (The type exists for type checkers. At run time an attestation is a plain dict.)
    """

    id: str
    """Unique id, such as "AS-PACKAGEB-INSTALLE-VERSION5-7K2M9QXA"."""
    subjects: list[str]
    """What the claim is about."""
    predicates: list[str]
    """What is claimed; ["_"] if the claim is only that the subjects exist."""
    contexts: list[str]
    """In which context, or about which object."""
    actors: list[str]
    """Who claims it."""
    timestamp: int
    """When it was claimed: Unix time in milliseconds."""
    source: str
    """Which program stored it; "python" for claims made by scripts."""
    attributes: dict[str, Any]
    """Whatever else belongs to the claim, as JSON holds it."""

def attest(
    subjects: _Strings,
    predicates: _Strings,
    contexts: _Strings | None = None,
    actors: _Strings | None = None,
    attributes: dict[str, Any] | None = None,
) -> Attestation:
    """Store a claim and return it.

    When this returns, the claim is durable as far as the store is. If the job runs with
    `attest = with_job`, it becomes durable and visible together with all others of the job when the
    script succeeds, and not at all when it fails.

    It may be called from any thread that the script starts. Other threads go on meanwhile.

    subjects: what the claim is about; at least one.
    predicates: what is claimed; an empty list means ["_"], "it exists".
    contexts: where it holds. A stored handler's own name is added. Needed if there is no handler.
    actors: who says so. Default: ["glyph:<id>"] if a glyph runs the script, else the claim's own id.
    attributes: a dict with str keys. Numbers keep their exact value, also integers beyond 2**53;
        tuples become arrays; other objects (datetime, Decimal, set, bytes) become str(value).

    Raises:
        TypeError: an argument, an element of a list, or an attribute's key has the wrong type.
        ValueError: no subject; an attribute is NaN or infinite (JSON has neither), or contains
            itself.
        RuntimeError: there is no context; or the store refused, with its reason.
    """

def last(
    subjects: _Strings | None = None,
    predicates: _Strings | None = None,
    contexts: _Strings | None = None,
    actors: _Strings | None = None,
) -> Attestation | None:
    """Return the newest claim that matches, or None if none does.

    All lists that are given must match; one matching string is enough within a list. Strings are
    compared as a whole, ASCII letters without regard to case. None never means that the store could
    not be read: that raises RuntimeError.
    """

def query(
    subjects: _Strings | None = None,
    predicates: _Strings | None = None,
    contexts: _Strings | None = None,
    actors: _Strings | None = None,
    *,
    since: int | datetime | None = None,
    until: int | datetime | None = None,
    limit: int | None = None,
) -> list[Attestation]:
    """Return the claims that match, newest first.

    Lists match as in last(). since and until bound the timestamp, both inclusive: Unix time in
    milliseconds, or a datetime (one without a time zone counts as local time). limit: at most so
    many; None means all, 0 means none.
    """

def progress(current: int, total: int | None = None, message: str | None = None) -> None:
    """Report how far the script is. Cheap; call it as often as you like.

    total: None if nobody knows. message: a few words for a person.
    """

def log(
    message: str,
    level: Literal["debug", "info", "warn", "error"] = "info",
    **fields: Any,
) -> None:
    """Send a log record to the host, with named values: log("page read", url=url, bytes=n).

    It does not appear in the script's output.
    """

@final
class Job:
    """What runs this script, and with what. Every attribute is read-only."""

    @property
    def id(self) -> str:
        """The job's id, as tracebacks show it: <job JB-...>."""
    @property
    def script_type(self) -> str | None:
        """The label the job was submitted with, such as "csv"."""
    @property
    def payload(self) -> dict[str, Any]:
        """The job's whole payload, with the fields this library does not know."""
    @property
    def input(self) -> Any:
        """The payload's `input`: any JSON value, None if there is none."""
    @property
    def attempt(self) -> int:
        """1 for the first run of the job, 2 for its first retry."""
    @property
    def deadline(self) -> float:
        """When the job's time is over: Unix time in seconds, as time.time() tells it."""
    @property
    def glyph_id(self) -> str | None:
        """The glyph that runs the script, if one does."""
    @property
    def handler_name(self) -> str | None:
        """The stored handler this script is, if it is one. attest() adds it to the contexts."""

job: Job
"""The job that this script is."""

def sleep(seconds: float) -> None:
    """Wait, but wake at once when the job is stopped: JobTimeout or JobCancelled is then raised.

    time.sleep() does the same in a job.
    """

def cancelled() -> bool:
    """Whether the job has been asked to stop: its deadline has passed, or the host cancelled it.

    For loops that want to end by themselves, at a place that suits them.
    """

class JobStopped(BaseException):
    """The job has to stop now.

    Raised in every thread of the job. Not an Exception, so that `except Exception` lets it pass. A
    script may catch it to save its work, and has half the grace period (2 s by default) to do so;
    after that every line raises again. A `finally` block is normally run, but not promised to be:
    on Python 3.11 and 3.12 the innermost one can be skipped.
    """

class JobTimeout(JobStopped):
    """The job's deadline has passed."""

class JobCancelled(JobStopped):
    """The host cancelled the job. The text is the reason it gave."""

class PolicyError(PermissionError):
    """The call would change the whole process, not only this job; the text says what to use."""
