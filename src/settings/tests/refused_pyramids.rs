//! Pyramids that make no sense, whatever the image: each with the field and the value that its error must name.

use serde_json::{Value, json};

use super::refused::{accepted, dimensions, refused as refused_file, with};

/// A stack of 40 planes of 4096 x 1024 pixels, in shards.
fn stack(pyramid: Value) -> Value {
    let mut file = dimensions(json!([
        {"name": "t", "count": null},
        {"name": "c", "count": 2},
        {"name": "z", "count": 40},
        {"name": "y", "count": 4096, "chunk_size": 256, "shard_size_chunks": 4},
        {"name": "x", "count": 1024, "chunk_size": 256, "shard_size_chunks": 4},
    ]));
    file["pyramid"] = pyramid;
    file
}

#[track_caller]
fn refused(pyramid: Value, field: &str, value: &str) {
    refused_file(&stack(pyramid), &format!("pyramid{field}"), value);
}

#[test]
fn pyramids_that_can_be_made() {
    for pyramid in [
        json!({}),
        json!({"method": "median", "levels": 16}),
        json!({"levels": 1, "smallest": null, "factors": null}),
        json!({"smallest": 1}),
        json!({"factors": {"z": 2, "y": 4, "x": 1}}),
        json!({"factors": {"y": 1, "x": 1}}),
        json!({"levels": 3, "chunks": [{"t": 1, "y": 128}, {}], "shards": [{}, {"y": 2, "x": 2}]}),
    ] {
        accepted(&stack(pyramid));
    }
    accepted(&with("/pyramid", json!({"method": "mode"})));
}

#[test]
fn numbers_of_levels() {
    refused(json!({"levels": 0}), ".levels", "0");
    refused(json!({"levels": 17}), ".levels", "17");
    refused(json!({"levels": u32::MAX}), ".levels", "4294967295");
    refused(json!({"levels": -1}), ".levels", "-1");
    refused(json!({"smallest": 0}), ".smallest", "0");
    refused(json!({"levels": 3, "smallest": 64}), ".smallest", "64");
    refused(json!({"depth": 3}), ".depth", "3");
}

#[test]
fn methods_that_pixels_do_not_take() {
    refused(json!({"method": "sum"}), ".method", "\"sum\"");
    for dtype in ["float16", "float32", "float64"] {
        let mut file = stack(json!({"method": "mode"}));
        file["dtype"] = json!(dtype);
        refused_file(&file, "pyramid.method", "mode");
        file["pyramid"]["method"] = json!("median");
        accepted(&file);
    }
}

#[test]
fn factors_that_make_no_levels() {
    refused(json!({"factors": {"y": 0}}), ".factors.y", "0");
    refused(json!({"factors": {"y": 1, "x": 1, "z": 1}}), ".factors", "1");
    for name in ["t", "c", "q", ""] {
        refused(json!({"factors": {name: 2}}), &format!(".factors.{name}"), "2");
    }
    // Without planes, rows and columns are all there is.
    refused_file(&with("/pyramid", json!({"factors": {"y": 1, "x": 1}})), "pyramid.factors", "1");
}

#[test]
fn sizes_of_levels_that_are_not() {
    for field in ["chunks", "shards"] {
        refused(json!({field: [{}, {"q": 2}]}), &format!(".{field}[1].q"), "2");
        refused(json!({field: [{"y": 0}]}), &format!(".{field}[0].y"), "0");
        refused(json!({field: [{"y": -1}]}), &format!(".{field}[0].y"), "-1");
        let entries = |count: usize| vec![json!({}); count];
        accepted(&stack(json!({field: entries(15)})));
        refused(json!({field: entries(16)}), &format!(".{field}"), "16 entries");
        refused(json!({"levels": 3, field: entries(3)}), &format!(".{field}"), "3 entries");
        refused(json!({"levels": 1, field: [{"y": 64}]}), &format!(".{field}"), "1 entries");
    }
    refused(json!({"chunks": null}), ".chunks", "null");
}

#[test]
fn a_position_is_no_axis_of_a_level() {
    let file = |pyramid: Value| {
        let mut file = dimensions(json!([
            {"name": "p", "count": 2},
            {"name": "y", "count": 64},
            {"name": "x", "count": 64},
        ]));
        file["pyramid"] = pyramid;
        file
    };
    refused_file(&file(json!({"chunks": [{"p": 1}]})), "pyramid.chunks[0].p", "1");
    refused_file(&file(json!({"factors": {"p": 2}})), "pyramid.factors.p", "2");
}

#[test]
fn shards_of_levels_in_a_version_without_them() {
    let mut file = with("/pyramid", json!({"shards": [{}, {"y": 2}]}));
    accepted(&file);
    file["format"] = json!({"version": "0.4"});
    refused_file(&file, "pyramid.shards[1].y", "2");
    file["pyramid"] = json!({"chunks": [{"y": 2}], "shards": [{}]});
    accepted(&file);
}

#[test]
fn sizes_of_levels_beyond_every_limit() {
    // Two bytes each; no more rows and columns than the level has: 2048 x 512.
    let chunk = |t: u64| json!({"chunks": [{"t": t, "y": 1_u64 << 40, "x": 1_u64 << 40}]});
    accepted(&stack(chunk(1023)));
    refused(chunk(1024), ".chunks[0].y", "2048");
    refused(chunk(u64::MAX), ".chunks[0].t", "18446744073709551615");
    refused(json!({"chunks": [{}, {"t": 1_u64 << 54}]}), ".chunks[1].t", "18014398509481984");
    // Four by two chunks of a level are all that it has.
    let shard = |t: u64| json!({"chunks": [{"t": 1, "y": 512}], "shards": [{"t": t, "y": 64, "x": 64}]});
    accepted(&stack(shard(1 << 17)));
    refused(shard((1 << 17) + 1), ".shards[0].t", "131073");
}

#[test]
fn more_chunks_in_a_plane_of_a_level_than_a_frame_has() {
    let file = |chunks: Value| {
        let mut file = dimensions(json!([
            {"name": "y", "count": 1 << 16, "chunk_size": 64},
            {"name": "x", "count": 1 << 16, "chunk_size": 64},
        ]));
        file["pyramid"] = json!({"levels": 3, "chunks": chunks});
        file
    };
    accepted(&file(json!([{"y": 32, "x": 32}, {"y": 16, "x": 16}])));
    refused_file(&file(json!([{"y": 32, "x": 16}])), "pyramid.chunks[0].x", "16");
    refused_file(&file(json!([{}, {"y": 1, "x": 64}])), "pyramid.chunks[1].y", "1");
}
