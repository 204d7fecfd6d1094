import qntx

_result = [qntx.job.payload["my_field"], qntx.job.payload["script_type"], "script_code" in qntx.job.payload, qntx.job.input]
