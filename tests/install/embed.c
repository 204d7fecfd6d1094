/* A host in a few lines: runs a Python script in this process and prints what came of it. */
#include <qntxpy/qntxpy.h>

#include <stdio.h>
#include <string.h>

static const char source[] = "import qntx, sys\n"
                             "print('hello from', qntx.job.script_type)\n"
                             "qntx.attest(['host:embed'], ['ran'], ['test'])\n"
                             "_result = sum(range(10))\n";

int main(void)
{
    qpy_error error = QPY_ERROR_INIT;
    qpy_engine *engine = NULL;
    if (qpy_engine_open(NULL, &engine, &error) != QPY_OK) {
        fprintf(stderr, "open: %s\n", error.message);
        return 1;
    }
    qpy_script script = QPY_SCRIPT_INIT;
    script.code = source;
    script.code_length = strlen(source);
    script.script_type = "a C program";
    qpy_result *result = NULL;
    if (qpy_engine_run(engine, &script, &result, &error) != QPY_OK) {
        fprintf(stderr, "run: %s\n", error.message);
        qpy_engine_close(engine);
        return 1;
    }
    int success = qpy_result_success(result);
    printf("%s", qpy_result_stdout(result, NULL));
    printf("result %s, %zu attestation(s)\n", qpy_result_value_json(result),
           qpy_result_attestations(result));
    if (!success)
        fprintf(stderr, "%s", qpy_result_error(result));
    qpy_result_free(result);
    return qpy_engine_close(engine) == 0 && success ? 0 : 1;
}
