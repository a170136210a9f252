"""Puts gathered scores into a table: one row an item, named by its coordinates."""

import json
import os
from pathlib import Path

folder = Path(os.environ["MOFT_INPUT_SCORES"])
items = json.loads((folder / "items.json").read_text("utf-8"))
rows = [
    (item["coordinates"]["dial"], json.loads((folder / item["path"]).read_text("utf-8"))) for item in items
]
lines = ["| dial | rows | supported | words |", "| --- | --- | --- | --- |"]
lines += [f"| {dial} | {s['rows']} | {s['supported']} | {s['words']} |" for dial, s in rows]
Path(os.environ["MOFT_OUTPUT_TABLE"]).write_text("\n".join(lines) + "\n", "utf-8")
