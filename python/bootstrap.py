"""Makes a new interpreter ready for one job; frozen into the library and run once in each.

It runs in a namespace of its own, which no script sees. The library puts three names there first:
`native` (the qntx module), `gate` (what this CPython version needs) and `streams`.
The functions at the end are what the library calls for each job.
"""

import _sitebuiltins
import _signal
import _thread
import builtins
import io
import os
import posix
import sys
import time
from importlib.machinery import ModuleSpec

PolicyError = native.PolicyError

# ---- Streams, names and sleeping ------------------------------------------------------------------

sys.stdout = sys.__stdout__ = streams[0]
sys.stderr = sys.__stderr__ = streams[1]
sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")

builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")
builtins.help = _sitebuiltins._Helper()

time.sleep = native.sleep  # wakes when the job is asked to stop

if sys.get_int_max_str_digits() < 0:  # CPython 3.11 leaves its default out of isolated configurations
    sys.set_int_max_str_digits(sys.int_info.default_max_str_digits)


# ---- What belongs to the whole process ------------------------------------------------------------


def refusal(where, name, instead):
    def refused(*args, **kwargs):
        raise PolicyError(f"{where}.{name}() is not allowed in a job: {instead}")

    refused.__name__ = refused.__qualname__ = name
    return refused


def refuse(modules, where, names, instead):
    for name in names:
        for module in modules:
            if hasattr(module, name):
                setattr(module, name, refusal(where, name, instead))


OS = (os, posix)
set_mask = _signal.pthread_sigmask
refuse(OS, "os", ["chdir", "fchdir", "chroot"],
       "the working directory belongs to the whole host; use absolute paths")
refuse(OS, "os", ["umask"],
       "the file mode mask belongs to the whole host; use os.open() with a mode, or os.chmod()")
refuse(OS, "os", ["_exit", "abort"], "it would end the whole host; use sys.exit()")
refuse(OS, "os", ["fork", "forkpty", "execv", "execve", "execl", "execle",
                  "execlp", "execlpe", "execvp", "execvpe"],
       "it would copy or replace the whole host; use subprocess")
refuse(OS, "os", ["setuid", "seteuid", "setreuid", "setresuid", "setgid", "setegid", "setregid",
                  "setresgid", "setgroups", "initgroups", "setsid", "setpgid", "setpgrp", "nice",
                  "setpriority", "sched_setaffinity", "sched_setscheduler", "sched_setparam",
                  "unshare", "setns"],
       "it would change the whole host; use subprocess, with its user=, group= or process_group=")
refuse((_signal,), "signal",
       ["signal", "siginterrupt", "alarm", "setitimer", "set_wakeup_fd", "raise_signal",
        "pthread_kill", "pthread_sigmask", "sigwait", "sigwaitinfo", "sigtimedwait", "pause",
        "pidfd_send_signal"],
       "signals belong to the whole host; use qntx.cancelled(), or a thread and an Event")


def refusal_if(where, name, real, concerns_host, instead):
    """Refuse calls that concern the whole host, and let the others through."""
    refused = refusal(where, name, instead)

    def guarded(*args, **kwargs):
        return (refused if concerns_host(*args, **kwargs) else real)(*args, **kwargs)

    guarded.__name__ = guarded.__qualname__ = name
    return guarded


def guard(modules, where, name, concerns_host, instead):
    guarded = refusal_if(where, name, getattr(modules[0], name), concerns_host, instead)
    for module in modules:
        setattr(module, name, guarded)


STREAMS = "it is the host's own input or output; use print() and sys.stdout"
guard(OS, "os", "close", lambda fd: fd in (0, 1, 2), STREAMS)
refuse(OS, "os", ["closerange"], "it would close files of the host; close each of your own")
guard(OS, "os", "dup2", lambda fd, fd2, inheritable=True: fd2 in (0, 1, 2), STREAMS)
guard(OS, "os", "kill", lambda pid, sig: pid <= 0 or pid in (posix.getpid(), posix.getppid()),
      "it would hit the host; end the script with sys.exit()")
guard(OS, "os", "killpg", lambda group, sig: group <= 1 or group == posix.getpgrp(),
      "it would hit the host; end the script with sys.exit()")

refuse((_thread,), "_thread", ["interrupt_main"],
       "it would interrupt the host; end the script with sys.exit()")

RECURSION_MAXIMUM = 20000  # fits the stacks of the job's threads, whatever recurses

if sys.version_info < (3, 12):  # later versions look after the C stack themselves
    guard((sys,), "sys", "setrecursionlimit", lambda limit: limit > RECURSION_MAXIMUM,
          f"deeper than {RECURSION_MAXIMUM} levels could overflow the stack and end the host; "
          "use a loop with a list as stack")
