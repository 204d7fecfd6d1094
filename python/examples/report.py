"""A report, as a schedule would run it: what was attested lately, by predicate and by subject.

    qntxpy run --store packages.db python/examples/report.py --input '{"days": 7, "top": 5}'

It shows the plain style: no main(), the result goes into `_result`.
"""

from collections import Counter
from datetime import datetime, timedelta, timezone

import qntx

options = qntx.job.input or {}
days = options.get("days", 1)
top = options.get("top", 10)

until = datetime.now(timezone.utc)
since = until - timedelta(days=days)
attestations = qntx.query(since=since, until=until)


def table(title, counts):
    """Print the most frequent entries of a Counter under a title."""
    print(f"\n{title}")
    print("-" * len(title))
    for name, count in counts.most_common(top):
        print(f"{count:>8}  {name}")
    if not counts:
        print("          (nothing)")


by_predicate = Counter(name for each in attestations for name in each["predicates"])
by_subject = Counter(name for each in attestations for name in each["subjects"])
by_context = Counter(name for each in attestations for name in each["contexts"])

print(f"{len(attestations)} attestations in {days} day(s), until {until:%Y-%m-%d %H:%M} UTC")
table("Predicates", by_predicate)
table("Subjects with most claims", by_subject)
table("Contexts most pointed at", by_context)

_result = {
    "attestations": len(attestations),
    "since": since.isoformat(),
    "until": until.isoformat(),
    "predicates": dict(by_predicate),
    "top_contexts": by_context.most_common(top),
}
