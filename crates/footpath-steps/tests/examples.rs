//! Every example does what it claims: each checks its own result.

#![allow(
    clippy::unwrap_used,
    unreachable_pub,
    reason = "an example is a program; here it is a module"
)]

#[path = "../examples/adapters.rs"]
mod adapters;
#[path = "../examples/caching.rs"]
mod caching;
#[path = "../examples/ensemble.rs"]
mod ensemble;
#[path = "../examples/files.rs"]
mod files;
#[path = "../examples/hello.rs"]
mod hello;
#[path = "../examples/iris.rs"]
mod iris;
#[path = "../examples/own_transformer.rs"]
mod own_transformer;

#[test]
fn examples_run() {
    hello::main().unwrap();
    adapters::main().unwrap();
    caching::main().unwrap();
    ensemble::main().unwrap();
    own_transformer::main().unwrap();
    iris::main().unwrap();
    files::main().unwrap();
}
