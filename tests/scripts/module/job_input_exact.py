import qntx

_result = [qntx.job.input, qntx.job.input["big"] == 2**70, type(qntx.job.input["whole"]).__name__]
