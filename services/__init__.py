"""The services. Some libraries read the environment when they are imported, so what is theirs in it
is taken out before any of them is."""

from services.adapters.environment import OF_LIBRARIES, forget

forget(OF_LIBRARIES)
