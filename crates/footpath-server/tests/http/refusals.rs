//! What is asked wrongly is refused clearly, and does no harm.

use std::time::Duration;

use crate::serve::Served;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

fn refused(told: &(u16, Value), status: u16, code: &str) {
    assert_eq!(
        (told.0, told.1["error_code"].as_str()),
        (status, Some(code)),
        "{}",
        told.1
    );
    assert!(told.1["message"].as_str().unwrap().len() > 10, "{}", told.1);
}

#[test]
fn callers_must_say_who_they_are() {
    let server = Served::guarded();
    let token = server.token.clone().unwrap();
    let path = "/api/2.0/mlflow/experiments/get?experiment_id=0";
    refused(
        &server.ask_as(None, "GET", path, None),
        401,
        "UNAUTHENTICATED",
    );
    let wrong = format!("{token}x");
    refused(
        &server.ask_as(Some(&wrong), "GET", path, None),
        401,
        "UNAUTHENTICATED",
    );
    assert_eq!(server.ask_as(Some(&token), "GET", path, None).0, 200);
    let basic = |credential: &str| {
        let credential = STANDARD.encode(credential);
        server.raw(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Basic {credential}\r\n\r\n").as_bytes())
    };
    assert!(basic(&format!("admin:{token}")).starts_with("HTTP/1.1 200"));
    let answer = basic(&format!("other:{token}"));
    assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("www-authenticate: Basic"));
    for open in ["/health", "/api/3.0/mlflow/server-info"] {
        assert_eq!(server.ask_as(None, "GET", open, None).0, 200, "{open}");
    }
    for closed in [
        "/",
        "/api",
        "/api/v1/me",
        "/api/2.0/mlflow-artifacts/artifacts/0/a/artifacts/health",
    ] {
        assert_eq!(server.ask_as(None, "GET", closed, None).0, 401, "{closed}");
    }
}

#[test]
fn guessing_credentials_ends_in_waiting() {
    let server = Served::guarded();
    let mut statuses = (0..12).map(|n| {
        server
            .ask_as(Some(&format!("t{n}")), "GET", "/api/v1/me", None)
            .0
    });
    assert!(statuses.by_ref().take(10).all(|status| status == 401));
    assert_eq!(statuses.next(), Some(429));
}

