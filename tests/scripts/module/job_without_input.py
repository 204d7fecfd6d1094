import qntx

_result = [qntx.job.input, qntx.job.script_type]
