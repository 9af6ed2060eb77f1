//! Artifacts in a folder, and in S3: where `FOOTPATH_TEST_S3` names a bucket such as
//! `s3://bucket/prefix` (with the `AWS_…` variables that reach it), there; or else on a server
//! that the test starts, if `moto_server` (`pip install 'moto[server]'`) is installed.
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]
#![expect(clippy::print_stderr, reason = "what is skipped is told")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use footpath_track::{
    ArtifactPath, Artifacts, Blobs, Error, ExperimentId, NewRun, Owner, SqliteOptions, Store,
    open_sqlite,
};
use futures_util::{StreamExt as _, stream};

async fn whole(
    artifacts: &Artifacts,
    owner: &Owner,
    path: &ArtifactPath,
    range: Option<std::ops::Range<u64>>,
) -> Vec<u8> {
    let (_, mut content) = artifacts.get(owner, path, range).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = content.next().await {
        bytes.extend_from_slice(piece.unwrap().as_ref());
    }
    bytes
}

async fn contents_come_back_and_are_freed(blobs: &str) {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> =
        Arc::new(open_sqlite(folder.path(), SqliteOptions::default()).unwrap());
    let owner = Owner::Run(
        store
            .create_run(&NewRun::new(ExperimentId::DEFAULT, 0))
            .unwrap()
            .id,
    );
    let artifacts = Artifacts::new(Arc::clone(&store), Blobs::open(blobs).unwrap());
    // More than a part of an upload, in pieces that fit none.
    let content: Vec<u8> = (0..9_000_000u32).map(|at| (at % 251) as u8).collect();
    let pieces = || {
        stream::iter(
            content
                .chunks(100_003)
                .map(|piece| Ok(piece.to_vec()))
                .collect::<Vec<_>>(),
        )
    };
    let paths = ["model/w.bin", "copy+1.bin"].map(|path| ArtifactPath::new(path).unwrap());
    for path in &paths {
        artifacts.put(&owner, path, pieces()).await.unwrap();
    }
    assert!(whole(&artifacts, &owner, &paths[0], None).await == content);
    assert_eq!(
        whole(&artifacts, &owner, &paths[1], Some(8_999_990..9_000_000)).await,
        content[8_999_990..]
    );

    let broken = stream::iter([Ok(vec![1]), Err(std::io::Error::other("the client left"))]);
    assert!(artifacts.put(&owner, &paths[0], broken).await.is_err());
    assert!(
        whole(&artifacts, &owner, &paths[0], None).await == content,
        "a failed upload replaces nothing"
    );

    let digest = store.artifact(&owner, "model/w.bin").unwrap().blob.digest;
    store.unlink_artifact(&owner, "model").unwrap();
    assert_eq!(
        artifacts
            .collect_added_before(i64::MAX)
            .await
            .unwrap()
            .artifact_bytes,
        0
    );
    store.unlink_artifact(&owner, "copy+1.bin").unwrap();
    assert_eq!(
        artifacts.collect().await.unwrap().artifact_bytes,
        0,
        "within the grace time"
    );
    assert_eq!(
        artifacts
            .collect_added_before(i64::MAX)
            .await
            .unwrap()
            .artifact_bytes,
        9_000_000
    );
    assert!(!artifacts.blobs().contains(digest).await.unwrap());
    assert!(matches!(
        artifacts.blob(digest).await,
        Err(Error::NotFound { .. })
    ));
    let small = artifacts.put_blob(b"small".to_vec()).await.unwrap();
    assert_eq!(artifacts.blob(small.digest).await.unwrap(), b"small");
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future);
}

#[test]
fn in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    block_on(contents_come_back_and_are_freed(
        folder.path().to_str().unwrap(),
    ));
    let mut left = 0;
    let mut folders = vec![folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                left += 1;
            }
        }
    }
    assert_eq!(left, 1, "only the small content is left");
}

#[test]
fn in_s3() {
    if let Ok(address) = std::env::var("FOOTPATH_TEST_S3") {
        return block_on(contents_come_back_and_are_freed(&address));
    }
    let Some(server) = MotoServer::start() else {
        let required = std::env::var_os("FOOTPATH_REQUIRE_SERVERS").is_some();
        assert!(!required, "no S3 server (moto_server) is installed");
        eprintln!("skipped: FOOTPATH_TEST_S3 names no bucket, and no moto_server is installed");
        return;
    };
    ureq::put(format!("{}/bucket", server.url))
        .send_empty()
        .unwrap();
    // The address of the server is told by the environment, which a process sets for another.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "in_s3", "--nocapture"])
        .env("FOOTPATH_TEST_S3", "s3://bucket/prefix")
        .env("AWS_ENDPOINT", &server.url)
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "us-east-1")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// An S3 server in memory, on a free port of this machine.
struct MotoServer {
    process: Child,
    url: String,
}

impl MotoServer {
    fn start() -> Option<Self> {
        let mut process = Command::new("moto_server")
            .args(["-H", "127.0.0.1", "-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        let told = BufReader::new(process.stderr.take().unwrap());
        let mut server = Self {
            process,
            url: String::new(),
        };
        let mut lines = told.lines().map_while(Result::ok);
        let line = lines.find(|line| line.contains("http://"))?;
        server.url = line[line.find("http://")?..].trim().into();
        // Its log is read to the end, so that it never waits for a reader.
        std::thread::spawn(move || lines.count());
        Some(server)
    }
}

impl Drop for MotoServer {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _status = self.process.wait();
    }
}

#[test]
fn damaged_contents_are_told() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().to_str().unwrap()).unwrap();
        let digest = blobs.put(b"content".to_vec()).await.unwrap().digest;
        let hex = digest.to_string();
        std::fs::write(
            folder.path().join("blobs").join(&hex[..2]).join(&hex),
            b"c0ntent",
        )
        .unwrap();
        assert_eq!(
            blobs.get(digest).await.unwrap_err().to_string(),
            format!("blob {digest} is damaged: its digest is wrong")
        );
    });
}