#[test]
fn roles_hold_in_their_project_alone() {
    let server = Served::guarded();
    server.begin("maps", "m1");
    server.begin("roads", "r1");
    let user = json!({ "roles": { "maps": "viewer", "roads": "editor" } });
    assert_eq!(server.ask("PUT", "/api/v1/users/ann", Some(&user)).0, 200);
    let token = server.post(
        "/api/v1/tokens",
        &json!({ "user": "ann", "note": "laptop" }),
    );
    let token = token["token"].as_str().unwrap();
    let ann = |method: &str, path: &str, body: Option<&Value>| {
        server.ask_as(Some(token), method, path, body)
    };

    assert_eq!(ann("GET", "/api/v1/runs/m1", None).0, 200);
    let change = json!({ "set_tags": { "a": "b" } });
    refused(
        &ann("PATCH", "/api/v1/runs/m1", Some(&change)),
        403,
        "PERMISSION_DENIED",
    );
    assert_eq!(ann("PATCH", "/api/v1/runs/r1", Some(&change)).0, 200);
    refused(
        &ann("DELETE", "/api/v1/runs/r1", None),
        403,
        "PERMISSION_DENIED",
    );
    let tag = json!({ "run_id": "m1", "key": "a", "value": "b" });
    refused(
        &ann("POST", "/api/2.0/mlflow/runs/set-tag", Some(&tag)),
        403,
        "PERMISSION_DENIED",
    );
    refused(
        &ann(
            "PUT",
            "/api/2.0/mlflow-artifacts/artifacts/1/m1/artifacts/x",
            Some(&json!(1)),
        ),
        403,
        "PERMISSION_DENIED",
    );
    refused(
        &ann(
            "GET",
            "/api/2.0/mlflow/experiments/get?experiment_id=0",
            None,
        ),
        403,
        "PERMISSION_DENIED",
    );
    refused(&ann("GET", "/api/v1/users", None), 403, "PERMISSION_DENIED");
    refused(
        &ann("POST", "/api/v1/tokens", Some(&json!({ "user": "admin" }))),
        403,
        "PERMISSION_DENIED",
    );
    let seen = ann("GET", "/api/v1/projects", None).1;
    let names: Vec<_> = seen["projects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|project| project["name"].clone())
        .collect();
    assert_eq!(names, ["maps", "roads"], "the default project is not ann's");
    let found = ann(
        "POST",
        "/api/v1/runs/search",
        Some(&json!({ "experiments": [0, 1, 2, 99] })),
    )
    .1;
    assert_eq!(found["runs"].as_array().unwrap().len(), 2);

    assert_eq!(server.ask("DELETE", "/api/v1/users/ann", None).0, 200);
    refused(&ann("GET", "/api/v1/runs/m1", None), 401, "UNAUTHENTICATED");
}

#[test]
fn a_server_that_asks_no_one_answers_to_this_machine_alone() {
    let server = Served::open();
    let named = |host: &str| {
        server.raw(
            format!("GET /api/v1/me HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
                .as_bytes(),
        )
    };
    assert!(named("localhost:5000").starts_with("HTTP/1.1 200"));
    let answer = named("evil.example");
    assert!(
        answer.starts_with("HTTP/1.1 403") && answer.contains("PERMISSION_DENIED"),
        "{answer}"
    );
}

#[test]
fn malformed_requests_are_refused() {
    let server = Served::open();
    server.begin("maps", "a1");
    let post = |path: &str, kind: &str, body: &[u8]| {
        let mut answer = server.send(None, "POST", path, kind, Some(body.to_vec()));
        let text = answer.body_mut().read_to_string().unwrap();
        (
            answer.status().as_u16(),
            serde_json::from_str(&text).unwrap(),
        )
    };
    let search = "/api/v1/runs/search";
    refused(&post(search, "application/json", b"{"), 400, "BAD_REQUEST");
    refused(&post(search, "text/plain", b"{}"), 400, "BAD_REQUEST");
    refused(
        &post(search, "application/json", br#"{"experiment": [1]}"#),
        400,
        "BAD_REQUEST",
    );
    refused(
        &post("/api/v1/runs/a1/append", "application/cbor", b"\xff\xff"),
        400,
        "BAD_REQUEST",
    );
    refused(
        &post("/api/2.0/mlflow/runs/create", "application/json", b"[]"),
        400,
        "BAD_REQUEST",
    );
    let ask = |body: Value| server.ask("POST", search, Some(&body));
    refused(&ask(json!({ "limit": 0 })), 400, "INVALID_PARAMETER_VALUE");
    refused(
        &ask(json!({ "experiments": [1], "page_token": "made up" })),
        400,
        "INVALID_PARAMETER_VALUE",
    );
    let told = ask(json!({ "filter": "metrics.loss << 3" }));
    refused(&told, 400, "INVALID_PARAMETER_VALUE");
    assert_eq!(told.1["position"], 14);
    for (path, status) in [
        ("/api/v1/runs/no%2Frun", 400),
        ("/api/v1/runs/absent", 404),
        ("/api/v1/runs/absent/points?key=x", 404),
        ("/api/v1/runs/a1/points", 400),
        ("/api/v1/runs/a1/envelope?key=loss&width_px=0", 400),
        (
            "/api/v1/runs/a1/envelope?key=loss&width_px=99999999999",
            400,
        ),
        ("/api/v1/experiments/one", 400),
        ("/api/v1/experiments/99", 404),
        ("/api/v1/blobs/abc", 400),
        ("/api/v1/nothing", 404),
        ("/nothing", 404),
    ] {
        let (found, told) = server.ask("GET", path, None);
        assert_eq!(found, status, "{path}: {told}");
        assert!(told["message"].is_string(), "{path}: {told}");
    }
    assert_eq!(server.ask("DELETE", "/api/v1/projects", None).0, 405);
    assert_eq!(
        server.ask("GET", "/api/2.0/mlflow/traces", None),
        (404, json!(""))
    );
    assert!(
        server
            .raw(b"BREW / HTTP/9\r\n\r\n")
            .starts_with("HTTP/1.1 400")
    );
}

#[test]
fn great_and_slow_bodies_are_not_waited_for() {
    let server = Served::start(|config| {
        config.limits.body_bytes = 10_000;
        config.limits.artifact_bytes = 20_000;
        config.limits.body_time = Duration::from_millis(100);
        config.limits.idle_time = Duration::from_millis(100);
        config.limits.head_time = Duration::from_millis(100);
    });
    server.begin("maps", "a1");
    let great = json!({ "filter": "x".repeat(10_000) });
    refused(
        &server.ask("POST", "/api/v1/runs/search", Some(&great)),
        413,
        "INVALID_PARAMETER_VALUE",
    );
    let file = "/api/v1/runs/a1/files/f";
    assert_eq!(
        server
            .send(None, "PUT", file, "", Some(vec![0; 20_000]))
            .status(),
        200
    );
    assert_eq!(
        server
            .send(None, "PUT", file, "", Some(vec![0; 20_001]))
            .status(),
        413
    );
    let kept = server.get("/api/v1/runs/a1/artifacts");
    assert_eq!(
        kept["entries"][0]["file"]["blob"]["size"], 20_000,
        "the greater one left the lesser alone"
    );
    let head = "host: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    let slow = |method: &str, path: &str| {
        server.raw(format!("{method} {path} HTTP/1.1\r\n{head}").as_bytes())
    };
    assert!(slow("POST", "/api/v1/runs/search").starts_with("HTTP/1.1 408"));
    assert!(slow("PUT", file).starts_with("HTTP/1.1 408"));
    assert_eq!(
        server.raw(b"GET / HTTP/1.1\r\nhos"),
        "",
        "a head that does not come ends the connection"
    );
    let (status, _) = server.ask("GET", "/api/v1/runs/a1", None);
    assert_eq!(status, 200);
}

#[test]
fn names_are_checked_and_many_are_fine() {
    let server = Served::open();
    server.begin("maps", "a1");
    let log = |key: &str| {
        server.ask(
            "POST",
            "/api/2.0/mlflow/runs/log-metric",
            Some(&json!({ "run_id": "a1", "key": key, "value": 1, "timestamp": 0 })),
        )
    };
    for bad in ["", "a\u{0}b", "a\nb", "../x", "a<b>", &"x".repeat(251)] {
        refused(&log(bad), 400, "INVALID_PARAMETER_VALUE");
    }
    assert_eq!(log("größe/日本 語").0, 200);
    for block in 0..12 {
        let metrics: Vec<_> = (0..1000)
            .map(|n| json!({ "key": format!("m{block}/{n}"), "value": n, "timestamp": 0, "step": 0 }))
            .collect();
        server.post(
            "/api/2.0/mlflow/runs/log-batch",
            &json!({ "run_id": "a1", "metrics": metrics }),
        );
    }
    let run = server.get("/api/v1/runs/a1");
    assert_eq!(run["metrics"].as_object().unwrap().len(), 12_001);
    assert_eq!(run["metrics"]["m11/999"]["last"], json!([0, 0, 999.0]));
}

#[test]
fn artifacts_stay_below_their_run() {
    let server = Served::open();
    server.begin("maps", "a1");
    server.begin("maps", "a2");
    let root = "/api/2.0/mlflow-artifacts/artifacts";
    for path in [
        "1/a1/artifacts/../../a2/artifacts/x",
        "1/a1/artifacts/%2e%2e/x",
        "1/a1/artifacts/%252e%252e%252fx",
        "1/a1/artifacts/a%5cb",
        "1/a1/artifacts/%2fetc/passwd",
        "%2fetc/passwd",
        "1/a1/artifacts/a%00b",
        "1/a1/x",
        "../x",
        "1/a1/artifacts/C:/x%0a",
        "1/a1/artifacts/a%23/%0d",
    ] {
        let put = server.send(
            None,
            "PUT",
            &format!("{root}/{path}"),
            "",
            Some(b"x".to_vec()),
        );
        assert_eq!(put.status(), 400, "{path}");
    }
    for path in [
        "2/a1/artifacts/x",
        "1/a9/artifacts/x",
        "1/models/m-9/artifacts/x",
        "9/a1/artifacts/x",
    ] {
        let put = server.send(
            None,
            "PUT",
            &format!("{root}/{path}"),
            "",
            Some(b"x".to_vec()),
        );
        assert_eq!(put.status(), 404, "{path}");
    }
    assert_eq!(
        server
            .send(
                None,
                "PUT",
                &format!("{root}/1/a1/artifacts/a+b~c%20d"),
                "",
                Some(b"x".to_vec())
            )
            .status(),
        200
    );
    let listed = server.get("/api/v1/runs/a1/artifacts");
    assert_eq!(listed["entries"][0]["file"]["path"], "a+b~c d");
    assert_eq!(listed["entries"].as_array().unwrap().len(), 1);
    assert_eq!(
        server.get("/api/v1/runs/a2/artifacts"),
        json!({ "entries": [] })
    );
}

/// Names of artifacts are no paths of the disk: a link that somebody puts where one would be is
/// neither followed nor written through.
#[test]
#[cfg(unix)]
fn links_on_the_servers_disk_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::create_dir(&secret).unwrap();
    std::fs::write(secret.join("x"), "secret").unwrap();
    let root = folder.path().join("artifacts");
    let server = Served::start(|config| config.artifacts = Some(root.display().to_string()));
    server.begin("maps", "a1");
    for place in ["link", "1/a1/artifacts/link", "runs/a1/link", "blobs/link"] {
        let link = root.join(place);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&secret, &link).unwrap();
    }
    let proxy = "/api/2.0/mlflow-artifacts/artifacts/1/a1/artifacts";
    for path in [
        format!("{proxy}/link/x"),
        "/api/v1/runs/a1/files/link/x".to_owned(),
        "/get-artifact?run_id=a1&path=link/x".to_owned(),
    ] {
        let (status, told) = server.ask("GET", &path, None);
        assert_eq!(status, 404, "{path}: {told}");
    }
    let listed = server.get("/api/2.0/mlflow-artifacts/artifacts?path=1/a1/artifacts");
    assert!(!listed.to_string().contains("link"), "{listed}");
    let put = server.send(
        None,
        "PUT",
        &format!("{proxy}/link/x"),
        "",
        Some(b"new".to_vec()),
    );
    assert_eq!(put.status(), 200, "a name like any other");
    let mut answer = server.send(None, "GET", &format!("{proxy}/link/x"), "", None);
    assert_eq!(answer.body_mut().read_to_string().unwrap(), "new");
    assert_eq!(std::fs::read_to_string(secret.join("x")).unwrap(), "secret");
    assert_eq!(std::fs::read_dir(&secret).unwrap().count(), 1);
}

