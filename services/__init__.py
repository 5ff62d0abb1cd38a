"""The services. Some libraries read the environment when they are imported, so what is theirs in it
is taken out before any of them is."""

import gc

from services.adapters.environment import OF_LIBRARIES, forget

# By default Python looks for cycles after every 700 new objects. We make many objects that live
# shortly and few cycles: a start took 15 % less CPU, and no more memory.
gc.set_threshold(10_000, 10, 10)
forget(OF_LIBRARIES)
