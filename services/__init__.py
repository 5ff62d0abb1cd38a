"""The services. Some libraries read the environment when they are imported, so what is theirs in it
is taken out before any of them is."""

import gc
import os

from services.adapters.environment import OF_LIBRARIES, forget

# By default Python looks for cycles after every 700 new objects. We make many objects that live
# shortly and few cycles: a start took 15 % less CPU, and no more memory.
gc.set_threshold(10_000, 10, 10)
forget(OF_LIBRARIES)
# obstore would run a thread for each core. They wake each other for every request, and one can hash
# and send more than the one thread that Python runs on can bring (decisions/0043).
os.environ.setdefault("TOKIO_WORKER_THREADS", "1")
