//! `footpath serve` from its first line to its end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends here")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

fn footpath() -> Command {
    Command::new(env!("CARGO_BIN_EXE_footpath"))
}

#[test]
#[cfg(unix)]
fn it_answers_until_it_is_asked_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = footpath()
        .args(["serve", "--listen", "127.0.0.1:0", "--store", "store"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("OK"),
        "{answer}"
    );

    let second = footpath()
        .args(["ui", "--no-open", "--port", "0", "--store", "store"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{told}");
    assert!(told.contains("is open in another process"), "{told}");

    let asked = Command::new("kill").arg(server.id().to_string()).status();
    assert!(asked.unwrap().success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_served_is_wrong_usage() {
    for (arguments, reason) in [
        (
            ["serve", "--store", "postgres://host/db"],
            "name a folder or s3://bucket/prefix",
        ),
        (["serve", "--prefix", "x"], "does not begin with `/`"),
        (["serve", "--listen", "nowhere"], "invalid value 'nowhere'"),
    ] {
        let output = footpath().args(arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(reason), "{told}");
    }
}
