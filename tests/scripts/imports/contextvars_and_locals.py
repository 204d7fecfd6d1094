import contextvars
import threading

variable = contextvars.ContextVar("variable", default="default")
local = threading.local()
local.value = "main"
seen = []


def work():
    seen.append((variable.get(), hasattr(local, "value")))


variable.set("changed")
thread = threading.Thread(target=work)
thread.start()
thread.join()
_result = [variable.get(), local.value]
