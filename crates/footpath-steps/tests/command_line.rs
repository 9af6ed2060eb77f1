//! The command line over a pipeline, as a session.

#![cfg(feature = "cli")]
#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    dead_code,
    reason = "an example is a program; here it is a module"
)]

use clap::Parser;
use footpath_steps::cli::Command;

#[path = "../examples/command_line.rs"]
mod example;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[test]
fn a_session() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let bundle = folder.path().join("words.footpath");
    let app = example::app().store(&store);
    let steps = |line: &str| {
        let arguments = Arguments::try_parse_from(format!("steps {line}").split(' ')).unwrap();
        let mut out = Vec::new();
        let result = app.run(&arguments.command, &mut out);
        let text = String::from_utf8(out).unwrap();
        result.map(|()| text).map_err(|error| error.to_string())
    };
    assert_eq!(
        steps("explain").unwrap(),
        "step     plan     size  why\n\
         text     given\n\
         words    compute        never run before\n\
         length   compute        never run before\n\
         longest  compute        never run before\n"
    );
    assert!(
        steps("run --threads 1")
            .unwrap()
            .contains("longest  computed")
    );
    let plan = steps("plan").unwrap();
    assert!(plan.contains("longest  hit"), "{plan}");
    assert!(plan.contains("length   unneeded"), "{plan}");
    let listed = steps("ls").unwrap();
    assert!(
        listed.contains("6 × u64@1") || listed.contains("6 × u64"),
        "{listed}"
    );
    assert!(
        steps("show longest")
            .unwrap()
            .contains("step      longest (pipeline words)")
    );
    assert_eq!(
        steps("show nobody").unwrap_err(),
        "nothing is kept under `nobody`; `ls` lists what is"
    );
    assert_eq!(
        steps("explain lenght").unwrap_err(),
        "pipeline `words` has no step `lenght`; did you mean `length`?"
    );
    assert!(
        steps("graph --bare")
            .unwrap()
            .starts_with("flowchart TD\n    n0([\"text<br/>input\"])")
    );
    assert!(steps("graph --format svg").unwrap().starts_with("<svg "));
    serde_json::from_str::<serde_json::Value>(&steps("explain --json").unwrap()).unwrap();
    assert!(steps("verify").unwrap().contains("verified"));
    assert!(
        steps("gc --dry-run")
            .unwrap()
            .starts_with("would remove 0 outputs and 0 objects")
    );
    assert!(
        steps(&format!("export {}", bundle.display()))
            .unwrap()
            .starts_with("exported 2 steps")
    );
    assert!(
        steps(&format!("import {}", bundle.display()))
            .unwrap()
            .starts_with("imported 2 steps of `words`")
    );
}
