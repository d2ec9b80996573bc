"""Proving patches on a copy of the target, in child processes: the only part of the workbook that runs audited code.

``copying`` makes the copy, ``children`` runs processes with limits and the guard, ``applying`` puts the series on top,
``reaudit`` asks the checks again, ``starting`` starts the application, ``testing`` runs the tests, ``proving`` goes
through the rounds, ``verdicts`` says what came of it.
"""
