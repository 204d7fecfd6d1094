from qntx import log, progress

progress(1)
progress(2, 10)
progress(3, total=10, message="three é")
log("plain")
log("with fields", level="warn", url="https://example.test", n=2**70, nested={"a": [1]}, odd={1, 2})
for level in ("debug", "info", "warn", "error"):
    log("level", level)
