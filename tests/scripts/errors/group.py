def fail(kind):
    raise kind("from " + kind.__name__)


errors = []
for kind in (ValueError, TypeError):
    try:
        fail(kind)
    except Exception as error:
        errors.append(error)
raise ExceptionGroup("two problems", errors)
