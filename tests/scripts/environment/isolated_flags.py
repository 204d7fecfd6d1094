import site
import sys

_result = [sys.flags.isolated, sys.flags.no_user_site, "" in sys.path, site.ENABLE_USER_SITE in (None, False), sys.flags.utf8_mode, sys.dont_write_bytecode]
