//! The store that is written: its root and lock, its documents, and the files of ours in it. What belongs to it is
//! owned by one [`Store`].
//!
//! | file in `.ome-stream/run/` | what | until |
//! |---|---|---|
//! | `run.json` | the mark: what run this is, its order of acquisition, array metadata and settings; written before any group or array, changed by `convert` alone | for ever |
//! | `progress.json` | how many frames readers can see (see [`crate::journal`]); there once the store is complete | for ever |
//! | `attributes.json` | the host's metadata, once more | for ever |
//! | `missing.jsonl` | frames that were dropped, skipped or lost (see [`missing`]); there once one was | for ever |
//! | `lock`, `taking` | whoever changes the store holds them | for ever |
//! | `owner.json` | who that is | the store is let go |
//! | `log` | what was written where (see [`crate::journal`]) | a clean `finish` |
//! | `room.part` | space for the last indices on a full disk | `finish`, or the first failure |

mod arrays;
mod attributes;
mod ended;
pub(crate) mod files;
mod find;
mod folders;
mod frame_metadata;
mod groups;
mod learned;
mod lines;
mod lock;
mod mark;
pub mod missing;
mod owner;
pub(crate) mod reserve;
mod root;
mod run;

pub(crate) use find::is_root;
pub use find::{Place, place, root_of};
pub(crate) use learned::Learned;
pub(crate) use lock::Lock;
pub(crate) use mark::Mark;
pub(crate) use root::{Root, holds_chunks, is_continuable, is_half_made, outside_of_stores};
pub(crate) use run::Earlier;
pub use run::Store;
