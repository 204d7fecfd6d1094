/* Loads the library at run time, as a host with plugins does, and uses it through dlsym.
 * usage: load LIBRARY    loads and unloads it twice, before any Python has been started
 *        load LIBRARY CODE    runs the code and prints what it printed */
#include <qntxpy/qntxpy.h>

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* The library's function of that name, with the type that the headers give it. */
#define FIND(library, name) ((__typeof__(name) *)dlsym((library), #name))

static int load_twice(const char *path)
{
    for (int round = 0; round < 2; round++) {
        void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (!library || !FIND(library, qpy_version)) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        printf("loaded %s\n", FIND(library, qpy_version)());
        dlclose(library);
    }
    return 0;
}

static int run(const char *path, const char *code)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    qpy_error error = QPY_ERROR_INIT;
    qpy_engine *engine = NULL;
    qpy_result *result = NULL;
    qpy_script script = QPY_SCRIPT_INIT;
    script.code = code;
    script.code_length = strlen(code);
    if (!library || FIND(library, qpy_engine_open)(NULL, &engine, &error) != QPY_OK ||
        FIND(library, qpy_engine_run)(engine, &script, &result, &error) != QPY_OK) {
        fprintf(stderr, "%s\n", library ? error.message : dlerror());
        return 1;
    }
    int success = FIND(library, qpy_result_success)(result);
    fputs(FIND(library, qpy_result_stdout)(result, NULL), stdout);
    if (!success)
        fputs(FIND(library, qpy_result_error)(result), stderr);
    FIND(library, qpy_result_free)(result);
    if (FIND(library, qpy_engine_close)(engine) != 0 || !success)
        return 1;
    dlclose(library);
    if (!dlopen(path, RTLD_NOW | RTLD_NOLOAD)) {
        fprintf(stderr, "unloaded, although threads of its jobs may still run in it\n");
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2)
        return load_twice(argv[1]);
    return argc == 3 ? run(argv[1], argv[2]) : 2;
}
