"""Compares a run of moft on a server, read by MLflow's own client, with what the journal of its store says.

    python compare.py STORE RUN ADDRESS

Reads the journal, the jobs and events of the attempts, and the records, by itself; every param, metric history, tag,
artifact digest and judgment must be there, once, and nothing beside it but final figures. Prints counts and problems
as JSON; exit code 1 where there is a problem.
"""
import hashlib
import json
import pathlib
import sys

import mlflow
from mlflow.tracking import MlflowClient

store, run_id, address = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
mlflow.set_tracking_uri(address)
client = MlflowClient()
counts = dict.fromkeys(["runs", "params", "points", "tags", "artifacts", "judgments"], 0)
problems = []


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def lines(path):
    if not path.exists():
        return []
    found = []
    for line in path.read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            pass  # torn by a kill
    return found


def expect(what, wanted, found):
    if wanted != found:
        problems.append(f"{what}: expected {wanted!r}, found {found!r}")


def as_text(value):
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def flattened(values, prefix=""):
    flat = {}
    for name, value in values.items():
        flat |= flattened(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def download(run, path):
    local = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=path)
    return pathlib.Path(local).read_bytes()


def originals(run):
    """Whole values of what was cut, and rewritten names by the given ones."""
    try:
        return json.loads(download(run, "moft/originals.json"))
    except Exception:
        return {"names": {}, "params": {}, "tags": {}}


def check_params(what, run, wanted):
    whole = originals(run)
    sent = {given: name for name, given in whole["names"].items()}
    for name, value in wanted.items():
        counts["params"] += 1
        at = sent.get(name, name)
        found = whole["params"].get(at, run.data.params.get(at))
        same = found is not None and (found == as_text(value) or json_equal(found, value))
        if not same:
            problems.append(f"{what}: param {name}: expected {value!r}, found {found!r}")


def json_equal(text, value):
    try:
        return json.loads(text) == value
    except ValueError:
        return False


def check_metrics(what, run, wanted):
    sent = {value: key.removeprefix("moft.name.") for key, value in run.data.tags.items() if key.startswith("moft.name.")}
    known = set()
    for name, points in wanted.items():
        key = next((k for k in run.data.metrics if name in sent and k.endswith(f"-{sent[name]}")), name)
        known.add(key)
        found = [(m.step, m.timestamp, m.value) for m in client.get_metric_history(run.info.run_id, key)]
        counts["points"] += len(found)
        expect(f"{what}: metric {name}", sorted(points), sorted(found))
    for key in set(run.data.metrics) - known:
        found = client.get_metric_history(run.info.run_id, key)
        expect(f"{what}: final figure {key} stands once at step 0", [0], [m.step for m in found])


def check_tags(what, run, wanted):
    for name, value in wanted.items():
        if value is not None:
            counts["tags"] += 1
            expect(f"{what}: tag {name}", str(value), run.data.tags.get(name))


def check_artifacts(what, run, record):
    for artifact in record["artifacts"]:
        name, digest = artifact["name"], artifact["digest"]
        counts["artifacts"] += 1
        if artifact["type"] == "file":
            expect(f"{what}: artifact {name}", digest, sha256(download(run, f"outputs/{name}")))
            continue
        listing = download(run, f"moft/listings/{name}.json")
        expect(f"{what}: listing of {name}", digest, sha256(listing))
        for entry in json.loads(listing):
            if entry["type"] != "file":
                continue
            counts["artifacts"] += 1
            try:
                content = download(run, f"outputs/{name}/{entry['path']}")
            except Exception:
                content = download(run, f"moft/blobs/{entry['digest']}")
            expect(f"{what}: artifact {name}/{entry['path']}", entry["digest"], sha256(content))


