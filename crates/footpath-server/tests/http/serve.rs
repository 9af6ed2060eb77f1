//! A server on a free port for the time of a test, and a client without manners.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread::JoinHandle;

use footpath_server::{Auth, Config, Server};
use serde_json::Value;
use ureq::http::Response;
use ureq::{Agent, Body};

/// A running server; ends, and its folder goes, when dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) token: Option<String>,
    agent: Agent,
    end: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl Served {
    /// A server that asks no one.
    pub(crate) fn open() -> Self {
        Self::start(|_| {})
    }

    /// A server that asks everyone; its client shows the first token.
    pub(crate) fn guarded() -> Self {
        Self::start(|config| config.auth = Auth::Everyone)
    }

    /// A server with a changed configuration.
    pub(crate) fn start(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::local(folder.path().join("store"));
        config.listen = "127.0.0.1:0".parse().unwrap();
        change(&mut config);
        let (tell, told) = mpsc::channel();
        let (end, ended) = tokio::sync::oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let server = Server::bind(config).await.unwrap();
                let token = server.first_token().map(str::to_owned);
                tell.send((server.address(), token)).unwrap();
                server.run(async { drop(ended.await) }).await;
            });
        });
        let (address, token) = told.recv().unwrap();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        Self {
            address,
            token,
            agent,
            end: Some(end),
            thread: Some(thread),
            _folder: folder,
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks with the first token, if the server made one.
    pub(crate) fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.ask_as(self.token.as_deref(), method, path, body)
    }

    pub(crate) fn ask_as(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let body = body.map(|body| body.to_string().into_bytes());
        let mut answer = self.send(token, method, path, "application/json", body);
        let text = answer.body_mut().read_to_string().unwrap();
        let told = serde_json::from_str(&text).unwrap_or(Value::String(text));
        (answer.status().as_u16(), told)
    }

    /// Sends bytes of a kind.
    pub(crate) fn send(
        &self,
        token: Option<&str>,
        method: &str,
        path: &str,
        kind: &str,
        body: Option<Vec<u8>>,
    ) -> Response<Body> {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(self.url(path));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        match body {
            Some(body) => {
                let request = request.header("content-type", kind).body(body).unwrap();
                self.agent.run(request).unwrap()
            }
            None => self.agent.run(request.body(()).unwrap()).unwrap(),
        }
    }

    /// Asks and expects success.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, told) = self.ask("GET", path, None);
        assert_eq!(status, 200, "{path}: {told}");
        told
    }

    /// Tells and expects success.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let (status, told) = self.ask("POST", path, Some(body));
        assert_eq!(status, 200, "{path}: {told}");
        told
    }

    /// Writes these bytes to a connection, closes its sending half if asked, and reads the answer.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // A server that closes at once resets what it had not read: that too is an answer.
        let _read = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Begins a run of experiment `e` in a project; gives its id.
    pub(crate) fn begin(&self, project: &str, id: &str) -> String {
        let start = serde_json::json!({
            "project": project, "experiment": "e", "id": id, "start_ms": 1_700_000_000_000_i64,
        });
        self.post("/api/v1/runs", &start);
        id.to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}
