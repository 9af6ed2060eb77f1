"""Every call of MLflow's fluent and client API that reaches a tracking server, against one server.

    python3 scenario.py URL answers.json

Writes a list of [name, answer]; identities and times are masked, so that the answers of two servers
can be compared. Needs: pip install mlflow scikit-learn pillow matplotlib psutil
"""

import json
import logging
import math
import os
import re
import sys
import tempfile
import warnings

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "1"
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
os.environ["MLFLOW_ENABLE_ASYNC_LOGGING"] = "false"
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import mlflow
import numpy
from google.protobuf.json_format import MessageToDict
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

TIMES = {
    "timestamp", "creation_time", "last_update_time", "start_time", "end_time", "creation_timestamp",
    "last_updated_timestamp", "creation_timestamp_ms", "last_updated_timestamp_ms",
}
ids = {}


def masked_text(text):
    def number(match):
        return f"<id {ids.setdefault(match.group(0), len(ids))}>"

    text = re.sub(r"\b(m-)?[0-9a-f]{32}\b", number, text)
    text = re.sub(r"timestamp\+\d+\+[0-9a-f-]{36}", "timestamp+<time>+<uuid>", text)
    return re.sub(r"\b\d{13}\b", "<time>", text)


def masked(value):
    if isinstance(value, dict):
        return {
            masked_text(str(key)): "<time>" if key in TIMES and item else masked(item)
            for key, item in sorted(value.items(), key=lambda pair: str(pair[0]))
        }
    if isinstance(value, (list, tuple)):
        items = [masked(item) for item in value]
        if items and all(isinstance(item, dict) and "key" in item for item in items):
            items.sort(key=lambda item: item["key"])
        return items
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        # The reference keeps infinities as the greatest finite number.
        return "Infinity" if value >= sys.float_info.max else "-Infinity" if value <= -sys.float_info.max else value
    if isinstance(value, str):
        return masked_text(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if hasattr(value, "to_proto"):
        return masked(MessageToDict(value.to_proto(), preserving_proto_field_name=True))
    if hasattr(value, "to_dictionary"):
        return masked(value.to_dictionary())
    if hasattr(value, "__dict__"):
        return masked({key.lstrip("_"): item for key, item in vars(value).items()})
    return masked_text(str(value))


answers = []


def told(name, call):
    """Records what a call answers, or how it is refused."""
    try:
        result = call()
    except MlflowException as error:
        message = masked_text(error.message.split("\n")[0])
        answers.append([name, {"refused": error.error_code, "message": message}])
        return None
    answers.append([name, masked(result)])
    return result


def by_key(items):
    return sorted(items, key=lambda item: (item.key, item.step if hasattr(item, "step") else 0))


def run_as_dict(run):
    """A run without what differs by machine, lists sorted by key."""
    fields = MessageToDict(run.to_proto(), preserving_proto_field_name=True)
    data = fields.get("data", {})
    for part in ("metrics", "params", "tags"):
        data[part] = sorted(data.get(part, []), key=lambda item: item["key"])
    fields["info"].pop("user_id", None)
    data["tags"] = [
        tag for tag in data["tags"]
        if not tag["key"].startswith("mlflow.source") and tag["key"] not in ("mlflow.user", "mlflow.log-model.history")
    ]
    for metric in data["metrics"]:
        if isinstance(metric.get("value"), str):
            metric["value"] = float(metric["value"])
        metric.pop("run_id", None)
    fields.setdefault("inputs", {})
    if not fields.get("outputs"):
        fields.pop("outputs", None)
    return fields


def experiments(client):
    told("default experiment", lambda: client.get_experiment("0"))
    told("absent experiment", lambda: client.get_experiment("987654"))
    told("absent experiment by name", lambda: client.get_experiment_by_name("nowhere"))
    first = client.create_experiment("first", tags={"team": "maps", "größe": "7"})
    told("create", lambda: first)
    told("create twice", lambda: client.create_experiment("first"))
    told("create blank", lambda: client.create_experiment(""))
    told("get", lambda: client.get_experiment(first))
    told("get by name", lambda: client.get_experiment_by_name("first"))
    second = client.create_experiment("second")
    told("rename", lambda: client.rename_experiment(second, "second renamed"))
    told("set tag", lambda: client.set_experiment_tag(second, "stage", "draft"))
    told("set tag again", lambda: client.set_experiment_tag(second, "stage", "final"))
    told("renamed", lambda: client.get_experiment(second))
    if hasattr(client, "delete_experiment_tag"):
        told("delete tag", lambda: client.delete_experiment_tag(second, "stage"))
        told("delete tag twice", lambda: client.delete_experiment_tag(second, "stage"))
    told("delete", lambda: client.delete_experiment(second))
    told("deleted by name", lambda: client.get_experiment_by_name("second renamed"))
    told("create in place of deleted", lambda: client.create_experiment("second renamed"))
    told("use deleted", lambda: mlflow.set_experiment("second renamed"))
    told("search active", lambda: [e.name for e in client.search_experiments()])
    told("search deleted", lambda: [e.name for e in client.search_experiments(view_type=ViewType.DELETED_ONLY)])
    told("search all", lambda: [e.name for e in client.search_experiments(view_type=ViewType.ALL, order_by=["name DESC"])])
    told("restore", lambda: client.restore_experiment(second))
    for text in ["name = 'first'", "name LIKE 'sec%'", "name ILIKE 'SEC%'", "name != 'first'", "tags.team = 'maps'",
                 "tags.`größe` = '7'", "tags.team != 'maps'", "tags.team IS NULL", "tags.team IS NOT NULL",
                 "creation_time > 0 AND name LIKE '%s%'", "experiment_id = '0'", "nonsense = 1", "name = first"]:
        told(f"search experiments: {text}", lambda text=text: sorted(
            e.name for e in client.search_experiments(filter_string=text)))
    told("experiments in pages", lambda: paged(lambda token: client.search_experiments(
        max_results=1, order_by=["experiment_id ASC"], page_token=token), lambda e: e.name))


def paged(search, shown):
    pages, token = [], None
    while True:
        page = search(token)
        pages.append([shown(item) for item in page])
        token = page.token
        if not token:
            return pages


def logging_calls(client):
    told("set experiment", lambda: mlflow.set_experiment("logging").name)
    with mlflow.start_run(run_name="logger", tags={"a": "1"}, description="*what* it is") as run:
        run_id = run.info.run_id
        mlflow.log_param("lr", 0.1)
        mlflow.log_param("lr", 0.1)
        told("param changed", lambda: mlflow.log_param("lr", 0.2))
        mlflow.log_params({"batch/size": 20, "name with space": "x", "ünï": "ü", "long": "x" * 500, "empty": ""})
        told("params changed", lambda: client.log_batch(run_id, params=[Param("lr", "9"), Param("new", "1")]))
        told("param twice in a batch", lambda: client.log_batch(run_id, params=[Param("p", "1"), Param("p", "2")]))
        mlflow.log_metric("loss", 1.0, step=0)
        mlflow.log_metric("loss", 0.5, step=1)
        mlflow.log_metric("loss", 0.7, step=-3)
        mlflow.log_metrics({"nan": math.nan, "inf": math.inf, "minf": -math.inf, "zero": 0.0, "big": 1e300}, step=2)
        mlflow.log_metrics({"valid/iou": 0.25}, step=10)
        told("metric named badly", lambda: client.log_metric(run_id, "../up", 1.0))
        told("metric named with tab", lambda: client.log_metric(run_id, "a\tb", 1.0))
        told("param named badly", lambda: client.log_param(run_id, "a//b", 1.0))
        client.log_batch(run_id, metrics=[Metric("m", v, 1000 + i, s) for i, (v, s) in enumerate(
            [(1.0, 5), (2.0, 5), (3.0, 4), (2.0, 5)])])
        client.log_batch(run_id, metrics=[Metric("m", 1.0, 1000, 5)])
        mlflow.set_tag("note", "ä\n\"quoted\"")
        mlflow.set_tags({"b": "2", "c/d": "3"})
        mlflow.set_tag("b", "22")
        mlflow.delete_tag("c/d")
        told("delete absent tag", lambda: mlflow.delete_tag("c/d"))
    told("run", lambda: run_as_dict(client.get_run(run_id)))
    for key in ("loss", "nan", "inf", "m", "absent"):
        told(f"history of {key}", lambda key=key: [
            [p.value, p.step] for p in client.get_metric_history(run_id, key)])
    told("times of m", lambda: [[p.timestamp, p.step, p.value] for p in client.get_metric_history(run_id, "m")] and [
        [str(p.timestamp), p.step, p.value] for p in client.get_metric_history(run_id, "m")])
    told("absent run", lambda: client.get_run("0" * 32))
    told("badly named run", lambda: client.get_run("no/run"))
    told("log to absent run", lambda: client.log_metric("0" * 32, "x", 1.0))
    return run_id


def life_cycle(client, run_id):
    with mlflow.start_run(run_id=run_id):
        mlflow.log_metric("resumed", 1.0)
        told("resumed", lambda: client.get_run(run_id).info.status)
    told("after resuming", lambda: client.get_run(run_id).info.status)
    try:
        with mlflow.start_run(run_name="failing") as failing:
            raise ValueError("boom")
    except ValueError:
        pass
    told("failed", lambda: client.get_run(failing.info.run_id).info.status)
    with mlflow.start_run(run_name="parent") as parent:
        with mlflow.start_run(run_name="child", nested=True) as child:
            mlflow.log_metric("score", 0.5)
    told("parent", lambda: mlflow.get_parent_run(child.info.run_id).info.run_name)
    told("children", lambda: [r.info.run_name for r in client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")])
    client.set_terminated(child.info.run_id, "KILLED")
    told("killed", lambda: client.get_run(child.info.run_id).info.status)
    client.update_run(child.info.run_id, name="child renamed")
    told("renamed", lambda: run_as_dict(client.get_run(child.info.run_id)))
    client.set_tag(child.info.run_id, "mlflow.runName", "by tag")
    told("renamed by tag", lambda: client.get_run(child.info.run_id).info.run_name)
    client.delete_run(child.info.run_id)
    told("deleted", lambda: client.get_run(child.info.run_id).info.lifecycle_stage)
    told("log to deleted", lambda: client.log_metric(child.info.run_id, "x", 1.0))
    told("end deleted", lambda: client.set_terminated(child.info.run_id))
    told("deleted runs", lambda: [r.info.run_name for r in client.search_runs(
        [parent.info.experiment_id], run_view_type=ViewType.DELETED_ONLY)])
    client.restore_run(child.info.run_id)
    told("restored", lambda: client.get_run(child.info.run_id).info.lifecycle_stage)
    told("log after the end", lambda: client.log_metric(child.info.run_id, "late", 1.0))


def artifacts(client):
    from PIL import Image
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(f"{folder}/tree/leaf")
        for name, text in {"a.txt": "a", "tree/b.txt": "bb", "tree/leaf/c ü+~%.txt": "ccc", "empty": ""}.items():
            with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        with mlflow.start_run(run_name="artifacts") as run:
            run_id = run.info.run_id
            mlflow.log_artifact(f"{folder}/a.txt")
            mlflow.log_artifact(f"{folder}/empty")
            mlflow.log_artifact(f"{folder}/a.txt", "deep/er")
            mlflow.log_artifacts(f"{folder}/tree", "tree")
            mlflow.log_text("hello", "texts/hello.txt")
            mlflow.log_text("hello again", "texts/hello.txt")
            mlflow.log_dict({"k": [1, 2]}, "d.json")
            mlflow.log_dict({"k": [1, 2]}, "d.yaml")
            mlflow.log_table({"q": ["x"], "n": [1]}, "table.json")
            mlflow.log_table({"q": ["y"], "n": [2]}, "table.json")
            mlflow.log_image(Image.new("RGB", (4, 3), (255, 0, 0)), "pic.png")
            mlflow.log_image(numpy.zeros((3, 4), numpy.uint8), key="valid/pics", step=3)
            mlflow.flush_artifact_async_logging()
            figure = plt.figure()
            mlflow.log_figure(figure, "figure.png")
        for path in (None, "deep", "deep/er", "tree", "tree/leaf", "a.txt", "absent", "texts", "images"):
            # The size of a picture depends on its encoder; and older clients upload a logged image and its small
            # copy to one name at the same time, so that either may stay.
            told(f"list {path}", lambda path=path: sorted(
                [f.path, f.is_dir, f.file_size if not f.path.endswith(("png", "webp")) and path != "images" else None]
                for f in client.list_artifacts(run_id, path)))
        for path in ("a.txt", "tree/leaf/c ü+~%.txt", "texts/hello.txt", "empty", "d.json"):
            told(f"download {path}", lambda path=path: open(
                mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path=path, dst_path=tempfile.mkdtemp(dir=folder)),
                encoding="utf-8").read())
        told("download folder", lambda: sorted(os.listdir(
            mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="tree", dst_path=tempfile.mkdtemp(dir=folder)))))
        told("download everything", lambda: len(list(os.walk(
            client.download_artifacts(run_id, "", tempfile.mkdtemp(dir=folder))))))
        told("load text", lambda: mlflow.artifacts.load_text(f"runs:/{run_id}/texts/hello.txt"))
        told("load dict", lambda: mlflow.artifacts.load_dict(f"runs:/{run_id}/d.json"))
        told("load image", lambda: mlflow.artifacts.load_image(f"runs:/{run_id}/pic.png").size)
        told("load table", lambda: mlflow.load_table("table.json", run_ids=[run_id]).to_dict("list"))
        told("tags after artifacts", lambda: run_as_dict(client.get_run(run_id))["data"]["tags"])


def inputs(client):
    import pandas

    frame = pandas.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
    with mlflow.start_run(run_name="inputs") as run:
        dataset = mlflow.data.from_pandas(frame, source="file:///tmp/frame.csv", name="frame", targets="y")
        mlflow.log_input(dataset, context="training")
        mlflow.log_input(dataset, context="training")
        mlflow.log_input(mlflow.data.from_numpy(numpy.zeros((2, 2)), name="zeros"), context="test", tags={"k": "v"})
    told("inputs", lambda: run_as_dict(client.get_run(run.info.run_id))["inputs"])
    for text in ["dataset.name = 'frame'", "dataset.name LIKE 'z%'", "datasets.context = 'training'",
                 "dataset.name IN ('frame', 'zeros')", "dataset.digest != 'x' AND dataset.name = 'frame'"]:
        told(f"search runs: {text}", lambda text=text: [
            r.info.run_name for r in client.search_runs([run.info.experiment_id], text)])


def searching(client):
    experiment = client.create_experiment("searching")
    for number in range(7):
        run = client.create_run(experiment, start_time=1_600_000_000_000 + number * 1000, run_name=f"run {number}",
                                tags={"parity": "even" if number % 2 == 0 else "odd", "user.name": f"U{number % 3}"})
        client.log_param(run.info.run_id, "depth", number)
        if number != 3:
            client.log_metric(run.info.run_id, "score", math.nan if number == 5 else number / 10, timestamp=1, step=1)
        client.log_metric(run.info.run_id, "valid/iou score", 1 - number / 10, timestamp=1, step=1)
        if number % 2:
            client.set_terminated(run.info.run_id, "FINISHED" if number < 4 else "FAILED", 1_600_000_900_000 + number)
    names = lambda runs: [run.info.run_name for run in runs]
    for text in [
        "", "metrics.score > 0.2", "metrics.score >= 0.2 and metrics.score < 0.6", "metric.score = 0.4", "metrics.score != 0.4",
        "metrics.`valid/iou score` <= 0.5", "metrics.\"valid/iou score\" <= 0.5", "metrics.absent > 0", "metrics.absent != 0",
        "params.depth = '3'", "param.depth != '3'", "parameters.depth LIKE '%'", "params.absent != 'x'",
        "params.absent IS NULL", "params.depth IS NOT NULL", "tags.parity = 'even'", "tag.parity ILIKE 'EV%'",
        "tags.parity LIKE 'EV%'", "tags.`user.name` = 'U1'", "tags.user.name = 'U1'", "attributes.status = 'FINISHED'",
        "status != 'FINISHED'", "attribute.run_name = 'run 4'", "run_name LIKE 'run _'", "run_name ILIKE 'RUN 1'",
        "attributes.`run name` = 'run 2'", "start_time > 1600000003000", "attributes.start_time <= 1600000001000",
        "end_time > 0", "created > 1600000003000", "tags.`mlflow.runName` = 'run 6'",
        "tags.parity = 'odd' AND params.depth = '1' AND metrics.score > 0",
        "metrics.score > -1e-3", "metrics.score < 1E1", "params.depth = \"2\"", "status = 'RUNNING' and tags.parity IS NOT NULL",
        # Refused:
        "metrics.score > '0.2'", "params.depth = 3", "tags.parity = even", "nonsense.x = 1", "attributes.nonsense = 'x'",
        "metrics.score LIKE 'x'", "params.depth > '3'", "metrics.score >", "metrics.score = 1 params.depth = '1'",
        "start_time = 'x'", "status > 'x'",
    ]:
        told(f"search runs: {text}", lambda text=text: names(client.search_runs([experiment], text)))
    for order in [
        ["metrics.score"], ["metrics.score DESC"], ["metrics.score ASC", "start_time DESC"], ["params.depth DESC"],
        ["tags.parity", "start_time ASC"], ["attributes.start_time DESC"], ["start_time ASC"], ["end_time DESC"], ["end_time ASC"],
        ["run_name DESC"], ["status", "start_time"], ["metrics.`valid/iou score`"], ["created"], ["metrics.absent"],
        ["score"], ["metrics.score DOWN"], ["attributes.nonsense"],
    ]:
        told(f"order {order}", lambda order=order: names(client.search_runs([experiment], "", order_by=order)))
    told("pages", lambda: paged(lambda token: client.search_runs(
        [experiment], "", max_results=3, order_by=["metrics.score DESC"], page_token=token), lambda r: r.info.run_name))
    told("pages by time", lambda: paged(lambda token: client.search_runs(
        [experiment], "", max_results=2, page_token=token), lambda r: r.info.run_name))
    told("no results asked", lambda: names(client.search_runs([experiment], "", max_results=0)))
    told("bad token", lambda: names(client.search_runs([experiment], "", page_token="not a token")))
    told("no experiments", lambda: names(client.search_runs([], "")))
    told("absent experiments", lambda: names(client.search_runs(["987654"], "")))
    told("full run of a search", lambda: run_as_dict(client.search_runs([experiment], "params.depth = '1'")[0]))
    told("data frame", lambda: mlflow.search_runs(experiment_names=["searching"], order_by=["start_time"])[
        ["status", "metrics.score", "params.depth", "tags.parity"]].astype(str).to_dict("list"))


def models(client):
    from sklearn.linear_model import LinearRegression

    features = numpy.array([[0.0], [1.0], [2.0]])
    model = LinearRegression().fit(features, features[:, 0] * 2 + 1)
    mlflow.set_experiment("models")
    newest = int(mlflow.__version__.split(".")[0]) >= 3
    with mlflow.start_run(run_name="model") as run:
        place = {"name": "line"} if newest else {"artifact_path": "line"}
        # The newest clients ask for a format that runs no code when loaded.
        info = mlflow.sklearn.log_model(model, **place, input_example=features, registered_model_name="registered line",
                                        **({"skops_trusted_types": None} if False else {}))
        mlflow.log_metric("mse", 0.25)
    run_id = run.info.run_id
    told("model by run", lambda: float(mlflow.sklearn.load_model(f"runs:/{run_id}/line").predict([[3.0]])[0].round(6)))
    told("model by registry", lambda: float(mlflow.pyfunc.load_model("models:/registered line/1").predict(
        numpy.array([[4.0]]))[0].round(6)))
    told("registered", lambda: registered(client.get_registered_model("registered line")))
    version = mlflow.register_model(info.model_uri, "registered line", tags={"k": "v"})
    told("second version", lambda: (version.name, version.version))
    told("version", lambda: version_of(client.get_model_version("registered line", "2")))
    told("absent version", lambda: client.get_model_version("registered line", "9"))
    told("absent model", lambda: client.get_registered_model("nothing"))
    told("create twice", lambda: client.create_registered_model("registered line"))
    client.set_registered_model_alias("registered line", "champion", 2)
    told("by alias", lambda: version_of(client.get_model_version_by_alias("registered line", "champion")))
    told("model by alias", lambda: float(mlflow.pyfunc.load_model("models:/registered line@champion").predict(
        numpy.array([[4.0]]))[0].round(6)))
    told("absent alias", lambda: client.get_model_version_by_alias("registered line", "nobody"))
    client.set_registered_model_tag("registered line", "t", "1")
    client.set_model_version_tag("registered line", "1", "t", "2")
    client.update_registered_model("registered line", "a **line**")
    client.update_model_version("registered line", "1", "first")
    client.transition_model_version_stage("registered line", "1", "Staging")
    client.transition_model_version_stage("registered line", "2", "Staging", archive_existing_versions=True)
    told("versions", lambda: [version_of(v) for v in client.search_model_versions("name = 'registered line'")])
    told("versions of run", lambda: sorted(int(v.version) for v in client.search_model_versions(f"run_id = '{run_id}'")))
    told("latest versions", lambda: [version_of(v) for v in client.get_latest_versions("registered line")])
    told("registered with alias", lambda: registered(client.get_registered_model("registered line")))
    client.delete_model_version_tag("registered line", "1", "t")
    client.delete_registered_model_tag("registered line", "t")
    client.delete_registered_model_alias("registered line", "champion")
    client.create_registered_model("second model", tags={"x": "y"}, description="other")
    client.rename_registered_model("second model", "other model")
    told("search models", lambda: [registered(m) for m in client.search_registered_models()])
    told("search models like", lambda: [m.name for m in client.search_registered_models("name LIKE 'oth%'")])
    told("models in pages", lambda: paged(lambda token: client.search_registered_models(
        max_results=1, page_token=token), lambda m: m.name))
    client.delete_model_version("registered line", "1")
    told("after delete", lambda: [v.version for v in client.search_model_versions("name = 'registered line'")])
    client.delete_registered_model("other model")
    told("after deleting a model", lambda: [m.name for m in client.search_registered_models()])
    told("artifacts of the model", lambda: sorted(f.path for f in client.list_artifacts(run_id, "line")))
    if newest:
        logged_models(client, info.model_id, run)


def logged_models(client, model_id, run):
    def shown(model):
        fields = masked(vars(model) if not hasattr(model, "to_dictionary") else model.to_dictionary())
        fields.pop("tags", None)
        return fields

    told("logged model", lambda: shown(mlflow.get_logged_model(model_id)))
    told("absent logged model", lambda: mlflow.get_logged_model("m-" + "0" * 32))
    client.set_logged_model_tags(model_id, {"quality": "good"})
    told("tagged", lambda: client.get_logged_model(model_id).tags.get("quality"))
    client.delete_logged_model_tag(model_id, "quality")
    told("delete tag twice", lambda: client.delete_logged_model_tag(model_id, "quality"))
    client.log_model_params(model_id, {"alpha": "0.5"})
    told("params", lambda: client.get_logged_model(model_id).params)
    told("search", lambda: [m.name for m in mlflow.search_logged_models(
        experiment_ids=[run.info.experiment_id], output_format="list")])
    for text in ["name = 'line'", "name LIKE 'x%'", "params.alpha = '0.5'", "metrics.mse < 1", "metrics.mse > 1",
                 "model_type = ''", "status = 'READY'"]:
        told(f"search logged models: {text}", lambda text=text: [m.name for m in mlflow.search_logged_models(
            experiment_ids=[run.info.experiment_id], filter_string=text, output_format="list")])
    other = mlflow.create_external_model("external", params={"a": "1"}, tags={"b": "2"}, model_type="agent")
    told("external", lambda: shown(mlflow.get_logged_model(other.model_id)))
    told("ordered", lambda: [m.name for m in mlflow.search_logged_models(
        experiment_ids=[run.info.experiment_id], output_format="list",
        order_by=[{"field_name": "name", "ascending": True}])])
    client.delete_logged_model(other.model_id)
    told("after delete", lambda: [m.name for m in mlflow.search_logged_models(
        experiment_ids=[run.info.experiment_id], output_format="list")])
    told("run with outputs", lambda: run_as_dict(client.get_run(run.info.run_id)).get("outputs"))


def version_of(version):
    fields = masked({key.lstrip("_"): value for key, value in vars(version).items()})
    for machine in ("user_id", "metrics", "params", "deployment_job_state"):
        fields.pop(machine, None)
    return fields


def registered(model):
    return {"name": model.name, "description": model.description, "tags": model.tags, "aliases": model.aliases,
            "latest": [version_of(v) for v in model.latest_versions]}


def system_metrics(client):
    mlflow.set_experiment("system")
    mlflow.set_system_metrics_sampling_interval(0.2)
    mlflow.set_system_metrics_samples_before_logging(1)
    import time

    with mlflow.start_run(log_system_metrics=True) as run:
        time.sleep(1.2)
    keys = client.get_run(run.info.run_id).data.metrics
    told("system metrics", lambda: "system/cpu_utilization_percentage" in keys)
    with mlflow.start_run() as run:
        futures = [mlflow.log_metric("async", i, step=i, synchronous=False) for i in range(50)]
        for future in futures:
            future.wait()
        mlflow.log_params({f"p{i}": i for i in range(250)})
        mlflow.log_metrics({f"m{i}": i for i in range(1500)})
    told("async", lambda: [p.value for p in client.get_metric_history(run.info.run_id, "async")])
    told("many", lambda: (len(client.get_run(run.info.run_id).data.metrics), len(client.get_run(run.info.run_id).data.params)))


def main():
    mlflow.set_tracking_uri(sys.argv[1])
    client = MlflowClient()
    experiments(client)
    run_id = logging_calls(client)
    life_cycle(client, run_id)
    artifacts(client)
    inputs(client)
    searching(client)
    models(client)
    system_metrics(client)
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(answers, file, indent=1, ensure_ascii=False)


main()
