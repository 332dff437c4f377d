//! Expectations for the foreign readers of `interop/check_store.py`.

use ome_stream::settings::NgffVersion;
use serde_json::{Value, json};

use crate::case::Case;
use crate::levels::{self, Level};
use crate::model;
use crate::run::Ran;

/// A finished run as one store of a manifest.
#[must_use]
pub fn store(case: &Case, ran: &Ran) -> Value {
    let positions: Vec<Value> = ran
        .images
        .iter()
        .zip(ran.plan.positions())
        .map(|(image, planned)| {
            let levels = levels::levels(case, image);
            let of_levels = |of: fn(&Level) -> &Vec<f64>| levels.iter().map(of).collect::<Vec<_>>();
            let method = case.settings.pyramid.as_ref().filter(|_| levels.len() > 1).map(|each| each.method.name());
            json!({
                "path": planned.path,
                "shape": image.shape,
                "dtype": case.settings.dtype.name(),
                "axes": image.axes,
                "expect": {"kind": "coords", "frames": image.frames},
                "scale": image.scale,
                "translation": image.translation,
                "units": image.units,
                "channels": image.channels,
                "levels": levels.len(),
                "method": method,
                "scales": of_levels(|level| &level.scale),
                "translations": of_levels(|level| &level.translation),
            })
        })
        .collect();
    let mut store = json!({"path": ran.root, "positions": positions});
    if case.settings.format.version == NgffVersion::V0_6 {
        let placed = ran.images.iter().zip(ran.plan.positions()).filter(|(image, _)| image.on_stage);
        let scene: Vec<&str> = placed.map(|(_, planned)| planned.path.as_str()).collect();
        // A plate is one already: its fields lie in their wells.
        let has_scene = scene.len() > 1 && case.settings.plate.is_none();
        store["scene"] = json!(if has_scene { scene } else { Vec::new() });
    }
    if !model::is_ome_order(&case.settings) {
        // The host asked for an order that OME-NGFF does not allow; the validators rightly say so.
        store["validators"] = json!(["own"]);
    }
    store
}
