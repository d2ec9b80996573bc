"""Asking the running service: the application started from a copy, in a guarded child, over a loopback socket.

``surroundings`` finds variables with which it starts, ``stores`` gives it a database and Redis that can be stopped
(``addresses`` says by which variables it finds them), ``service`` starts and ends it, ``asking`` speaks HTTP,
``questions`` and ``failures`` hold what is asked, ``asked`` goes through them and makes probe.json, ``observed`` brings
it into a report.
"""
