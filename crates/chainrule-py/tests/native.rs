//! The library is built with everything else, so that `cargo test` proves that it builds and
//! `cargo xtask test` has it for Python's own tests.

/// The entry point by which Python loads the library.
const ENTRY: &[u8] = b"PyInit__native";

#[test]
fn the_library_can_be_loaded_by_python() {
    let here = std::env::current_exe().expect("tests know where they are");
    let folder = here.parent().expect("in the folder of dependencies");
    let names = ["libchainrule_native.so", "libchainrule_native.dylib", "chainrule_native.dll"];
    let library = names.iter().find_map(|name| std::fs::read(folder.join(name)).ok());
    let library = library.expect("the library stands beside the tests");
    assert!(library.windows(ENTRY.len()).any(|bytes| bytes == ENTRY));
}
