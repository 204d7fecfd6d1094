import qntx

names = "attest last query progress log job sleep cancelled JobTimeout JobCancelled JobStopped PolicyError".split()
_result = [
    [name for name in names if not hasattr(qntx, name)],
    [name for name in names if not getattr(qntx, name, None).__doc__],
    qntx.__name__,
    bool(qntx.__doc__),
    sorted(name for name in dir(qntx) if not name.startswith("_") and name not in names and name != "Job"),
]
