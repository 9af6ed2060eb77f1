"""Makes the files of other trackers that `tests/transfer/imports.rs` takes in.

    python3 make.py mlflow        # with mlflow==3.17.2
    python3 make.py others        # with tensorboardX==2.6.5, tensorboard==2.21.0, pyarrow==26.0.1, numpy

The database of MLflow is kept as SQL, so that it can be read; event files and Parquet as they are.
"""

import decimal
import datetime
import os
import pathlib
import shutil
import sqlite3
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TABLES = ["alembic_version", "experiments", "runs", "metrics", "params", "tags", "datasets", "inputs", "input_tags",
          "logged_models", "logged_model_params", "logged_model_tags", "logged_model_metrics", "registered_models",
          "model_versions", "registered_model_tags", "model_version_tags", "registered_model_aliases"]


def make_mlflow():
    import mlflow
    from mlflow.entities import Dataset, DatasetInput, InputTag, LoggedModelInput, LoggedModelOutput, Metric

    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "mlflow.db"
        mlflow.set_tracking_uri(f"sqlite:///{path}")
        client = mlflow.MlflowClient()
        experiment = client.create_experiment("tiles", artifact_location="mlflow-artifacts:/tiles")
        run = client.create_run(experiment, start_time=1_700_000_000_000, run_name="first", tags={"kind": "größe"})
        id = run.info.run_id
        client.log_batch(id, metrics=[
            Metric("loss", 1.0 / (step + 1), 1_700_000_000_000 + step, step) for step in range(50)
        ] + [
            Metric("odd", float("nan"), 1, 0), Metric("odd", float("inf"), 2, 1), Metric("odd", float("-inf"), 3, 2),
            Metric("odd", 2.5, 4, -3),
        ])
        client.log_param(id, "lr", 0.01)
        client.log_param(id, "net.depth", 34)
        client.log_inputs(id, [DatasetInput(Dataset("town", "d1", "local", "{\"uri\": \"town\"}"), [InputTag("mlflow.data.context", "training")])])
        client.set_terminated(id, "FAILED", 1_700_000_060_000)
        second = client.create_run(experiment, start_time=1_700_000_100_000)
        model = client.create_logged_model(experiment, "unet", id, tags={"kind": "best"}, params={"depth": "34"}, model_type="torch")
        client.finalize_logged_model(model.model_id, "READY")
        client.log_outputs(id, [LoggedModelOutput(model.model_id, 3)])
        for step in range(3):
            client.log_metric(id, "iou", 0.5 + step / 10, 1_700_000_000_000 + step, step, model_id=model.model_id, dataset_name="town", dataset_digest="d1")
        client.log_inputs(second.info.run_id, models=[LoggedModelInput(model.model_id)])
        lost = client.create_logged_model(experiment, "lost", id)
        client.delete_logged_model(lost.model_id)
        client.create_registered_model("houses", tags={"team": "maps"}, description="finds houses")
        client.create_model_version("houses", f"models:/{model.model_id}", id, tags={"ok": "yes"}, description="the first")
        client.create_model_version("houses", "file:///elsewhere")
        client.delete_model_version("houses", "2")
        client.create_model_version("houses", f"runs:/{id}/model", id)
        client.set_registered_model_alias("houses", "champion", 1)
        client.transition_model_version_stage("houses", 3, "Production")
        gone = client.create_run(experiment, start_time=1_700_000_200_000, run_name="gone")
        client.delete_run(gone.info.run_id)
        database = sqlite3.connect(path)
        database.execute("UPDATE runs SET run_uuid = 'first', artifact_uri = 'mlflow-artifacts:/tiles/first/artifacts' WHERE run_uuid = ?", [id])
        for table in ["metrics", "params", "tags"]:
            database.execute(f"UPDATE {table} SET run_uuid = 'first' WHERE run_uuid = ?", [id])
        database.execute("UPDATE inputs SET destination_id = 'first' WHERE destination_id = ?", [id])
        database.execute("UPDATE inputs SET source_id = 'first' WHERE source_id = ?", [id])
        # Known identities, and the folder that a logged model's files would be in.
        for table in ["logged_models", "logged_model_params", "logged_model_tags", "logged_model_metrics"]:
            database.execute(f"UPDATE {table} SET model_id = 'm-unet' WHERE model_id = ?", [model.model_id])
        database.execute("UPDATE inputs SET destination_id = 'm-unet' WHERE destination_id = ?", [model.model_id])
        database.execute("UPDATE logged_models SET source_run_id = 'first', artifact_location = 'mlflow-artifacts:/tiles/models/' || model_id || '/artifacts'")
        database.execute("UPDATE logged_model_metrics SET run_id = 'first'")
        database.execute("UPDATE model_versions SET run_id = 'first' WHERE run_id = ?", [id])
        database.execute("UPDATE model_versions SET source = 'models:/m-unet' WHERE version = 1")
        database.execute("UPDATE model_versions SET source = 'runs:/first/model' WHERE version = 3")
        database.execute("UPDATE experiments SET artifact_location = './mlruns/0' WHERE experiment_id = 0")
        database.commit()
        wanted = [f'TABLE "{table}"' for table in TABLES] + [f"TABLE {table} " for table in TABLES] + [f'INTO "{table}"' for table in TABLES]
        lines = [line for line in database.iterdump() if any(word in line.split("(")[0] + " " for word in wanted)]
        (HERE / "mlflow.sql").write_text("-- Made by make.py with mlflow " + mlflow.__version__ + "\nPRAGMA foreign_keys = OFF;\n" + "\n".join(lines) + "\n")


