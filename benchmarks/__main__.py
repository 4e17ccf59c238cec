"""`python -m benchmarks [--quick] [section …]`"""

import argparse
import importlib
import time

from rich.console import Console

from benchmarks import measure, report

SECTIONS = (
    "decode",
    "socket_to_loop",
    "sending",
    "import_time",
    "connections",
    "turn_latency",
    "mouth_to_ear",
    "turn_taking",
    "capacity",
    "webrtc",
    "memory",
    "footprint",
)

DISTURBED = 5.0
"""Percent of the machine from which on what other programs do deserves a note."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="fewer rounds and sessions: for a first look")
    arguments = parser.parse_args()
    unknown = set(arguments.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"there is no section {', '.join(sorted(unknown))}; choose from {', '.join(SECTIONS)}")
    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    found = report.machine()
    console.print(
        f"{found['cpu']}, {found['cores']} cores, load {found['load']}; Python {found['python']}, "
        f"{found['system']}\n"
    )
    reports = []
    for name in arguments.sections or SECTIONS:
        begin, others = time.monotonic(), measure.Others()
        section = importlib.import_module(f"benchmarks.{name}")
        with console.status(f"{name} …"):
            result: report.Report = section.run(quick=arguments.quick)
        result.figures["seconds"] = round(time.monotonic() - begin, 1)
        result.figures["others_percent"] = round(others.percent(), 1)
        if result.figures["others_percent"] > DISTURBED:
            busy = result.figures["others_percent"]
            result.notes.append(f"Disturbed: other programs took {busy:.0f} % of the machine meanwhile.")
        result.write()
        result.show(console)
        reports.append(result)
    console.print(report.summary(reports))
    console.print(f"JSON and charts: {report.OUT}/")


if __name__ == "__main__":
    main()
