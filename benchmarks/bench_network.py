"""A spiking network of 10,000 neurons whose 1.28 M synapses learn, beside other simulators, each in its own process.

All get the same 2.0 M connections and initial potentials from one file (network_peers/make_workload.py): current-based
neurons in steps of 0.1 ms, delays of 0.8 ms, additive pair plasticity between excitatory neurons. Prints CPU and wall
seconds per biological second, what building and compiling took, and how many times spinula's CPU seconds a peer needs.
spinula also runs with the intrinsic dynamics of every spine (every 2 s; 1 % of them replaced per second) and with
plasticity that dopamine gates.
A peer that is not installed is skipped; the figure of an earlier run stands for it.

    python benchmarks/bench_network.py [--seconds 4] [--only spinula nest brian2 annarchy] [--threads 2] [--static]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).with_name("network_peers")
MISSING = 3
# Runner and its options; the quickest setting of each simulator first.
RUNS = {
    "spinula": [
        ("run_spinula.py", []),
        ("run_spinula.py", ["--mode", "living"]),
        ("run_spinula.py", ["--mode", "reinforced"]),
    ],
    "nest": [("run_nest.py", []), ("run_nest.py", ["--synapse", "stdp_synapse_hom_hpc"])],
    "brian2": [("run_brian2.py", []), ("run_brian2.py", ["--mode", "cython"])],
    "annarchy": [("run_annarchy.py", []), ("run_annarchy.py", ["--mode", "lil"])],
}
# Seconds per biological second on one thread, measured earlier on 2 cores of an AMD EPYC (Zen 3), 4 s of this network.
EARLIER = {
    "nest": "NEST 3.10.0: 3.3 (stdp_synapse_hom_hpc), 3.8-4.1 (stdp_synapse)",
    "brian2": "Brian2 2.9.0: 1.37 (C++ standalone), 2.0-2.2 (Cython)",
    "annarchy": "ANNarchy 5.0.4.1: 1.60 (csr), 1.9-2.1 (lil)",
}
# Peers that no package registry has, or that cannot run this very network.
NOT_RUN = (
    "GeNN 5.4.0, one CPU thread: 2.6-2.8 (built from source; not on PyPI)",
    "Auryn 674ef80: 0.58-0.62 (conductance-based neurons tuned to the same rate: another model)",
    "NEST 3.10.0 with stdp_dopamine_synapse: 226 (one run of 1 s)",
)


def run(script, more, workload, options):
    """Run one process; return its row, or None if the simulator is not installed."""
    command = [sys.executable, str(HERE / script), str(workload), "--seconds", str(options.seconds), *more]
    command += ["--threads", str(options.threads)] + ["--static"] * options.static
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "row.json"
        done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True, cwd=folder)
        if done.returncode == MISSING:
            print(f"skipped {script}: {done.stderr.strip().splitlines()[-1]}")
            return None
        if done.returncode:
            raise SystemExit(f"{script} failed:\n{done.stderr[-2000:] or done.stdout[-2000:]}")
        return json.loads(out.read_text(encoding="utf-8"))


def measure(options):
    """Return the rows of all that run, and the names of those that do not."""
    rows, skipped = [], []
    with tempfile.TemporaryDirectory() as folder:
        workload = Path(folder) / "workload.npz"
        subprocess.run([sys.executable, str(HERE / "make_workload.py"), str(workload)], check=True)
        for name in options.only:
            for script, more in RUNS[name]:
                if options.threads > 1 and more == ["--mode", "cython"]:
                    continue
                row = run(script, more, workload, options)
                if row is None:
                    skipped.append(name)
                    break
                rows.append(row | {"name": name})
                print(f"  {row['engine']}: done", file=sys.stderr)
    return rows, skipped


def show(rows):
    """Print the table; ratios are to spinula's row."""
    own = next((row for row in rows if row["name"] == "spinula"), None)
    head = ("CPU s/s", "wall s/s", "ratio", "import", "setup", "compile", "rate 1/s", "sd(w) mV", "MB", "load")
    print(f"\n{'':36s}" + "".join(f"{name:>9s}" for name in head))
    for row in rows:
        cpu, ratio = row["cpu_s"], ""
        if own is not None:
            ratio = f"{row['cpu_per_second'] / own['cpu_per_second']:.1f}"
        cells = (
            f"{row['cpu_per_second']:.3f}", f"{row['wall_per_second']:.3f}", ratio, f"{cpu['import']:.1f}",
            f"{cpu['setup']:.1f}", f"{cpu['compile']:.1f}", f"{row['rate']:.2f}", f"{row['weight_sd']:.5f}",
            f"{row['peak_mb']:.0f}", f"{row['load']:.1f}",
        )  # fmt: skip
        print(f"{row['engine']:36s}" + "".join(f"{cell:>9s}" for cell in cells))
    for row in rows:
        if "bytes" in row:
            print(f"{row['engine']}: {row['bytes']:.1f} bytes per synapse that learns, "
                  f"{100 * row['replaced']:.2f} % replaced per second")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="biological seconds")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--static", action="store_true", help="without plasticity")
    parser.add_argument("--only", nargs="+", choices=list(RUNS), default=list(RUNS))
    options = parser.parse_args()
    rows, skipped = measure(options)
    if rows:
        show(rows)
    print(f"\n{options.threads} thread(s) of {os.cpu_count()} cores; import, setup and compile in CPU seconds")
    for text in [EARLIER[name] for name in skipped if name in EARLIER] + list(NOT_RUN):
        print(f"not run here; measured earlier on 2 cores of an AMD EPYC (Zen 3): {text}")


if __name__ == "__main__":
    main()
