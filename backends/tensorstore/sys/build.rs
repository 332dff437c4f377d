//! Compiles the bridge and links the library that `cargo xtask tensorstore` made. Nothing is downloaded here.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    #[cfg(feature = "link")]
    if let Err(message) = link::link() {
        println!("cargo::error={message}");
    }
}

#[cfg(feature = "link")]
mod link {
    use std::env;
    use std::path::{Path, PathBuf};

    /// Folder of the library, where it is not the default one: as `cargo xtask tensorstore --prefix`.
    const PREFIX: &str = "OME_STREAM_TENSORSTORE";

    /// Set to 1 to compile the bridge with AddressSanitizer; the tests then run with its library preloaded.
    const ASAN: &str = "OME_STREAM_TENSORSTORE_ASAN";

    /// Written last by `cargo xtask tensorstore`: what the library is, where it and its headers are, a line each.
    const READY: &str = "ready.txt";

    pub fn link() -> Result<(), String> {
        println!("cargo:rerun-if-env-changed={PREFIX}");
        println!("cargo:rerun-if-env-changed={ASAN}");
        println!("cargo:rerun-if-changed=src/bridge.rs");
        println!("cargo:rerun-if-changed=cpp");
        let prefix = prefix()?;
        let ready = prefix.join(READY);
        println!("cargo:rerun-if-changed={}", ready.display());
        let text = std::fs::read_to_string(&ready).map_err(|error| {
            format!("the TensorStore library is not in {} ({error}): run `cargo xtask tensorstore`", prefix.display())
        })?;
        let said = |key: &str| {
            let key = format!("{key}=");
            text.lines().filter_map(move |line| line.strip_prefix(&key).map(str::to_owned)).collect::<Vec<_>>()
        };
        let build = said("build").pop().ok_or_else(|| stale(&ready, "does not say what the library is"))?;
        println!("cargo:rustc-env=OME_STREAM_TENSORSTORE_BUILD={build}");
        let archive = said("archive").pop().map(PathBuf::from).ok_or_else(|| stale(&ready, "names no archive"))?;
        if !archive.is_file() {
            return Err(stale(&ready, "names an archive that is not there"));
        }
        println!("cargo:rerun-if-changed={}", archive.display());

        let mut bridge = cxx_build::bridge("src/bridge.rs");
        bridge
            .file("cpp/keeper.cc")
            .file("cpp/store.cc")
            .std("c++17")
            .warnings(true)
            .flag_if_supported("-Wno-unused-parameter");
        for folder in said("include") {
            // Not our code: its warnings are not ours.
            bridge.flag("-isystem").flag(folder);
        }
        if env::var(ASAN).is_ok_and(|value| value == "1") {
            bridge.flag("-fsanitize=address").flag("-fno-omit-frame-pointer");
            // The library is not instrumented: Abseil's headers must not mark memory that its functions then do not
            // unmark.
            bridge.flag("-U__SANITIZE_ADDRESS__");
            println!("cargo:rustc-link-lib=dylib=asan");
        }
        bridge.try_compile("ome_stream_tensorstore_bridge").map_err(|error| error.to_string())?;

        let folder = archive.parent().unwrap_or(Path::new("."));
        println!("cargo:rustc-link-search=native={}", folder.display());
        // Drivers and codecs register themselves in static initializers that nothing refers to.
        println!("cargo:rustc-link-lib=static:+whole-archive,-bundle={}", library_name(&archive)?);
        for library in ["blosc", "zstd", "z"] {
            println!("cargo:rustc-link-lib=dylib={library}");
        }
        Ok(())
    }

    fn prefix() -> Result<PathBuf, String> {
        if let Some(given) = env::var_os(PREFIX).filter(|value| !value.is_empty()) {
            return Ok(PathBuf::from(given));
        }
        // As in xtask: the user's cache folder (XDG base directory specification).
        let cache = env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
            .ok_or_else(|| format!("neither {PREFIX} nor HOME is set"))?;
        Ok(cache.join("ome-stream").join("tensorstore-0.1.86"))
    }

    fn library_name(archive: &Path) -> Result<String, String> {
        archive
            .file_stem()
            .and_then(|stem| stem.to_str())
            .and_then(|stem| stem.strip_prefix("lib"))
            .map(str::to_owned)
            .ok_or_else(|| format!("{} is not called lib*.a", archive.display()))
    }

    fn stale(ready: &Path, problem: &str) -> String {
        format!("{} {problem}: run `cargo xtask tensorstore` again", ready.display())
    }
}
