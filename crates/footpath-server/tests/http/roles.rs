//! What each role may do: every call of the native API, and the limits of each role.

use crate::serve::Served;
use serde_json::{Value, json};

/// A server with a run `m1` of project `maps`, and a user of a role there, if any.
struct Stage {
    server: Served,
    token: String,
}

impl Stage {
    fn new(role: Option<&str>) -> Self {
        let server = Served::guarded();
        server.begin("maps", "m1");
        server.begin("roads", "r1");
        let file = server.send(
            server.token.as_deref(),
            "PUT",
            "/api/v1/runs/m1/files/a",
            "",
            Some(b"x".to_vec()),
        );
        assert_eq!(file.status(), 200);
        let mut user = json!({ "roles": { "roads": "admin" } });
        if let Some(role) = role {
            user["roles"]["maps"] = role.into();
        }
        assert_eq!(server.ask("PUT", "/api/v1/users/ann", Some(&user)).0, 200);
        let told = server.post("/api/v1/tokens", &json!({ "user": "ann" }));
        let token = told["token"].as_str().unwrap().to_owned();
        Self { server, token }
    }

    fn status(&self, (method, path, body): &(&str, &str, Option<Value>)) -> u16 {
        self.server
            .ask_as(Some(&self.token), method, path, body.as_ref())
            .0
    }
}

type Asked = (&'static str, &'static str, Option<Value>);

/// Experiment 1 is that of `m1`.
fn reading() -> Vec<Asked> {
    let get = |path| ("GET", path, None);
    vec![
        get("/api/v1/runs/m1"),
        get("/api/v1/runs/m1/points?key=x"),
        get("/api/v1/runs/m1/envelope?key=x&width_px=9"),
        get("/api/v1/runs/m1/media"),
        get("/api/v1/runs/m1/texts?key=x"),
        get("/api/v1/runs/m1/images?key=x"),
        get("/api/v1/runs/m1/steps"),
        get("/api/v1/runs/m1/artifacts"),
        get("/api/v1/runs/m1/files/a"),
        get("/api/v1/experiments/1"),
        get("/api/v1/experiments?project=maps"),
        get("/api/v1/projects/maps/views"),
        (
            "POST",
            "/api/v1/runs/search",
            Some(json!({ "project": "maps" })),
        ),
        (
            "POST",
            "/api/v1/envelopes",
            Some(json!({ "runs": ["m1"], "keys": ["x"], "zoom": { "width_px": 9 } })),
        ),
        get("/api/2.0/mlflow/runs/get?run_id=m1"),
        get("/api/2.0/mlflow/metrics/get-history?run_id=m1&metric_key=x"),
        get("/api/2.0/mlflow/artifacts/list?run_id=m1"),
        get("/get-artifact?run_id=m1&path=a"),
    ]
}

fn writing() -> Vec<Asked> {
    let start = json!({ "project": "maps", "experiment": "e", "id": "m2", "start_ms": 0 });
    let append = json!({ "writer": "w", "sequence": 1, "batch": { "tags": { "a": "b" } } });
    vec![
        ("POST", "/api/v1/runs", Some(start)),
        ("POST", "/api/v1/runs/m1/append", Some(append)),
        (
            "PATCH",
            "/api/v1/runs/m1",
            Some(json!({ "set_tags": { "a": "b" } })),
        ),
        ("PUT", "/api/v1/runs/m1/files/b", Some(json!(1))),
        ("DELETE", "/api/v1/runs/m1/files/a", None),
        (
            "POST",
            "/api/v1/experiments",
            Some(
                json!({ "project": "maps", "name": "new", "tags": {}, "artifact_location": null }),
            ),
        ),
        (
            "PATCH",
            "/api/v1/experiments/1",
            Some(json!({ "set_tags": { "a": "b" } })),
        ),
        (
            "PUT",
            "/api/v1/projects/maps/views/v",
            Some(json!({ "columns": [] })),
        ),
        ("DELETE", "/api/v1/projects/maps/views/v", None),
        (
            "POST",
            "/api/2.0/mlflow/runs/log-metric",
            Some(json!({ "run_id": "m1", "key": "x", "value": 1, "timestamp": 0 })),
        ),
        (
            "POST",
            "/api/2.0/mlflow/runs/delete",
            Some(json!({ "run_id": "m1" })),
        ),
        (
            "POST",
            "/api/2.0/mlflow/runs/restore",
            Some(json!({ "run_id": "m1" })),
        ),
    ]
}