_thread.stack_size(64 << 20)

interval = sys.getswitchinterval()


def setswitchinterval(seconds, /):
    """Remembered and without effect: the interval is that of the whole host."""
    global interval
    if not seconds > 0:
        raise ValueError("switch interval must be strictly positive")
    interval = float(seconds)


sys.setswitchinterval = setswitchinterval
sys.getswitchinterval = lambda: interval


def register_at_fork(**hooks):
    """Accepted and never called: a job cannot fork."""


for module in OS:
    module.register_at_fork = register_at_fork


# ---- os.environ is the job's own ------------------------------------------------------------------
# os.environ was copied from the process when this interpreter was made. Writing to it must not reach
# the process, and child processes must see what the script sees.


def keep_in_job(*args):
    """Changes of os.environ stay in the job: the C environment is shared by the whole host."""


for module in OS:
    module.putenv = module.unsetenv = keep_in_job


def job_environ():
    return [os.fsencode(key) + b"=" + os.fsencode(value) for key, value in os.environ.items()]


def with_empty_mask(real):
    def spawn(path, argv, env, /, **options):
        options.setdefault("setsigmask", ())
        return real(path, argv, env, **options)

    spawn.__name__ = spawn.__qualname__ = real.__name__
    return spawn


for name in ("posix_spawn", "posix_spawnp"):
    spawn = with_empty_mask(getattr(posix, name))
    for module in OS:
        setattr(module, name, spawn)


def system(command):
    """os.system() with the job's environment and captured output; returns the wait status."""
    import subprocess

    status = subprocess.call(command, shell=True)
    return status << 8 if status >= 0 else -status


for module in OS:
    module.system = system


def after_posixsubprocess(module):
    real = module.fork_exec

    def fork_exec(*args):
        if args[5] is None:  # no env= given: inherit the job's, not the host's
            args = (*args[:5], job_environ(), *args[6:])
        # The job's threads block all signals, for the host's sake; a child must not inherit that.
        mask = set_mask(_signal.SIG_SETMASK, ())
        try:
            return real(*args)
        finally:
            set_mask(_signal.SIG_SETMASK, mask)

    module.fork_exec = fork_exec


# A child process that inherits its output would write to the host's: what a script does not redirect
# goes through a pipe into the job's own captured output.


class Pump:
    """Moves what child processes write into a pipe to a captured stream, on a thread."""

    ending = False  # the job settles: what still writes is not waited for

    def __init__(self, descriptor, stream):
        import threading

        self.descriptor, self.stream = descriptor, stream
        self.lock = threading.Lock()  # held while a piece is on its way; guards descriptor
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def readable(self, seconds):
        import select

        return bool(select.select([self.descriptor], [], [], seconds)[0])

    def run(self):
        while not self.move() and (self.readable(BEAT) or not Pump.ending):
            pass
        with self.lock:
            os.close(self.descriptor)
            self.descriptor = None

    def move(self):
        """Move one piece if there is one; True at the end of the pipe."""
        with self.lock:
            if not self.readable(0):
                return False
            data = os.read(self.descriptor, 65536)
            self.stream.buffer.write(data)
            self.stream.flush()
            return not data

    def drain(self):
        """Wait until what an ended process has written is through; its children may write on."""
        while self.thread.is_alive():
            with self.lock:
                if self.descriptor is None or not self.readable(0):
                    return
            time.sleep(0.001)


def after_subprocess(module):
    module._USE_POSIX_SPAWN = False  # it would not use our fork_exec()
    Popen = module.Popen
    real_init, real_wait = Popen.__init__, Popen._wait

    def __init__(self, args, bufsize=-1, executable=None, stdin=None, stdout=None, stderr=None,
                 *rest, **options):
        pipes = []

        def captured(target, stream):
            if target is not None or not isinstance(stream, CAPTURED):
                return target
            reading, writing = os.pipe()
            pipes.append((reading, writing, stream))
            return writing

        stdin = module.DEVNULL if stdin is None else stdin
        stdout = captured(stdout, sys.stdout)
        stderr = captured(stderr, sys.stderr)
        self._qntx_pumps = []
        started = False
        try:
            real_init(self, args, bufsize, executable, stdin, stdout, stderr, *rest, **options)
            started = True
        finally:
            for reading, writing, stream in pipes:
                os.close(writing)
                if not started:
                    os.close(reading)
        self._qntx_pumps = [Pump(reading, stream) for reading, writing, stream in pipes]

    def _wait(self, timeout):
        code = real_wait(self, timeout)
        for pump in self._qntx_pumps:
            pump.drain()
        return code

    __init__.__wrapped__ = real_init
    Popen.__init__, Popen._wait = __init__, _wait


CAPTURED = type(streams[0])
io.TextIOBase.register(CAPTURED)
io.BufferedIOBase.register(type(streams[0].buffer))