def check_judgments(what, run, wanted):
    filter_string = f"metadata.`mlflow.sourceRun` = '{run.info.run_id}'"
    traces = client.search_traces(
        locations=[run.info.experiment_id], filter_string=filter_string, max_results=500, include_spans=False
    )
    counts["judgments"] += len(traces)
    found = [one.feedback.value for trace in traces for one in trace.info.assessments if one.feedback.error is None]
    expect(f"{what}: number of judgments", len(wanted), len(traces))
    decided = [e.get("verdict", e["status"]) for e in wanted if e["status"] in ("ok", "tie", "inconsistent")]
    expect(f"{what}: verdicts", sorted(map(str, decided)), sorted(map(str, found)))


def check_cell(cell, key, end, run):
    attempts = store / "attempts" / run_id / sha256(cell.encode())[:16]
    tries = sorted((path for path in attempts.iterdir() if path.name.isdigit()), key=lambda path: int(path.name))
    job = json.loads((tries[-1] / "job.json").read_text())
    events = [event for path in tries for event in lines(path / "events.jsonl")]
    wanted = {}
    for event in events:
        if event["type"] == "metric":
            wanted.setdefault(event["name"], set()).add((event["step"], event["time"], float(event["value"])))
    for line in (line for path in tries for line in lines(path / "vitals.jsonl")):
        for name, value in line["figures"].items():
            wanted.setdefault(name, set()).add((line["step"], line["time"], float(value)))
    stage, _, rest = cell.partition("/")
    axes = dict(part.split("=", 1) for part in rest.split(",") if part)
    seed = {"seed": job["seed"]} if "seed" in job else {}
    check_params(cell, run, flattened(job["with"]) | seed | axes)
    check_metrics(cell, run, wanted)
    tags = {f"moft.axis.{axis}": value for axis, value in axes.items()}
    check_tags(cell, run, tags | {"moft.key": key, "moft.kind": job["kind"], "moft.stage": stage})
    check_judgments(cell, run, [event for event in events if event["type"] == "judgment"])
    status = {"ran": "FINISHED", "failed": "FAILED"}.get((end or {}).get("status"), "KILLED")
    expect(f"{cell}: status", status, run.info.status)
    record = (end or {}).get("record")
    check_tags(cell, run, {"moft.record": record})
    if record and end["status"] == "ran":
        check_artifacts(cell, run, json.loads((store / "records" / key / f"{record}.json").read_text()))


def main():
    journal = lines(store / "journal" / f"{run_id}.jsonl")
    started = next(line for line in journal if line["type"] == "run-started")
    begun = {line["cell"]: line["key"] for line in journal if line["type"] == "cell-started"}
    ends = {line["cell"]: line for line in journal if line["type"] == "cell-finished"}
    finished = next((line for line in journal if line["type"] == "run-finished"), None)
    experiment = client.get_experiment_by_name(started.get("experiment", started["pipeline"]))
    filter_string = f"tags.`moft.run` = '{run_id}'"
    runs = client.search_runs([experiment.experiment_id], filter_string, max_results=50_000)
    counts["runs"] = len(runs)
    cells = [run.data.tags["moft.cell"] for run in runs if run.data.tags.get("moft.role") == "cell"]
    expect("cells", sorted(begun), sorted(cells))
    parents = [run for run in runs if run.data.tags.get("moft.role") == "run"]
    expect("runs of the run itself", 1, len(parents))
    for run in runs:
        cell = run.data.tags.get("moft.cell")
        source = started.get("source", {})
        tags = {"mlflow.user": source.get("user"), "moft.pipeline": started["pipeline"]}
        tags["mlflow.source.git.commit"] = source.get("commit")
        tags["mlflow.source.git.branch"] = source.get("branch")
        check_tags(cell or "run", run, tags)
        if cell in begun:
            check_cell(cell, begun[cell], ends.get(cell), run)
    for parent in parents:
        check_params("run", parent, flattened(started.get("params", {})))
        status = {"done": "FINISHED", "failed": "FAILED", "environment": "FAILED"}
        expect("run: status", status.get((finished or {}).get("status"), "KILLED"), parent.info.status)


main()
print(json.dumps({"counts": counts, "problems": problems}))
sys.exit(1 if problems else 0)
