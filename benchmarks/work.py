"""What the handlers that come with Atropos cost beside the same by hand, with the same libraries: `make bench-work`."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import typst
import vl_convert
from tests.videos import clip

from atropos_core.builtin_types import data_processing, report_generation, video_processing
from atropos_core.catalog import TaskType
from atropos_core.settings import get_settings
from atropos_sdk import testing
from atropos_worker.handlers.report.charts import STYLE, VEGA_LITE
from atropos_worker.handlers.report.templates import SHIPPED
from atropos_worker.handlers.video import program
from benchmarks.machine import description

ADDRESS = "http://bench.invalid/table"
GROUPED = {"group_by": ["shop", "day"], "aggregates": {"total": "sum(amount)", "n": "count(*)"}, "order_by": ["day"]}
REPORT = {"title": "Sales", "totals": ["amount"], "charts": [{"kind": "line", "x": "day", "y": "amount"}]}
#: Half a minute of 720p is made smaller, and shown as a sheet of sixteen frames.
VIDEO_SECONDS, VIDEO_SIZE = 30, "1280x720"
VIDEO = {"video": {"height": 480}, "thumbnails": {"columns": 4, "rows": 4, "width": 320}}
#: Ours may take so much longer: a share, or seconds, whichever is more.
SHARE, SECONDS = 0.1, 0.5


def make_table(path: Path, rows: int, seed: int) -> None:
    """Sales, as CSV or Parquet by the name of the file; others for each seed."""
    duckdb.sql(
        f"""COPY (SELECT i AS id, DATE '2026-01-01' + (i % 365)::INTEGER AS day, 'shop ' || hash(i) % 50 AS shop,
            round((hash(i + 1) % 100000) / 100, 2) AS amount, hash(i + 2) % 10 AS pieces, md5(i::VARCHAR) AS note
            FROM range({seed}, {seed} + {rows}) t(i)) TO '{path}'"""
    )


def handled(kind: TaskType, parameters: dict[str, Any], source: Path, folder: Path) -> Path:
    """By the handler, as a worker calls it; the folder of the artifacts."""
    ran = testing.run(kind, {"source": {"url": ADDRESS}, **parameters}, inputs={ADDRESS: source}, folder=folder)
    assert ran.result["simulated"] is False
    return folder / "artifacts"


def copied(sql: str, folder: Path) -> Path:
    """By hand: DuckDB writes what the SELECT returns, and tells the same of each column as our profile."""
    target = folder / "data.parquet"
    with duckdb.connect(config={"threads": get_settings().data_threads}) as connection:
        connection.execute(f"COPY ({sql}) TO '{target}'")
        names = [name for name, *_ in connection.execute(f"DESCRIBE FROM '{target}'").fetchall()]
        asked = ", ".join(
            f'count("{name}"), min("{name}"), max("{name}"), approx_count_distinct("{name}")' for name in names
        )
        connection.execute(f"SELECT count(*), {asked} FROM '{target}'").fetchall()
    return folder


def typeset(source: Path, folder: Path) -> Path:
    """By hand: the same chart, total and rows in the same template."""
    work = folder / "work"
    shutil.copytree(SHIPPED / "default", work)
    with duckdb.connect(config={"threads": get_settings().data_threads}) as connection:
        points = connection.execute(
            f"SELECT epoch_ms(day) AS x, sum(amount) AS y FROM '{source}' GROUP BY day ORDER BY day"
        ).fetchall()
        rows = connection.execute(f"SELECT COLUMNS(*)::VARCHAR FROM '{source}' LIMIT 200").fetchall()
        count, total = connection.execute(f"SELECT count(*), sum(amount) FROM '{source}'").fetchall()[0]
        columns = [(name, kind) for name, kind, *_ in connection.execute(f"DESCRIBE FROM '{source}'").fetchall()]
    (work / "chart-1.svg").write_text(_drawn(points))
    shown = {
        "title": "Sales",
        "subtitle": None,
        "date": "today",
        "day": "2026-01-01",
        "rows": rows,
        "row_count": count,
        "columns": [{"name": name, "numeric": kind in ("BIGINT", "DOUBLE"), "width": 10} for name, kind in columns],
        "totals": [{"name": "amount", "value": f"{total:,.2f}"}],
        "charts": [{"title": "Amount by day", "description": "Amount by day", "file": "chart-1.svg"}],
    }
    (work / "report.json").write_text(json.dumps(shown))
    typst.compile(work / "report.typ", root=work, output=folder / "report.pdf")
    return folder


def _drawn(points: list[tuple[Any, ...]]) -> str:
    return vl_convert.vegalite_to_svg(
        {
            "width": 600,
            "height": 200,
            "mark": "line",
            "config": STYLE,
            "data": {"values": [{"x": x, "y": y} for x, y in points]},
            "encoding": {"x": {"field": "x", "type": "temporal"}, "y": {"field": "y", "type": "quantitative"}},
        },
        vl_version=VEGA_LITE,
    )


def transcoded(source: Path, folder: Path) -> Path:
    """By hand: one run of the same ffmpeg for each output, with the settings that make it the same."""
    ffmpeg = [program.find(), "-loglevel", "error", "-i", str(source)]
    h264 = ("-c:v", "libx264", "-preset", "fast", "-crf", "23", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k")
    smaller = ("-vf", "scale=-2:480", *h264, "-movflags", "+faststart")
    subprocess.run([*ffmpeg, *smaller, str(folder / "video.mp4")], check=True)
    sheet = f"fps=16/{VIDEO_SECONDS}:round=near,scale=320:-2,tile=4x4"
    subprocess.run([*ffmpeg, "-vf", sheet, "-frames:v", "1", "-q:v", "3", str(folder / "thumbnails.jpg")], check=True)
    return folder


Way = Callable[[Path], Path]


def works(csv: Path, parquet: Path, video: Path) -> dict[str, tuple[str, Way, Way]]:
    """What is measured: the file that shows that it was done, ours, and by hand."""
    table = f"SELECT * FROM read_csv('{csv}')"
    groups = f"SELECT shop, day, sum(amount) AS total, count(*) AS n FROM ({table}) GROUP BY shop, day ORDER BY day"
    return {
        "CSV to Parquet": (
            "data.parquet",
            lambda folder: handled(data_processing, {}, csv, folder),
            lambda folder: copied(table, folder),
        ),
        "CSV, grouped, to Parquet": (
            "data.parquet",
            lambda folder: handled(data_processing, GROUPED, csv, folder),
            lambda folder: copied(groups, folder),
        ),
        "Parquet to PDF with a chart": (
            "report.pdf",
            lambda folder: handled(report_generation, REPORT, parquet, folder),
            lambda folder: typeset(parquet, folder),
        ),
        f"{VIDEO_SECONDS} s of video to 480p and thumbnails": (
            "thumbnails.jpg",
            lambda folder: handled(video_processing, VIDEO, video, folder),
            lambda folder: transcoded(video, folder),
        ),
    }


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock, and of processors, its own and those of processes that it ran."""

    clock: float
    processor: float


