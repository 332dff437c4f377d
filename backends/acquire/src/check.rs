//! What the engine cannot write, or writes wrongly: refused before anything touches disk.

use ome_stream::Plan;
use ome_stream::backend::Unsupported;
use ome_stream::settings::{Codec, DataType, Durability, NgffVersion};

use crate::order::Order;

/// # Errors
/// The first reason why the engine cannot write `plan`, and what would work.
pub(crate) fn check(plan: &Plan) -> Result<Order, Unsupported> {
    let settings = plan.settings();
    if settings.format.version == NgffVersion::V0_4 {
        return refuse("OME-NGFF 0.4 lies on Zarr v2, acquire-zarr writes Zarr v3; use format.version \"0.5\"");
    }
    if plan.dtype() == DataType::Float16 {
        return refuse("acquire-zarr has no float16; use float32, or backend zarrs");
    }
    codec(plan)?;
    if plan.sources().len() > 1 {
        return refuse("acquire-zarr takes frames of one source; use backend zarrs");
    }
    if settings.durability == Durability::Shard {
        return refuse(
            "acquire-zarr does not tell when a shard is on the medium; use durability \"finish\", or backend zarrs",
        );
    }
    sizes(plan)?;
    if plan.positions().len() > 1 {
        plan.positions().iter().try_for_each(|position| key(&position.path))?;
    }
    if plan.root().to_str().is_none() {
        return refuse("acquire-zarr takes paths in UTF-8 only; use another root_path");
    }
    Order::of(plan)
}

fn codec(plan: &Plan) -> Result<(), Unsupported> {
    let compression = plan.settings().compression;
    match compression.codec {
        Codec::None | Codec::BloscZstd | Codec::BloscLz4 => Ok(()),
        Codec::Zstd if compression.level >= 0 => Ok(()),
        Codec::Zstd => refuse(format!(
            "compression.level = {}: acquire-zarr takes zstd levels 0 to 22; use one of them, or backend zarrs",
            compression.level
        )),
        Codec::Gzip => refuse("acquire-zarr has no gzip; use zstd, blosc-zstd or blosc-lz4, or backend zarrs"),
    }
}

/// The engine counts pixels and chunks in 32 bits.
fn sizes(plan: &Plan) -> Result<(), Unsupported> {
    let all = plan.forms().iter().map(|form| form.geometry());
    let all = all.flat_map(|each| [each.shape(), each.chunk(), each.shard().unwrap_or(&[])]);
    match all.flatten().find(|size| u32::try_from(**size).is_err()) {
        None => Ok(()),
        Some(size) => refuse(format!("a dimension, chunk or shard of {size}: acquire-zarr counts up to {}", u32::MAX)),
    }
}

/// With several arrays in one store the engine finds each by a key, and takes few characters in it. What follows a
/// position's name are numbers of levels.
fn key(path: &str) -> Result<(), Unsupported> {
    let plain = |each: char| each.is_ascii_alphanumeric() || matches!(each, '-' | '_' | '.' | '/');
    if path.chars().all(plain) {
        return Ok(());
    }
    refuse(format!(
        "the position `{path}`: with several positions acquire-zarr takes only a-z A-Z 0-9 - _ . in their names; \
         rename it, or use backend zarrs"
    ))
}

fn refuse<T>(reason: impl Into<String>) -> Result<T, Unsupported> {
    Err(Unsupported(reason.into()))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
