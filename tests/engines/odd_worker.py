"""A worker module that does whatever a test needs, also what no engine should."""

import os
import signal
import sys
import time

from vivavoce.engines.workers.channel import Job, JobFailed


def load(options):
    match options:
        case {"refuse": reason}:
            raise JobFailed(reason)
        case {"raise": reason}:
            raise ValueError(reason)
        case {"exit": status}:
            os._exit(status)
        case {"once": path}:
            # The first time all is well.
            if os.path.exists(path):
                raise JobFailed("The model is gone.")
            with open(path, "w"):
                pass
    return options


def run(loaded, job: Job) -> None:
    match job.opening:
        case "pids":
            job.send([os.getpid(), os.getppid()])
        case "echo":
            while (message := job.receive()) is not None:
                job.send(message)
        case ["flood", count, size]:
            for number in range(count):
                job.send([number, bytes(size)])
        case "until given up":
            job.send("begun")
            while not job.given_up:
                time.sleep(0.001)
        case ["stall", seconds]:
            job.send("begun")
            time.sleep(seconds)
            while job.receive() is not None:
                pass
        case "crash":
            job.send("last words")
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            sys.exit("A worker must not end like this.")
        case "raise":
            job.send("first")
            raise ZeroDivisionError("the secret of the engine")
        case "refuse":
            raise JobFailed("The text is too long.")
        case ["garbage", data]:
            job._channel._connection.sendall(data)
            time.sleep(60)
        case _:
            raise AssertionError(job.opening)
