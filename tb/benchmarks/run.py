#!/usr/bin/env python3
"""Run every benchmark and write docs/benchmarks.md: each table under the command that made it.

Run by `make bench`. Exit status: 0 done; 1 a benchmark failed, and nothing was written.
"""

import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"

# What is measured, what it says, and the command.
BENCHMARKS = [
    ("Hits", "One lookup a cycle, each answered in the next one.", ["bench", "hit"]),
    ("Walks of lines, the default port of 512 bits",
     "Cycles from the acceptance of a request that misses to its checked answer, memory latency L.", ["bench", "walk"]),
    ("Walks of lines over 128 bits", "", ["bench", "walk", "--config", "tb/benchmarks/line_128.toml"]),
    ("Walks of a cuckoo table",
     "All ways are read at once: the columns are pages in the first and in the second way.",
     ["bench", "walk", "--config", "tb/benchmarks/cuckoo.toml"]),
    ("The formats side by side",
     "One trace, the shipped one with the most misses, over the walkers of all formats; every miss of the first level is "
     "a walk.", ["bench", "formats"]),
    ("Speed of the simulation",
     "References of a trace that mostly hits, each replayed and checked. It depends on the machine, on what else it "
     "does, and on where the compiled design happens to lie in physical memory: most copies of one file are alike within "
     "a twentieth, but one in six is a tenth to a third slower. The trace is read by another thread, so that its time is "
     "beside the others.", ["bench", "sim"]),
]

HEAD = """\
# Benchmarks

`make bench` wrote this page: each table stands under the command that made it. Cycles are exact and the same on every
machine; what depends on the machine says so. Sizes and clocks on an FPGA are in [fpga/README.md](../fpga/README.md), software
refill on a processor in [refill.md](refill.md), and the golden model's tables are measured by
`cargo bench -p hashwalk-model --bench organisations`.

Measured on {machine}, {cores} processors.
"""


def main() -> int:
    """Run all, and write the page if none has failed."""
    hashwalk = sys.argv[1:] or ["hashwalk"]
    sections = [HEAD.format(machine=_processor(), cores=os.cpu_count())]
    begin = time.monotonic()
    for title, text, arguments in BENCHMARKS:
        print(f"[{time.monotonic() - begin:4.0f} s] {title}", file=sys.stderr, flush=True)
        run = subprocess.run([*hashwalk, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if run.returncode != 0:
            print(f"make bench: `hashwalk {' '.join(arguments)}` failed, nothing was written", file=sys.stderr)
            return 1
        said = f"\n{text}\n" if text else ""
        sections.append(f"## {title}\n{said}\n```\n$ hashwalk {' '.join(arguments)}\n{run.stdout.rstrip()}\n```\n")
    part = PAGE.with_suffix(".part")
    part.write_text("\n".join(sections))
    part.replace(PAGE)
    print(f"wrote {PAGE.relative_to(ROOT)}", file=sys.stderr)
    return 0


def _processor() -> str:
    """The processor's name, if the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


if __name__ == "__main__":
    sys.exit(main())
