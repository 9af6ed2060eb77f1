//! The conformance suite on PostgreSQL: a server is started on a temporary folder, if one is
//! installed; if not, the tests say so and pass.
#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]
#![expect(clippy::print_stderr, reason = "what is skipped is told")]

mod conformance;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use footpath_track::open_postgres;

conformance::suite!(|test: &dyn Fn(&dyn footpath_track::Store)| {
    let Some(server) = server() else {
        let required = std::env::var_os("FOOTPATH_REQUIRE_SERVERS").is_some();
        assert!(
            !required,
            "no PostgreSQL server (initdb, postgres) is installed"
        );
        eprintln!("skipped: no PostgreSQL server (initdb, postgres) is installed");
        return;
    };
    let store = open_postgres(&server.new_database()).unwrap();
    test(&store);
});

/// The server that the tests of this process share.
fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(Server::start).as_ref()
}

/// A server that listens on a socket in a temporary folder. It ends with this process: its
/// shell waits for the end of a pipe that the process holds.
struct Server {
    folder: PathBuf,
    _pipe: std::process::ChildStdin,
}

impl Server {
    #[expect(
        clippy::zombie_processes,
        reason = "the server lives as long as the tests"
    )]
    fn start() -> Option<Self> {
        let folders = ["/usr/lib/postgresql/15/bin", "/usr/local/bin", "/usr/bin"];
        let programs = folders
            .iter()
            .map(Path::new)
            .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())?;
        // The shell makes the folder, so that it is its owner's to remove.
        let script = format!(
            "set -e
             umask 077
             folder=$(mktemp -d)
             {programs}/initdb -D $folder/data -U track -A trust -E UTF8 --locale=C.UTF-8 --no-sync >$folder/log 2>&1
             {programs}/postgres -D $folder/data -k $folder -c listen_addresses= -c fsync=off >>$folder/log 2>&1 &
             server=$!
             until [ -S $folder/.s.PGSQL.5432 ] && [ -n \"$(sed -n '8{{/ready/p}}' $folder/data/postmaster.pid)\" ]; do
                 kill -0 $server
                 sleep 0.1
             done
             echo $folder
             read end || true
             kill -QUIT $server
             wait $server || true
             rm -rf $folder",
            programs = programs.display()
        );
        // The server refuses to run as root.
        let mut command = if is_root() {
            as_nobody()
        } else {
            Command::new("sh")
        };
        let mut shell = command
            .arg("-c")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(
            &mut std::io::BufReader::new(shell.stdout.take().unwrap()),
            &mut line,
        )
        .unwrap();
        let folder = PathBuf::from(line.trim_end());
        assert!(folder.is_absolute(), "the server did not start");
        Some(Self {
            folder,
            _pipe: shell.stdin.take().unwrap(),
        })
    }

    fn address(&self, database: &str) -> String {
        format!(
            "host={} user=track dbname={database}",
            self.folder.display()
        )
    }

    /// The address of a new, empty database.
    fn new_database(&self) -> String {
        static DATABASES: AtomicUsize = AtomicUsize::new(0);
        let database = format!("track_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let mut client =
            postgres::Client::connect(&self.address("postgres"), postgres::NoTls).unwrap();
        client
            .batch_execute(&format!("CREATE DATABASE {database}"))
            .unwrap();
        self.address(&database)
    }
}

fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("\nUid:\t0\t"))
}

fn as_nobody() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh"]);
    command
}