def cost(way: Way, made: str) -> Cost:
    """What it takes in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="atropos-bench-") as folder:
        began, used = time.perf_counter(), sum(os.times()[:4])
        done = way(Path(folder))
        took = Cost(time.perf_counter() - began, sum(os.times()[:4]) - used)
        assert (done / made).stat().st_size > 1000
    return took


def measure(csv: Path, parquet: Path, video: Path, rows: int, rounds: int) -> list[str]:
    """The table, as Markdown: medians of rounds in which ours and by hand take turns, after one that is not counted."""
    lines = ["| what | ours, s | by hand, s | ours / by hand | within | processor s, ours / by hand |"]
    lines.append("|---|---|---|---|---|---|")
    for name, (made, *ways) in works(csv, parquet, video).items():
        found: list[list[Cost]] = [[], []]
        for number in range(rounds + 1):
            # Others each time: within one process Typst remembers what it has set, and a worker seldom sets it again.
            make_table(parquet, rows, seed=number)
            for which in (0, 1) if number % 2 else (1, 0):
                found[which].append(cost(ways[which], made))
        ours, by_hand = (statistics.median(each.clock for each in costs[1:]) for costs in found)
        used = [statistics.median(each.processor for each in costs[1:]) for costs in found]
        within = "yes" if ours - by_hand <= max(SHARE * by_hand, SECONDS) else "no"
        lines.append(
            f"| {name} | {ours:.2f} | {by_hand:.2f} | {ours / by_hand:.2f} | {within} | {used[0]:.2f} / {used[1]:.2f} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the table (2,000,000)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (5)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="atropos-bench-") as folder:
        csv, parquet = Path(folder) / "sales.csv", Path(folder) / "sales.parquet"
        make_table(csv, options.rows, seed=0)
        video = clip(Path(folder) / "clip.mp4", seconds=VIDEO_SECONDS, size=VIDEO_SIZE)
        print(f"{options.rows:,} rows, {csv.stat().st_size / 1e6:.0f} MB of CSV, {description()['cores']} cores")
        print("\n".join(measure(csv, parquet, video, options.rows, options.rounds)))


if __name__ == "__main__":
    main()