def after_resource(module):
    refuse((module,), "resource", ["setrlimit", "prlimit"],
           "limits belong to the whole host; give the job limits of its own")


def after_locale(module):
    guard((module, sys.modules["_locale"]), "locale", "setlocale",
          lambda category, locale=None: locale is not None,
          "the locale belongs to the whole host; format with babel, or with f-strings")


def after_faulthandler(module):
    refuse((module,), "faulthandler",
           ["enable", "disable", "register", "unregister", "dump_traceback_later",
            "cancel_dump_traceback_later"],
           "signal handlers belong to the whole host; use traceback.print_stack()")


def after_tracemalloc(module):
    refuse((module,), "tracemalloc", ["start", "stop"],
           "it would trace the whole host; run the script with python3 -X tracemalloc")


def after_socket(module):
    """The default timeout is a variable of the process: keep one for this interpreter instead."""
    default = None
    real_init = module.socket.__init__

    def setdefaulttimeout(timeout, /):
        nonlocal default
        if timeout is not None and not timeout >= 0:
            raise ValueError("Timeout value out of range")
        default = None if timeout is None else float(timeout)

    def getdefaulttimeout():
        return default

    def __init__(self, *args, **kwargs):
        real_init(self, *args, **kwargs)
        if default is not None:
            self.settimeout(default)

    module.socket.__init__ = __init__
    module.setdefaulttimeout, module.getdefaulttimeout = setdefaulttimeout, getdefaulttimeout


def after_threading(module):
    """Tracebacks of threads show the job's source, which the C hook looks for in files."""

    def excepthook(args, /):
        if issubclass(args.exc_type, (SystemExit, native.JobStopped)):
            return
        import traceback

        name = args.thread.name if args.thread is not None else module.get_ident()
        lines = traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback)
        if sys.stderr is not None:
            sys.stderr.write("".join([f"Exception in thread {name}:\n", *lines]))
            sys.stderr.flush()

    module.excepthook = module.__excepthook__ = excepthook


# ---- Waiting --------------------------------------------------------------------------------------
# A thread that waits in a system call does not see that the job must stop. What waits through select
# and selectors, such as asyncio and subprocess.communicate(), wakes for a moment at each beat.

BEAT = 0.05  # seconds


def in_beats(wait, timeout):
    """Call wait(seconds) until it returns something or the timeout is over."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = BEAT if end is None else min(BEAT, max(0, end - time.monotonic()))
        ready = wait(left)
        if any(ready) if isinstance(ready, tuple) else ready:
            return ready
        if end is not None and time.monotonic() >= end:
            return ready


def after_selectors(module):
    def beating(real):
        def select(self, timeout=None):
            if timeout is not None and timeout <= BEAT:
                return real(self, timeout)
            return in_beats(lambda seconds: real(self, seconds), timeout)

        return select

    for name in ("SelectSelector", "PollSelector", "EpollSelector", "DevpollSelector"):
        selector = getattr(module, name, None)
        if selector is not None:
            selector.select = beating(selector.select)


def after_select(module):
    real = module.select

    def select(rlist, wlist, xlist, timeout=None, /):
        if timeout is not None and timeout <= BEAT:
            return real(rlist, wlist, xlist, timeout)
        rlist, wlist, xlist = list(rlist), list(wlist), list(xlist)
        return in_beats(lambda seconds: real(rlist, wlist, xlist, seconds), timeout)

    module.select = select


# ---- Imports --------------------------------------------------------------------------------------

for name in gate["blocked"]:
    sys.modules.setdefault(name, None)

sources = {}  # file name -> source text


def source_lines(filename):
    return list(io.StringIO(sources[filename], newline=None))


def add_to_linecache(module):
    for filename, source in sources.items():
        module.cache[filename] = (len(source), None, source_lines(filename), filename)


AFTER = {
    "faulthandler": after_faulthandler,
    "linecache": add_to_linecache,
    "locale": after_locale,
    "resource": after_resource,
    "select": after_select,
    "selectors": after_selectors,
    "socket": after_socket,
    "subprocess": after_subprocess,
    "threading": after_threading,
    "tracemalloc": after_tracemalloc,
    "_posixsubprocess": after_posixsubprocess,
}
REFUSED = frozenset(gate["refused"])


class Loader:
    """The module's own loader, and a call when the module is there."""

    def __init__(self, spec, after):
        self.spec, self.loader, self.after = spec, spec.loader, after

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.spec.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        self.after(module)


class Refuser:
    """Stands for a module that is there and cannot be loaded here."""

    def __init__(self, reason):
        self.reason = reason

    def create_module(self, spec):
        raise ImportError(self.reason, name=spec.name, path=spec.origin)

    def exec_module(self, module):
        pass


