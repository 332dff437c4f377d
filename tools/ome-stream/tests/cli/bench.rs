//! Runs the binary in a folder of its own, makes inputs, reads stores back.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;
use zarrs::array::{Array, ArrayBytes, ArraySubset};
use zarrs_filesystem::FilesystemStore;

/// A folder in which commands run; it vanishes with the test.
pub struct Bench(TempDir);

/// What came of a command.
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Stops the test unless the command ended with `code`.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "standard output:\n{}standard error:\n{}", self.out, self.err);
        self
    }

    /// Stops the test unless standard error has all of `parts`.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "{part:?} is not in:\n{}", self.err);
        }
        self
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error} in:\n{}", self.out))
    }
}

/// The command itself, in `folder`.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ome-stream"));
    command.current_dir(folder);
    command
}

impl Bench {
    pub fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes a file, and the folders above it.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("in the folder")).expect("folders made");
        fs::write(&path, bytes).expect("file written");
        path
    }

    /// Names of everything in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("listed");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        self.run_with(arguments, b"")
    }

    /// Runs with `input` on standard input.
    pub fn run_with<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>, input: &[u8]) -> Ran {
        let mut child = command(self.0.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started");
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_vec();
        // It may end before it has read all.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("ended");
        writer.join().expect("the input's thread");
        Ran {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Runs `ome-stream` with a line of arguments.
    pub fn line(&self, arguments: &str) -> Ran {
        self.run(arguments.split_whitespace())
    }

    /// Shape and pixels (C order, little-endian) of an array, as a foreign reader sees it.
    pub fn pixels(&self, array: &str) -> (Vec<u64>, Vec<u8>) {
        let store = FilesystemStore::new(self.path(array)).expect("a folder");
        let array = Array::open(Arc::new(store), "/").expect("an array");
        let all = ArraySubset::new_with_shape(array.shape().to_vec());
        let bytes = array.retrieve_array_subset::<ArrayBytes<'_>>(&all).expect("read");
        (array.shape().to_vec(), bytes.into_fixed().expect("fixed size").into_owned())
    }
}

/// `frames` frames of `rows` x `columns` uint16 pixels, each of which tells its place.
pub fn frames(frames: u64, rows: u64, columns: u64) -> Vec<u8> {
    let pixels = (0..frames).flat_map(|frame| (0..rows * columns).map(move |pixel| (frame * 1000 + pixel) as u16));
    pixels.flat_map(u16::to_le_bytes).collect()
}

/// A .npy file, version 1.0, as numpy.save writes it.
pub fn npy(descr: &str, fortran: bool, shape: &[u64], data: &[u8]) -> Vec<u8> {
    let tuple: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
    let fortran = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': ({tuple}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.bytes());
    file.extend(data);
    file
}