def make_tensorboard():
    import numpy
    from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboardX import SummaryWriter

    root = HERE / "tensorboard"
    shutil.rmtree(root, ignore_errors=True)
    writer = SummaryWriter(str(root / "x"), write_to_disk=True)
    for step in range(20):
        writer.add_scalar("train/loss", 1.0 / (step + 1), step, walltime=1_700_000_000 + step)
    writer.add_scalar("train/loss", float("nan"), 20, walltime=1_700_000_020.5)
    writer.add_text("notes", "hello", 3, walltime=1_700_000_021)
    writer.add_image("picture", numpy.zeros((3, 2, 4), numpy.uint8), 5, walltime=1_700_000_022)
    writer.add_histogram("weights", numpy.arange(10.0), 1, walltime=1_700_000_023)
    writer.close()
    # What TensorFlow 2 writes: numbers as tensors, in either form.
    tf2 = EventFileWriter(str(root / "tf2"))

    def add(tag, plugin, tensor, step, content=b""):
        metadata = summary_pb2.SummaryMetadata(plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name=plugin, content=content))
        value = summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=metadata)
        tf2.add_event(event_pb2.Event(wall_time=1_700_000_000 + step, step=step, summary=summary_pb2.Summary(value=[value])))

    add("accuracy", "scalars", tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[0.25]), 1)
    add("accuracy", "scalars", tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_content=numpy.float32(0.5).tobytes()), 2)
    add("accuracy", "scalars", tensor_pb2.TensorProto(dtype=types_pb2.DT_DOUBLE, double_val=[0.1]), 3)
    add("pictures", "images", tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[b"4", b"2", b"\x89PNG one", b"\x89PNG two"]), 4)
    bins = numpy.array([[0.0, 2.0, 1.0], [2.0, 4.0, 3.0]], numpy.float32)
    shape = tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in bins.shape])
    add("layer", "histograms", tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_content=bins.tobytes(), tensor_shape=shape), 5)
    add("layer", "histograms", tensor_pb2.TensorProto(dtype=types_pb2.DT_DOUBLE, double_val=bins.ravel(), tensor_shape=shape), 6)
    add("sound", "audio", tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[b"RIFF", b""]), 7)
    from tensorboard.plugins.hparams import plugin_data_pb2
    data = plugin_data_pb2.HParamsPluginData(version=0)
    data.session_start_info.hparams["lr"].number_value = 0.01
    data.session_start_info.hparams["net"].string_value = "unet"
    data.session_start_info.hparams["flip"].bool_value = True
    add("_hparams_/session_start_info", "hparams", tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT), 0, data.SerializeToString())
    tf2.close()
    for number, file in enumerate(sorted(root.rglob("*tfevents*"))):
        # The names of machine and process are no one's business.
        file.rename(file.with_name(f"events.out.tfevents.170000000{number}.host.1.0"))