class Again:
    """Gives `import qntx` the one module there is, also after `del sys.modules["qntx"]`."""

    def create_module(self, spec):
        return native

    def exec_module(self, module):
        pass


class Finder:
    """Refuses what cannot be loaded here, with the reason; completes a few standard modules."""

    def find_spec(self, name, path=None, target=None):
        if name == "qntx":
            return ModuleSpec(name, Again())
        after = AFTER.pop(name, None)
        if after is None and name not in REFUSED:
            return None
        spec = self.next_spec(name, path, target)
        if spec is None:
            return None
        if name in REFUSED:
            spec.loader = Refuser(
                f"{name} cannot be imported in a job: it is an extension module that works in one "
                f"interpreter per process only, and every job has an interpreter of its own "
                f"({gate['python']}, {gate['gil']} GIL). Run such a script in a Python process of "
                f"its own: python3 script.py, from a shell or through subprocess")
        else:
            spec.loader = Loader(spec, after)
        return spec

    def next_spec(self, name, path, target):
        for finder in sys.meta_path:
            if finder is not self:
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return spec
        return None


sys.meta_path.insert(0, Finder())
for name in list(AFTER):
    if name in sys.modules:
        AFTER.pop(name)(sys.modules[name])


# ---- What the library calls for each job ----------------------------------------------------------


def breathe():
    """Where an exception that came too late is raised, and dropped."""


def begin(filename, source, paths, env):
    """Give the interpreter to a job: search path, environment, and its source for tracebacks."""
    sys.path[:0] = paths
    sys.argv = [filename]
    for item in env:
        key, _, value = item.partition("=")
        os.environ[key] = value
    sources[filename] = source
    if "linecache" in sys.modules:
        add_to_linecache(sys.modules["linecache"])


def calls_main(tree):
    """Whether the library must call main(): the script defines it and does not see to it itself."""
    defines = False
    for node in tree.body:
        kind = type(node).__name__
        if kind in ("FunctionDef", "AsyncFunctionDef") and node.name == "main":
            defines = True
        elif kind == "If" and is_main_guard(node.test):
            return False
        elif mentions_call_of_main(node, kind):
            return False
    return defines


def is_main_guard(test):
    if type(test).__name__ != "Compare":
        return False
    sides = [test.left, *test.comparators]
    return any(getattr(side, "id", None) == "__name__" for side in sides) and any(
        getattr(side, "value", None) == "__main__" for side in sides)


def mentions_call_of_main(node, kind):
    """A call of main() in a statement that runs when the module runs."""
    if kind in ("FunctionDef", "AsyncFunctionDef", "ClassDef"):
        return False
    todo = [node]
    while todo:
        node = todo.pop()
        if type(node).__name__ == "Call" and getattr(node.func, "id", None) == "main":
            return True
        if type(node).__name__ in ("FunctionDef", "AsyncFunctionDef", "Lambda"):
            continue
        for field in node._fields:
            value = getattr(node, field, None)
            if isinstance(value, list):
                todo.extend(item for item in value if hasattr(item, "_fields"))
            elif hasattr(value, "_fields"):
                todo.append(value)
    return False


def run_coroutine(coroutine):
    import asyncio

    return asyncio.run(coroutine)


def settle():
    """What python3 does when the script has ended: wait for threads, run atexit handlers."""
    Pump.ending = True
    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()
    if "atexit" in sys.modules:
        sys.modules["atexit"]._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()  # a script may have put one of its own there
        except Exception:
            pass


FRAMES = 100  # kept from each end of a traceback
HERE = calls_main.__code__.co_filename


def without_our_frames(report):
    """Take out frames of this file, and of the import system where it is called through us."""
    todo = [report]
    while todo:
        report = todo.pop()
        if any(frame.filename == HERE for frame in report.stack):
            report.stack[:] = [frame for frame in report.stack if frame.filename != HERE
                               and not frame.filename.startswith("<frozen importlib.")]
        linked = [report.__cause__, report.__context__, *(getattr(report, "exceptions", None) or ())]
        todo.extend(link for link in linked if link is not None)


def report(error):
    """(traceback text, frames) of an exception; frames are (file, line, function, source)."""
    import traceback

    if isinstance(error, SyntaxError) and error.text is None and error.filename in sources:
        lines = source_lines(error.filename)
        if error.lineno and error.lineno <= len(lines):
            error.text = lines[error.lineno - 1]
    report = traceback.TracebackException.from_exception(error)
    without_our_frames(report)
    stack = list(report.stack)
    if len(stack) > 2 * FRAMES:
        stack = stack[:FRAMES] + stack[-FRAMES:]
    return "".join(report.format()), [(f.filename, f.lineno, f.name, f.line) for f in stack]
