"""Engines in processes of their own: for native code that holds the GIL, is not thread-safe, or may crash.

`pool` is the asynchronous side, and `process` its hold on the processes; `template` runs in a clean process
that loads an engine once and forks workers from it; `channel` is the synchronous end of the pipe that a
worker talks through; `frames` is what goes over it.

An engine's worker module has two functions: `load(options)`, called once, and `run(loaded, job)`, called for
each job with a `channel.Job`.
"""
