//! An acquisition of one test: a case, a folder that vanishes with it, and what was seen on disk.

use std::path::PathBuf;
use std::sync::Arc;

use ome_stream::backend::Backend;
use ome_stream::platform::{self, Disk};
use ome_stream::settings::Settings;
use ome_stream::{Error, Result, Stream};
use ome_stream_tests::case::{Case, Step};
use ome_stream_tests::read::{self, Pixels};
use ome_stream_tests::{check, model, pixels};
use tempfile::TempDir;

/// The engine that is always there.
pub fn native() -> Box<dyn Backend> {
    ome_stream_backends::open(ome_stream_backends::DEFAULT).expect("always there")
}

/// A case with a folder of its own.
pub struct Acquisition {
    folder: TempDir,
    pub case: Case,
}

impl Acquisition {
    /// Dimensions as the command line takes them.
    pub fn new(dimensions: &str) -> Self {
        Self::of(Case::new("run", dimensions))
    }

    pub fn of(case: Case) -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder"), case }
    }

    pub fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.case.settings);
        self
    }

    /// So little memory that about a dozen frames of 64 KiB (`y:256,x:128`) fit, and one worker.
    pub fn with_little_memory(self) -> Self {
        self.with(|settings| {
            settings.memory_limit = 1 << 20;
            settings.threads = Some(1);
        })
    }

    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }

    pub fn settings(&self) -> Settings {
        self.case.settings_in(self.folder.path())
    }

    /// The store.
    pub fn root(&self) -> PathBuf {
        self.settings().output_path()
    }

    pub fn try_start_on(&self, disk: Arc<dyn Disk>) -> Result<Stream> {
        Stream::create_on(&self.settings(), &*native(), disk)
    }

    pub fn start_on(&self, disk: Arc<dyn Disk>) -> Stream {
        self.try_start_on(disk).expect("a stream")
    }

    pub fn start(&self) -> Stream {
        self.start_on(platform::native())
    }

    /// A stream in the place of the store that is there, where one is.
    pub fn start_again(&self, overwrite: bool) -> Stream {
        let settings = Settings { overwrite, ..self.settings() };
        Stream::create(&settings, &*native()).expect("a stream")
    }

    /// The frame of this number.
    pub fn frame(&self, number: u64) -> Vec<u8> {
        let (rows, columns) = self.case.frame();
        pixels::frame(self.case.settings.dtype, number, rows, columns)
    }

    /// Appends the frames of these numbers, which are the next ones.
    pub fn append(&self, stream: &Stream, numbers: std::ops::Range<u64>) {
        for number in numbers {
            assert_eq!(stream.append(&self.frame(number)).expect("taken"), number);
        }
    }

    /// Appends right frames until one is refused; returns its number and the error.
    pub fn append_until_refused(&self, stream: &Stream) -> (u64, Error) {
        loop {
            let number = stream.status().accepted;
            if let Err(error) = stream.append(&self.frame(number)) {
                return (number, error);
            }
        }
    }

    /// The array of the only position.
    pub fn read(&self) -> std::result::Result<Pixels, String> {
        read::zarrs(&self.root().join("0"))
    }

    /// Shape that the metadata of the only position's array tell.
    pub fn read_shape(&self) -> Vec<u64> {
        let text = std::fs::read(self.root().join("0/zarr.json")).expect("array metadata");
        let document: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        let shape = document["shape"].as_array().expect("a shape");
        shape.iter().map(|extent| extent.as_u64().expect("a number")).collect()
    }

    /// What the only position's array is after this script.
    pub fn expected(&self, script: &[Step]) -> model::Image {
        model::images(&self.case.clone().script(script)).remove(0)
    }

    /// Whether the array holds exactly what this script leaves there.
    pub fn holds(&self, script: &[Step]) -> std::result::Result<(), String> {
        check::same_pixels(&self.case, &self.expected(script), &self.read()?)
    }

    /// Asserts that the array holds exactly what this script leaves there.
    #[track_caller]
    pub fn assert_holds(&self, script: &[Step]) {
        if let Err(wrong) = self.holds(script) {
            panic!("{wrong}");
        }
    }

    /// Which planes are whole. The tiles of a frame appear one by one, so that others may be there in part: every pixel
    /// is then right or fill value.
    ///
    /// Frames lie in the order in which they came.
    ///
    /// # Panics
    /// At a pixel that is neither.
    #[track_caller]
    pub fn planes(&self) -> Vec<bool> {
        self.first_planes(u64::MAX)
    }

    /// As [`Acquisition::planes`], no further than `most` along the first axis.
    #[track_caller]
    pub fn first_planes(&self, most: u64) -> Vec<bool> {
        let found = read::zarrs_first(&self.root().join("0"), most).expect("readable");
        let (rows, columns) = self.case.frame();
        let pixel = self.case.settings.dtype.size();
        found
            .bytes
            .chunks((rows * columns) as usize * pixel)
            .enumerate()
            .map(|(number, bytes)| {
                let frame = self.frame(number as u64);
                let right = |(got, expected): (&[u8], &[u8])| got == expected || got.iter().all(|byte| *byte == 0);
                let wrong = bytes.chunks(pixel).zip(frame.chunks(pixel)).position(|pixels| !right(pixels));
                assert_eq!(wrong, None, "first wrong pixel of plane {number}");
                bytes == frame
            })
            .collect()
    }
}
