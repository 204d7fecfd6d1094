import sys
import types

module = types.ModuleType("made_here")
exec("value = 6", module.__dict__)
sys.modules["made_here"] = module
import made_here

_result = made_here.value * 7
