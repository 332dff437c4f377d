//! `recover` on stores that were cut, damaged, made to hurt, or left behind by a writer that was killed.
//!
//! After mending, zarrs' own reader opens every array; a pixel is what was written or lies in a chunk that the report
//! calls lost, and a second look finds nothing to do.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot make its store has failed")]

mod cut;
mod damage;
mod grown;
mod interrupted;
mod killed;
mod levels;
mod links;
mod metadata;
mod misread;
mod store;
mod target;
