//! The native API, as the page and Rust clients use it.

use std::io::{BufRead, BufReader};

use crate::serve::Served;
use footpath_track::client::{AppendRequest, Run, RunOptions, Target};
use footpath_track::{Batch, Digest, Point, Points};
use serde_json::{Value, json};

fn append(server: &Served, run: &str, sequence: u64, batch: Batch) -> Value {
    let request = AppendRequest {
        writer: "w".into(),
        sequence,
        batch,
    };
    let mut body = Vec::new();
    ciborium::into_writer(&request, &mut body).unwrap();
    let path = format!("/api/v1/runs/{run}/append");
    let mut answer = server.send(None, "POST", &path, "application/cbor", Some(body));
    assert_eq!(answer.status(), 200);
    serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap()
}

fn points(values: impl IntoIterator<Item = f64>) -> Points {
    let points = values.into_iter().enumerate();
    Points(
        points
            .map(|(step, value)| Point::new(step as i64, step as i64 * 10, value))
            .collect(),
    )
}

fn metrics(key: &str, points: Points) -> Batch {
    Batch {
        metrics: [(key.to_owned(), points)].into(),
        ..Batch::default()
    }
}

#[test]
fn a_batch_sent_twice_is_applied_once() {
    let server = Served::open();
    let run = server.begin("maps", "a1");
    server.begin("maps", "a1");
    let batch = metrics("loss", points([3.0, f64::NAN, 1.0]));
    assert_eq!(
        append(&server, &run, 1, batch.clone()),
        json!({ "applied": true, "last_sequence": 1 })
    );
    assert_eq!(
        append(&server, &run, 1, batch),
        json!({ "applied": false, "last_sequence": 1 })
    );
    let told = server.get(&format!("/api/v1/runs/{run}/points?key=loss"));
    assert_eq!(
        told,
        json!({ "points": [[0, 0, 3.0], [1, 10, "NaN"], [2, 20, 1.0]], "next": null })
    );
    let series = &server.get(&format!("/api/v1/runs/{run}"))["metrics"]["loss"];
    assert_eq!(
        (&series["count"], &series["best"], &series["max"]),
        (&json!(3), &json!([2, 20, 1.0]), &json!([0, 0, 3.0]))
    );
}

#[test]
fn pages_give_every_point_and_every_run_once() {
    let server = Served::open();
    for number in 0..7 {
        let run = server.begin("maps", &format!("run{number}"));
        append(
            &server,
            &run,
            1,
            metrics("iou", points([f64::from(number)])),
        );
    }
    append(
        &server,
        "run0",
        2,
        metrics("many", points((0..25).map(f64::from))),
    );
    let (mut steps, mut token) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!(
            "/api/v1/runs/run0/points?key=many&limit=10{token}"
        ));
        steps.extend(
            page["points"]
                .as_array()
                .unwrap()
                .iter()
                .map(|point| point[0].clone()),
        );
        let Some(next) = page["next"].as_str() else {
            break;
        };
        token = format!("&page_token={next}");
    }
    assert_eq!(steps, (0..25).map(Value::from).collect::<Vec<_>>());

    let (mut runs, mut token) = (Vec::new(), Value::Null);
    loop {
        let page = server.post("/api/v1/runs/search", &json!({
            "project": "maps", "order": ["best(metrics.iou) DESC"], "limit": 3, "page_token": token,
            "filter": "NOT (metrics.iou = 2 OR metrics.iou = 4)", "columns": { "metrics": ["iou"] },
        }));
        for run in page["runs"].as_array().unwrap() {
            assert_eq!(
                run["metrics"].as_object().unwrap().len(),
                1,
                "columns choose the keys"
            );
            runs.push(run["id"].as_str().unwrap().to_owned());
        }
        token = page["next"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(runs, ["run6", "run5", "run3", "run1", "run0"]);
    let counted = server.post(
        "/api/v1/runs/search",
        &json!({ "project": "maps", "filter": "metrics.iou > 3", "limit": 1, "count": true }),
    );
    assert_eq!(
        (&counted["total"], counted["runs"].as_array().unwrap().len()),
        (&json!(3), 1)
    );
    let project = &server.get("/api/v1/projects")["projects"][1];
    assert_eq!(
        (&project["runs"], &project["artifact_bytes"]),
        (&json!(7), &json!(0))
    );
    assert!(project["active_ms"].as_i64() > Some(0), "{project}");
}

/// Packed lines: their head, and all their numbers.
fn unpacked(server: &Served, asked: &Value) -> (Value, Vec<f64>) {
    let body = Some(asked.to_string().into_bytes());
    let mut answer = server.send(None, "POST", "/api/v1/envelopes", "application/json", body);
    assert_eq!(answer.status(), 200);
    let packed = answer.body_mut().read_to_vec().unwrap();
    let length = u32::from_le_bytes(packed[..4].try_into().unwrap()) as usize;
    let (head, numbers) = packed[8..].split_at(length);
    let (numbers, rest) = numbers.as_chunks::<8>();
    assert!(rest.is_empty());
    let numbers = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes));
    (serde_json::from_slice(head).unwrap(), numbers.collect())
}

