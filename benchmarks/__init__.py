"""Measurements of the real program: ``python -m benchmarks.NAME [--small]``, or ``make bench``.

Each prints one JSON object on stdout: what the machine can do by itself, the figures, and which
bounds they meet. Nothing fails when a bound is missed; docs/performance.md tells what they mean.

To add one, write a module with ``main()`` that prints a ``measure.Report``, and name it in the
Makefile's target ``bench``.
"""
