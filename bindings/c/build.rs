//! Gives the shared library the name under which hosts are linked against it.

/// The number that `ome_stream_abi_version` returns, and the number in the library's name.
const ABI_VERSION: u32 = 1;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=OME_STREAM_ABI_VERSION={ABI_VERSION}");
    // rustc itself writes the version script that hides every symbol which is not exported on purpose.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libome_stream.so.{ABI_VERSION}");
    }
}
