"""Attest what a push event says, as a code host posts it to a webhook.

    qntxpy run python/examples/webhook.py --input "$(cat python/examples/input/push.json)"

The event is the job's input. It is checked first, all of it, so that a bad event leaves nothing
behind. Every problem is named, not only the first.
"""

from dataclasses import dataclass

from qntx import attest, job, last, log


class BadEvent(ValueError):
    """The event is not one that can be attested."""


@dataclass(frozen=True)
class Commit:
    id: str
    author: str
    message: str
    files: tuple[str, ...]


def field(problems, where, data, name, kind):
    """Return data[name] if it has the type; else note the problem and return an empty value."""
    value = data.get(name)
    if isinstance(value, kind):
        return value
    problems.append(f"{where}.{name} must be {kind.__name__}, not {type(value).__name__}")
    return kind()


def parse_commit(problems, where, data):
    if not isinstance(data, dict):
        problems.append(f"{where} must be dict, not {type(data).__name__}")
        return None
    author = field(problems, where, data, "author", dict)
    return Commit(
        id=field(problems, where, data, "id", str),
        author=field(problems, f"{where}.author", author, "name", str),
        message=field(problems, where, data, "message", str),
        files=tuple(data.get("added", [])) + tuple(data.get("modified", [])),
    )


def parse(event):
    """Return (repository, branch, commits), or raise BadEvent with everything that is wrong."""
    if not isinstance(event, dict):
        raise BadEvent(f"the event must be a JSON object, not {type(event).__name__}")
    problems: list[str] = []
    repository = field(problems, "event", event, "repository", dict)
    name = field(problems, "event.repository", repository, "full_name", str)
    ref = field(problems, "event", event, "ref", str)
    entries = field(problems, "event", event, "commits", list)
    commits = [
        parse_commit(problems, f"event.commits[{index}]", entry)
        for index, entry in enumerate(entries)
    ]
    if problems:
        raise BadEvent("; ".join(problems))
    return name, ref.removeprefix("refs/heads/"), [commit for commit in commits if commit]


def main():
    repository, branch, commits = parse(job.input)
    context = [f"repo:{repository}"]
    new = 0
    for commit in commits:
        subject = [f"commit:{commit.id}"]
        # Code hosts deliver an event again when the answer was late: attest a commit once.
        if last(subject, ["pushed_to"], context):
            log("commit is known already", level="debug", commit=commit.id)
            continue
        new += 1
        attest(
            subject,
            ["pushed_to"],
            context,
            attributes={
                "branch": branch,
                "author": commit.author,
                "message": commit.message,
                "files": commit.files,
            },
        )
    print(f"{repository}@{branch}: {new} new of {len(commits)} commits")
    return {"repository": repository, "branch": branch, "commits": len(commits), "new": new}
