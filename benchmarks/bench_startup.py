"""What a user waits for: import, help, the demo; wall seconds, median, warm file cache.

python benchmarks/bench_startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

COMMANDS = {
    "import spinula": (["-c", "import spinula"], 7, 0.4),
    "spinula --help": (["-m", "spinula.faces.cli", "--help"], 7, 0.6),
    "spinula demo": (["-m", "spinula.faces.cli", "demo", "--force", "--out"], 1, 60.0),
}


def main():
    for name, (arguments, rounds, goal) in {"python": (["-c", "pass"], 7, None), **COMMANDS}.items():
        found = []
        with tempfile.TemporaryDirectory() as folder:
            extra = [folder] if arguments[-1] == "--out" else []
            for _ in range(rounds + (rounds > 1)):
                start = time.perf_counter()
                subprocess.run([sys.executable, *arguments, *extra], check=True, capture_output=True)
                found.append(time.perf_counter() - start)
        value = statistics.median(found[1:] or found)
        print(f"  {name:16s} {value:6.2f} s" + (f"   goal {goal} s" if goal else ""))


if __name__ == "__main__":
    main()
