"""Makes a process believe that TensorFlow was imported beforehand."""

import sys
import types

sys.modules["tensorflow"] = types.ModuleType("tensorflow")