fn administering() -> Vec<Asked> {
    vec![
        ("GET", "/api/v1/projects/maps/roles", None),
        (
            "PUT",
            "/api/v1/projects/maps/roles/admin",
            Some(json!({ "role": "viewer" })),
        ),
        ("DELETE", "/api/v1/projects/maps/roles/admin", None),
        ("DELETE", "/api/v1/runs/m1", None),
        ("DELETE", "/api/v1/experiments/1", None),
    ]
}

/// What no role in a project allows.
fn ruling() -> Vec<Asked> {
    vec![
        ("GET", "/api/v1/users", None),
        ("PUT", "/api/v1/users/bob", Some(json!({}))),
        ("DELETE", "/api/v1/users/admin", None),
        ("POST", "/api/v1/tokens", Some(json!({ "user": "admin" }))),
        ("POST", "/api/v1/collect", None),
    ]
}

#[test]
fn each_role_may_do_its_own_and_no_more() {
    for (role, most) in [
        (None, 0),
        (Some("viewer"), 1),
        (Some("editor"), 2),
        (Some("admin"), 3),
    ] {
        let stage = Stage::new(role);
        let asked = json!({ "runs": ["m1", "r1"] });
        let (_, told) =
            stage
                .server
                .ask_as(Some(&stage.token), "POST", "/api/v1/runs/get", Some(&asked));
        let seen = told["runs"].as_array().unwrap().len();
        assert_eq!(seen, if role.is_some() { 2 } else { 1 }, "{role:?}: {told}");
        let kinds = [reading(), writing(), administering(), ruling()];
        for (least, asked) in (1..).zip(kinds) {
            for asked in asked {
                let expected = if least <= most { 200 } else { 403 };
                let (method, path, _) = &asked;
                assert_eq!(stage.status(&asked), expected, "{role:?}: {method} {path}");
            }
        }
    }
}

#[test]
fn a_projects_administrator_gives_roles_there_alone() {
    let stage = Stage::new(Some("admin"));
    let server = &stage.server;
    assert_eq!(
        server.ask("PUT", "/api/v1/users/bob", Some(&json!({}))).0,
        200
    );
    let told = server.post("/api/v1/tokens", &json!({ "user": "bob" }));
    let bob = told["token"].as_str().unwrap();
    let sees = || server.ask_as(Some(bob), "GET", "/api/v1/runs/m1", None).0;
    let ann = |method: &str, path: &str, body: Option<Value>| {
        server.ask_as(Some(&stage.token), method, path, body.as_ref())
    };
    assert_eq!(sees(), 403);
    let role = json!({ "role": "viewer" });
    let path = "/api/v1/projects/maps/roles/bob";
    assert_eq!(ann("PUT", path, Some(role.clone())).0, 200);
    assert_eq!(sees(), 200, "at once");
    let roles = ann("GET", "/api/v1/projects/maps/roles", None).1;
    assert_eq!(
        roles,
        json!({ "roles": { "ann": "admin", "bob": "viewer" } })
    );
    assert_eq!(ann("DELETE", path, None).0, 200);
    assert_eq!(sees(), 403, "at once");
    let other = "/api/v1/projects/default/roles/bob";
    assert_eq!(ann("PUT", other, Some(role.clone())).0, 403);
    let nobody = "/api/v1/projects/maps/roles/nobody";
    assert_eq!(ann("PUT", nobody, Some(role)).0, 404);
    let wrong = ann("PUT", path, Some(json!({ "role": "king" })));
    assert_eq!(
        (wrong.0, wrong.1["error_code"].as_str()),
        (400, Some("BAD_REQUEST"))
    );
}
