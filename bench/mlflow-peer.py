"""The same work by MLflow's own Python client: prints seconds on the clock and of the processor, as JSON."""
import json
import sys
import time

import mlflow
from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

address, mode, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
mlflow.set_tracking_uri(address)
mlflow.set_experiment("bench")
client = MlflowClient()
with mlflow.start_run() as run:
    client.log_metric(run.info.run_id, "warm", 0.0)
    clock, cpu = time.perf_counter(), time.process_time()
    if mode == "batches":
        for start in range(0, count, 1000):
            points = [Metric("loss", n * 0.5, 1_800_000_000_000 + n, n) for n in range(start, start + 1000)]
            client.log_batch(run.info.run_id, metrics=points)
    else:
        for n in range(count):
            mlflow.log_metric("loss", n * 0.5, step=n, synchronous=mode == "loop")
        mlflow.flush_async_logging()
    print(json.dumps({"seconds": time.perf_counter() - clock, "cpu": time.process_time() - cpu}))
