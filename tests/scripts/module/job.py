import time

import qntx

job = qntx.job
_result = {
    "id": job.id,
    "type": job.script_type,
    "input": job.input,
    "attempt": job.attempt,
    "glyph": job.glyph_id,
    "handler": job.handler_name,
    "left": job.deadline - time.time(),
    "payload": type(job.payload).__name__,
}
