import importlib

names = """argparse array ast asyncio base64 bisect bz2 calendar cmath codecs collections concurrent.futures configparser
contextlib contextvars copy csv ctypes dataclasses datetime decimal difflib dis email.message enum fnmatch fractions
functools gc getpass glob gzip hashlib heapq hmac html.parser http.client inspect io ipaddress itertools json keyword
linecache locale logging lzma mimetypes mmap multiprocessing numbers operator os pathlib pickle platform pprint queue
random re select secrets selectors shlex shutil signal smtplib socket sqlite3 ssl stat statistics string struct
subprocess symtable sysconfig tarfile tempfile textwrap threading time timeit tokenize tomllib traceback types typing
unicodedata unittest urllib.request uuid warnings weakref xml.etree.ElementTree zipfile zlib zoneinfo""".split()
failed = {}
for name in names:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = f"{type(error).__name__}: {error}"
_result = failed