#[test]
fn any_path_is_kept_as_it_is_or_refused() {
    let server = Served::open();
    server.begin("maps", "a1");
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(200));
    let paths = "([a-c.+~]|%[0-9a-fA-F]{2}|%25|%2e|%2F|/|\\.\\.|:|%5C){1,12}";
    runner
        .run(&paths, |path| {
            let address = format!("/api/v1/runs/a1/files/{path}");
            let status = server
                .send(None, "PUT", &address, "", Some(b"x".to_vec()))
                .status()
                .as_u16();
            prop_assert!(
                status == 200 || (400..500).contains(&status),
                "{path}: {status}"
            );
            if status == 200 {
                let mut answer = server.send(None, "GET", &address, "", None);
                prop_assert_eq!(answer.body_mut().read_to_string().unwrap(), "x");
                server.send(None, "DELETE", &address, "", None);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_body_is_applied_or_refused() {
    let server = Served::open();
    server.begin("maps", "a1");
    let whole = footpath_track::client::AppendRequest {
        writer: "w".into(),
        sequence: 1,
        batch: footpath_track::Batch {
            params: vec![("lr".into(), "1".into())],
            tags: [("a".to_owned(), "b".to_owned())].into(),
            metrics: [(
                "loss".to_owned(),
                footpath_track::Points(vec![footpath_track::Point::new(1, 2, 3.0)]),
            )]
            .into(),
            ..footpath_track::Batch::default()
        },
    };
    let mut cbor = Vec::new();
    ciborium::into_writer(&whole, &mut cbor).unwrap();
    let json = serde_json::to_vec(&whole).unwrap();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    runner
        .run(
            &(
                any::<bool>(),
                changes,
                any::<prop::sample::Index>(),
                any::<bool>(),
            ),
            |(binary, changes, cut, cuts)| {
                let (kind, mut body) = if binary {
                    ("application/cbor", cbor.clone())
                } else {
                    ("application/json", json.clone())
                };
                for (at, byte) in changes {
                    let at = at.index(body.len());
                    body[at] = byte;
                }
                if cuts {
                    body.truncate(cut.index(body.len()));
                }
                let status = server
                    .send(None, "POST", "/api/v1/runs/a1/append", kind, Some(body))
                    .status()
                    .as_u16();
                prop_assert!(status == 200 || (400..500).contains(&status), "{status}");
                Ok(())
            },
        )
        .unwrap();
    assert_eq!(server.ask("GET", "/api/v1/runs/a1", None).0, 200);
}

#[test]
fn a_body_that_claims_more_than_it_holds_costs_no_memory() {
    let server = Served::open();
    server.begin("maps", "a1");
    // Maps, arrays, texts and byte strings of 2^62 entries, at every place where one may stand.
    for head in [0xbb_u8, 0x9b, 0x7b, 0x5b] {
        for before in [&b""[..], b"\xa1ebatch", b"\xa1ebatch\xa1gmetrics\xa1ax"] {
            let mut body = before.to_vec();
            body.push(head);
            body.extend_from_slice(&(1_u64 << 62).to_be_bytes());
            let answer = server.send(
                None,
                "POST",
                "/api/v1/runs/a1/append",
                "application/cbor",
                Some(body),
            );
            assert_eq!(answer.status(), 400, "{head:x}");
        }
    }
}
