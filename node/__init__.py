"""The world: everything that has an effect, and the policies.

Store, listeners, delivery, casework, jurisdiction, registry, command line. Decisions stay pure
functions of state, command, time and ids; this package carries them out. It may import `protocol`
and `keys`; nothing imports it.
"""