#[test]
fn plots_show_the_spike() {
    let server = Served::open();
    let run = server.begin("maps", "a1");
    let values = (0..10_000).map(|step| if step == 4321 { 99.0 } else { 0.0 });
    append(&server, &run, 1, metrics("loss", points(values)));
    let zoom = json!({ "width_px": 100, "scale": "log" });
    let told = server.post(
        "/api/v1/envelopes",
        &json!({ "runs": [run], "keys": ["loss", "absent"], "zoom": zoom }),
    );
    assert_eq!(told["series"].as_array().unwrap().len(), 1);
    let buckets = told["series"][0]["buckets"].as_array().unwrap();
    assert!(buckets.len() <= 201, "{}", buckets.len());
    let highest: Vec<_> = buckets.iter().filter(|b| b["max"][2] == 99.0).collect();
    assert_eq!(highest.len(), 1);
    for times in [true, false] {
        let asked = json!({
            "runs": [run], "keys": ["loss", "absent"], "zoom": zoom, "form": "lines", "times": times,
        });
        let (head, columns) = unpacked(&server, &asked);
        assert_eq!(head["series"].as_array().unwrap().len(), 1);
        let line = &head["series"][0];
        assert_eq!(
            (&line["key"], &line["time_ms"]),
            (&json!("loss"), &json!(0))
        );
        let count = line["points"].as_u64().unwrap() as usize;
        let columns: Vec<&[f64]> = columns.chunks(count).collect();
        assert_eq!(columns.len(), if times { 3 } else { 2 });
        let (steps, values) = (columns[0], columns[columns.len() - 1]);
        assert!(steps.is_sorted() && steps[0] == 0.0 && steps[count - 1] == 9999.0);
        let spike = steps.iter().position(|step| *step == 4321.0).unwrap();
        assert_eq!(values[spike], 99.0);
        if times {
            assert_eq!(columns[1][spike], 43_210.0);
        }
    }
    assert_eq!(highest[0]["max"], json!([4321, 43210, 99.0]));
    let part = "key=loss&width_px=10&from_step=0&to_step=9";
    let told = server.get(&format!("/api/v1/runs/a1/envelope?{part}"));
    let sum: u64 = told["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| b["count"].as_u64().unwrap())
        .sum();
    assert_eq!(sum, 10);
}

#[test]
fn many_runs_are_told_at_once() {
    let server = Served::open();
    for id in ["a1", "a2", "a3"] {
        server.begin("maps", id);
    }
    let told = server.post("/api/v1/runs/get", &json!({ "runs": ["a3", "none", "a1"] }));
    assert_eq!(
        told["runs"],
        json!([server.get("/api/v1/runs/a3"), server.get("/api/v1/runs/a1")])
    );
    assert_eq!(told["refused"].as_object().unwrap().len(), 1);
    assert!(told["refused"]["none"].as_str().unwrap().contains("none"));
}

#[test]
fn hostile_files_are_saved_not_shown() {
    let server = Served::open();
    server.begin("maps", "a1");
    for (name, content) in [
        (
            "x.svg",
            "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        ),
        ("x.html", "<script>alert(1)</script>"),
        ("x.png", "<script>alert(1)</script>"),
    ] {
        let path = format!("/api/v1/runs/a1/files/deep/{name}");
        let put = server.send(None, "PUT", &path, "text/html", Some(content.into()));
        assert_eq!(put.status(), 200);
        let digest = Digest::of(content.as_bytes());
        for address in [
            format!("{path}?show"),
            path,
            format!("/api/v1/blobs/{digest}"),
        ] {
            let answer = server.send(None, "GET", &address, "", None);
            let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
            assert_eq!(
                header("content-security-policy"),
                "sandbox; default-src 'none'"
            );
            assert_eq!(header("x-content-type-options"), "nosniff");
            let kind = header("content-type");
            let shown = header("content-disposition").starts_with("inline");
            assert!(!shown || kind == "image/png", "{address}: {kind}");
        }
    }
    let entries = server.get("/api/v1/runs/a1/artifacts?path=deep")["entries"].clone();
    assert_eq!(entries.as_array().unwrap().len(), 3);
    let range = server.send(None, "GET", "/api/v1/runs/a1/files/deep/x.html", "", None);
    assert_eq!(range.headers()["accept-ranges"], "bytes");
}

#[test]
fn what_is_removed_gives_its_room_back() {
    let server = Served::open();
    server.begin("maps", "a1");
    let put = |path: &str| {
        server
            .send(None, "PUT", path, "", Some(vec![7; 1000]))
            .status()
    };
    assert_eq!(put("/api/v1/runs/a1/files/one"), 200);
    assert_eq!(put("/api/v1/runs/a1/files/two"), 200);
    let (_, freed) = server.ask("DELETE", "/api/v1/runs/a1/files/one", None);
    assert_eq!(freed["artifact_bytes"], 0, "the other name still has it");
    let (_, freed) = server.ask("DELETE", "/api/v1/runs/a1", None);
    assert_eq!(
        (&freed["runs"], &freed["artifact_bytes"]),
        (&json!(1), &json!(1000))
    );
    assert_eq!(server.ask("GET", "/api/v1/runs/a1", None).0, 404);
    assert_eq!(server.ask("POST", "/api/v1/collect", None).0, 200);
}

#[test]
fn changes_are_told_as_they_happen() {
    let server = Served::open();
    server.begin("maps", "a1");
    let answer = server.send(None, "GET", "/api/v1/events", "", None);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    append(&server, "a1", 1, metrics("loss", points([1.0])));
    let mut lines = BufReader::new(answer.into_body().into_reader()).lines();
    let data = lines.find_map(|line| line.unwrap().strip_prefix("data: ").map(str::to_owned));
    let told: Value = serde_json::from_str(&data.unwrap()).unwrap();
    assert_eq!(told["runs"]["1"], json!(["a1"]));
    assert_eq!(told["everything"], false);
}

#[test]
fn views_tags_and_goals_are_kept() {
    let server = Served::open();
    server.begin("maps", "a1");
    append(&server, "a1", 1, metrics("loss", points([1.0, 2.0])));
    let view = json!({ "columns": ["best(metrics.loss)"] });
    assert_eq!(
        server
            .ask("PUT", "/api/v1/projects/maps/views/v%0A1", Some(&view))
            .0,
        400
    );
    assert_eq!(
        server
            .ask("PUT", "/api/v1/projects/maps/views/v1", Some(&view))
            .0,
        200
    );
    assert_eq!(
        server.get("/api/v1/projects/maps/views"),
        json!({ "views": { "v1": view } })
    );
    assert_eq!(
        server
            .ask("DELETE", "/api/v1/projects/maps/views/v1", None)
            .0,
        200
    );
    assert_eq!(
        server
            .ask("DELETE", "/api/v1/projects/maps/views/v1", None)
            .0,
        404
    );

    let change = json!({ "set_tags": { "footpath.goal.loss": "max" } });
    assert_eq!(
        server
            .ask("PATCH", "/api/v1/experiments/1", Some(&change))
            .0,
        200
    );
    assert_eq!(
        server.get("/api/v1/runs/a1")["metrics"]["loss"]["best"],
        json!([1, 10, 2.0])
    );

    let change =
        json!({ "runs": ["a1", "absent"], "change": { "set_tags": { "keep": "" }, "name": "n" } });
    let told = server.post("/api/v1/runs/change", &change);
    assert_eq!(told["changed"], json!(["a1"]));
    assert_eq!(told["refused"]["absent"], "Run with id=absent not found");
    let run = server.get("/api/v1/runs/a1");
    assert_eq!(
        (&run["name"], &run["tags"]["keep"]),
        (&json!("n"), &json!(""))
    );
    assert_eq!(
        server.get("/api/v1/columns?experiments=1,9")["metrics"],
        json!(["loss"])
    );
    assert_eq!(
        server.get("/api/v1/projects")["projects"][1]["name"],
        "maps"
    );
}

#[test]
fn a_client_tells_a_server_all() {
    let server = Served::guarded();
    let spool = tempfile::tempdir().unwrap();
    let target = Target::Server {
        url: server.url(""),
        token: server.token.clone(),
    };
    let options = RunOptions {
        spool: Some(spool.path().to_owned()),
        ..RunOptions::new(target)
    };
    let run = Run::start_with("maps", "e", options);
    for step in 0..1000 {
        run.metric("loss", step, 1.0 / f64::from(step as u32 + 1));
    }
    let id = run.id().to_string();
    run.finish();
    let told = server.get(&format!("/api/v1/runs/{id}"));
    assert_eq!(
        (&told["state"], &told["metrics"]["loss"]["count"]),
        (&json!("finished"), &json!(1000))
    );
}

#[test]
fn silence_beyond_the_lease_is_a_crash_until_it_ends() {
    let server = Served::open();
    let start =
        json!({ "project": "maps", "experiment": "e", "id": "a1", "start_ms": 0, "lease_ms": 0 });
    server.post("/api/v1/runs", &start);
    let seen = || server.get("/api/v1/runs/a1");
    // The lease ended as it began; the clock has but to tick.
    while seen()["state"] == "running" {}
    assert_eq!(seen()["state"], "crashed");
    assert!(seen()["reason"].as_str().unwrap().contains("lease"));
    let info = server.get("/api/2.0/mlflow/runs/get?run_id=a1")["run"].clone();
    assert_eq!(info["info"]["status"], "FAILED");
    assert!(
        info["data"]["tags"]
            .as_array()
            .unwrap()
            .contains(&json!({ "key": "footpath.state", "value": "crashed" }))
    );
    append(
        &server,
        "a1",
        1,
        Batch {
            lease_ms: Some(60_000),
            ..Batch::default()
        },
    );
    assert_eq!(seen()["state"], "running");
}

#[test]
fn every_call_of_the_description_is_served() {
    let server = Served::open();
    let told = server.get("/api");
    let paths = told["paths"].as_object().unwrap();
    assert!(paths.len() >= 28);
    for (path, methods) in paths {
        let address: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        for method in methods.as_object().unwrap().keys() {
            if address.ends_with("/events") {
                continue;
            }
            let body =
                (method == "post" || method == "put" || method == "patch").then(|| json!({}));
            let (status, told) = server.ask(&method.to_uppercase(), &address, body.as_ref());
            let missing = told["message"]
                .as_str()
                .unwrap_or_default()
                .contains("no such call");
            assert!(
                status != 405 && status < 500 && !missing,
                "{method} {path}: {status} {told}"
            );
        }
    }
}
