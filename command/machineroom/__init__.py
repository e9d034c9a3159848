"""The machine room (机房): how the platform itself is, shown to administrators and watched by rules of its own.

What processes told of themselves (:mod:`devices.reporting`) and what the database says become one value, the
:class:`~command.machineroom.state.Machine`; checks are pure functions of it, for the page and for alerts alike.
"""
