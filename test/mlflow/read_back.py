"""Reads a run of moft back with MLflow's own client, as JSON: params, tags, histories, artifact digests, status."""
import hashlib
import json
import sys

import mlflow
from mlflow.tracking import MlflowClient

address, experiment, run_id = sys.argv[1:]
mlflow.set_tracking_uri(address)
client = MlflowClient()
found = client.get_experiment_by_name(experiment)


def artifacts(run):
    def files(path=None):
        for item in client.list_artifacts(run.info.run_id, path):
            yield from files(item.path) if item.is_dir else [item.path]

    def digest(path):
        local = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=path)
        with open(local, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    return {path: digest(path) for path in files()}


def describe(run):
    history = {
        key: sorted([m.step, m.timestamp, m.value] for m in client.get_metric_history(run.info.run_id, key))
        for key in run.data.metrics
    }
    return {
        "id": run.info.run_id,
        "name": run.info.run_name,
        "status": run.info.status,
        "start": run.info.start_time,
        "end": run.info.end_time,
        "params": run.data.params,
        "tags": run.data.tags,
        "history": history,
        "artifacts": artifacts(run),
    }


runs = client.search_runs([found.experiment_id], f"tags.`moft.run` = '{run_id}'", max_results=1000)
print(json.dumps([describe(run) for run in runs]))
