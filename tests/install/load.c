/* Loads the library at run time, twice, as a host with plugins does; uses it through dlsym. */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    for (int round = 0; argc == 2 && round < 2; round++) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        const char *(*version)(void) = NULL;
        if (library)
            *(void **)&version = dlsym(library, "qpy_version");
        if (!version) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        printf("loaded %s\n", version());
        dlclose(library);
    }
    return argc == 2 ? 0 : 2;
}
