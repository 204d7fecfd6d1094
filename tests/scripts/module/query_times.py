import datetime as dt

from qntx import attest, query

when = attest(["s"], ["p"], ["c"])["timestamp"]
moment = dt.datetime.fromtimestamp(when / 1000, dt.timezone.utc)
hour = dt.timedelta(hours=1)
east = dt.timezone(dt.timedelta(hours=5))
_result = [
    len(query(since=when, until=when)),
    len(query(since=when + 1)),
    len(query(until=when - 1)),
    len(query(since=moment - hour, until=moment + hour)),
    len(query(since=moment + hour)),
    len(query(since=(moment - hour).astimezone(east), until=(moment + hour).astimezone(east))),
    len(query(since=dt.datetime.fromtimestamp(when / 1000) - hour)),
]
