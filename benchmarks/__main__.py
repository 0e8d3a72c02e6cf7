"""`python -m benchmarks`: measure, check that the answers agree, write RESULTS.md and its plot."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from benchmarks.agree import disagreement
from benchmarks.measure import SYSTEMS, answers
from benchmarks.report import Result, draw, remembered, write
from benchmarks.workloads import WORKLOADS, Size, Workload, make

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Run what is asked and return the exit code: 1 where answers differ."""
    args = _arguments()
    console = Console(stderr=True)
    build = ROOT / "build" / "bench"
    results: list[Result] = []
    chosen = [w for w in WORKLOADS if not args.only or w.name in args.only]
    for size in args.size:
        for workload in chosen:
            folder = make(workload, size, build)
            for system in SYSTEMS:
                if not answers(system, workload) or (args.systems and system not in args.systems):
                    continue
                with console.status(f"{size}  {workload.name}  {system}"):
                    result = _measure(system, workload, size, folder, args)
                console.print(f"{size}  {workload.name:8} {system:15} {result.summary}")
                results.append(result)
    wrong = [r for r in results if r.disagrees]
    for result in wrong:
        console.print(f"[red]{result.workload.name} {result.system}: {result.disagrees}[/red]")
    if not args.dry:
        results = remembered(results, build / "results.json", args.add)
        write(results, args.threads, Path(__file__).parent / "RESULTS.md")
        draw(results, Path(__file__).parent / "results.png")
    return 1 if wrong else 0


def _measure(
    system: str, workload: Workload, size: Size, folder: Path, args: argparse.Namespace
) -> Result:
    answer = folder / f"{system}.answer"
    command = [sys.executable, "-m", "benchmarks.measure", system, workload.name, str(folder)]
    command += [str(args.threads), str(args.repeat), str(answer)]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ
            | {"POLARS_MAX_THREADS": str(args.threads)}
            | ({"BIGHEAD_MEMORY": args.memory} if args.memory else {}),
            capture_output=True,
            text=True,
            timeout=args.limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Result(workload, size, system, failure=f"> {args.limit} s")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["killed"])[-1]
        return Result(workload, size, system, failure=last[:160])
    figures = json.loads(done.stdout.splitlines()[-1])
    ours = folder / "bighead.answer"
    differs = None
    if system != "bighead" and ours.exists():
        differs = disagreement(ours, answer, workload)
    data = sum(f.stat().st_size for f in folder.glob("*.parquet"))
    return Result(
        workload,
        size,
        system,
        seconds=min(figures["seconds"]),
        peak=figures["peak"],
        answer=figures["answer"],
        data=data,
        disagrees=differs,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="This engine beside its peers.",
        epilog="examples: make bench ARGS='--size 10000000x1000000 --only uniform --limit 900'; "
        "make bench ARGS='--size 100000000x10000000 --only uniform hot --systems bighead "
        "--memory 4GiB --limit 3600 --add'",
    )
    parser.add_argument(
        "--size",
        nargs="+",
        type=_size,
        default=[Size(1_000_000, 100_000)],
        metavar="EVENTSxLABELS",
    )
    parser.add_argument("--only", nargs="+", choices=[w.name for w in WORKLOADS], default=[])
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=[])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; the best counts")
    parser.add_argument("--limit", type=int, default=40, help="seconds before a peer is given up")
    parser.add_argument("--memory", help="this engine's limit, such as 4GiB; else what is free")
    parser.add_argument(
        "--add", action="store_true", help="keep the results of earlier runs that this one lacks"
    )
    parser.add_argument("--dry", action="store_true", help="leave RESULTS.md as it is")
    return parser.parse_args()


def _size(text: str) -> Size:
    try:
        events, labels = (int(part) for part in text.replace("_", "").split("x"))
    except ValueError as problem:
        message = f"'{text}' is not EVENTSxLABELS, such as 1000000x100000"
        raise argparse.ArgumentTypeError(message) from problem
    return Size(events, labels)


if __name__ == "__main__":
    sys.exit(main())
