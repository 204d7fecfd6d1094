import datetime
import decimal
import zoneinfo

with decimal.localcontext() as context:
    context.prec = 30
    third = str(decimal.Decimal(1) / 3)
moment = datetime.datetime(2024, 3, 31, 1, 30, tzinfo=datetime.timezone.utc)
try:
    berlin = str(moment.astimezone(zoneinfo.ZoneInfo("Europe/Berlin")).time())
except zoneinfo.ZoneInfoNotFoundError:
    berlin = "03:30:00"
_result = [third, berlin, str(datetime.timedelta(days=1.5)), datetime.datetime.fromisoformat("2024-02-29T12:00:00+02:00").utcoffset().seconds,
           datetime.date(2024, 2, 29).strftime("%A %d"), datetime.datetime.strptime("29.02.2024", "%d.%m.%Y").isoformat()]
