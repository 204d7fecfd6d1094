caught = []
for leave in (exit, quit):
    try:
        leave(4)
    except SystemExit as stop:
        caught.append(stop.code)
_result = [caught, callable(help), "Use" in repr(exit)]