def make_neptune():
    import pyarrow
    import pyarrow.parquet

    # The schema of neptune-exporter's model.py.
    schema = pyarrow.schema([
        ("project_id", pyarrow.string()), ("run_id", pyarrow.string()), ("attribute_path", pyarrow.string()),
        ("attribute_type", pyarrow.string()), ("step", pyarrow.decimal128(18, 6)), ("timestamp", pyarrow.timestamp("ms", tz="UTC")),
        ("int_value", pyarrow.int64()), ("float_value", pyarrow.float64()), ("string_value", pyarrow.string()),
        ("bool_value", pyarrow.bool_()), ("datetime_value", pyarrow.timestamp("ms", tz="UTC")),
        ("string_set_value", pyarrow.list_(pyarrow.string())), ("file_value", pyarrow.struct([("path", pyarrow.string())])),
        ("histogram_value", pyarrow.struct([("type", pyarrow.string()), ("edges", pyarrow.list_(pyarrow.float64())), ("values", pyarrow.list_(pyarrow.float64()))])),
    ])
    root = HERE / "neptune"
    shutil.rmtree(root, ignore_errors=True)

    def when(seconds):
        return datetime.datetime.fromtimestamp(1_700_000_000 + seconds, datetime.timezone.utc)

    def attribute(path, kind, **values):
        return {"project_id": "org/maps", "run_id": "MAP-1", "attribute_path": path, "attribute_type": kind, **values}

    def series(path, kind, step, **values):
        return attribute(path, kind, step=decimal.Decimal(step), timestamp=when(1), **values)

    parts = [
        [
            attribute("config/lr", "float", float_value=0.01),
            attribute("config/depth", "int", int_value=34),
            attribute("config/flip", "bool", bool_value=True),
            attribute("config/net", "string", string_value="unet"),
            attribute("sys/name", "string", string_value="brisk"),
            attribute("sys/owner", "string", string_value="ann"),
            attribute("sys/creation_time", "datetime", datetime_value=when(0)),
            attribute("sys/modification_time", "datetime", datetime_value=when(60)),
            attribute("sys/failed", "bool", bool_value=True),
            attribute("sys/tags", "string_set", string_set_value=["a", "b"]),
        ] + [series("train/loss", "float_series", str(step), float_value=1.0 / (step + 1)) for step in range(100)],
        [
            series("half", "float_series", "0.5", float_value=1.0),
            series("half", "float_series", "1.5", float_value=2.0),
            series("log", "string_series", "1", string_value="hello"),
            series("weights", "histogram_series", "1", histogram_value={"type": "COUNTING", "edges": [0.0, 1.0], "values": [2.0]}),
            attribute("model", "file", file_value={"path": "org_maps/MAP-1/model.txt"}),
            attribute("lost", "file", file_value={"path": "../../secret"}),
        ],
    ]
    folder = root / "data" / "org_maps-1"
    folder.mkdir(parents=True)
    for number, rows in enumerate(parts):
        table = pyarrow.Table.from_pylist(rows, schema=schema)
        pyarrow.parquet.write_table(table, folder / f"MAP-1-2_part_{number}.parquet", compression="snappy")
    kept = root / "files" / "org_maps" / "MAP-1"
    kept.mkdir(parents=True)
    (kept / "model.txt").write_text("weights\n")


if sys.argv[1] == "mlflow":
    make_mlflow()
else:
    make_tensorboard()
    make_neptune()
