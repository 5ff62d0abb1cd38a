"""The whole system under an hour of fire: `python -m tests.fire --minutes N --seed S`.

Imports are asked for while a seeded dice throws faults at every part. Then the faults stop, and
twelve properties are checked from outside (docs/decisions/0068). It is no part of `make test`.
"""
