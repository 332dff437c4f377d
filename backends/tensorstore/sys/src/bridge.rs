//! What crosses the border, as cxx checks it on both sides.

use crate::keep::Keeper;

#[cxx::bridge(namespace = "ome_stream")]
pub(crate) mod ffi {
    extern "Rust" {
        type Keeper;

        fn put(self: &Keeper, key: &str, value: Pin<&mut Encoded>) -> Result<()>;
    }

    unsafe extern "C++" {
        include!("ome-stream-tensorstore-sys/cpp/store.h");

        type Context;
        type Store;
        type Commit;
        type Encoded;

        fn context_from_json(json: &str) -> Result<UniquePtr<Context>>;
        fn open_store(context: &Context, json: &str) -> Result<UniquePtr<Store>>;
        fn open_kept(context: &Context, json: &str, keeper: Box<Keeper>) -> Result<UniquePtr<Store>>;

        fn length(self: &Encoded) -> usize;
        fn next<'a>(self: Pin<&'a mut Encoded>) -> &'a [u8];

        fn shape(self: &Store) -> Vec<i64>;
        fn spec(self: &Store) -> Result<String>;
        fn item_size(self: &Store) -> usize;

        /// # Safety
        /// `bytes` stay where and what they are until the commit's `wait` has returned or the commit was destroyed.
        unsafe fn write(
            self: &Store,
            origin: &[i64],
            shape: &[i64],
            bytes: &[u8],
            transaction: bool,
        ) -> Result<UniquePtr<Commit>>;
        fn read(self: &Store, origin: &[i64], shape: &[i64], bytes: &mut [u8]) -> Result<()>;
        fn resize(self: &Store, upper: &[i64]) -> Result<UniquePtr<Store>>;

        fn wait(self: Pin<&mut Commit>) -> Result<()>;

        fn half_bits(value: f32) -> u16;
        fn half_value(bits: u16) -> f32;
    }
}
