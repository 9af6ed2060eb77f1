//! Wires of the wrong type do not compile, with messages a newcomer understands.

#[test]
fn a_wrong_wire_is_explained_by_the_compiler() {
    trybuild::TestCases::new().compile_fail("tests/wiring/*.rs");
}
