import qntx

_result = [
    issubclass(qntx.JobTimeout, qntx.JobStopped),
    issubclass(qntx.JobCancelled, qntx.JobStopped),
    issubclass(qntx.JobStopped, BaseException),
    issubclass(qntx.JobStopped, Exception),
    issubclass(qntx.PolicyError, PermissionError),
    qntx.JobTimeout.__module__,
]
