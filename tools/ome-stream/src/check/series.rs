//! "bioformats2raw.layout" metadata, and the OME-XML beside them.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Value, json};

use super::at::{At, Findings};
use super::rules::*;

/// Elements that hold or name pixels, which the OME-XML of a series must not have.
const FORBIDDEN: [&[u8]; 3] = [b"BinData", b"BinaryOnly", b"TiffData"];

/// The mark of a group of images in the metadata `ome`.
pub fn layout(found: &mut Findings, ome: &At<'_>) {
    found.may(LAYOUT, ome, "bioformats2raw.layout", |value| value.as_f64() == json!(3).as_f64());
}

/// The list of images in the metadata `ome` of the group `OME`.
pub fn list(found: &mut Findings, ome: &At<'_>) {
    let Some(series) = found.may(SERIES_LIST, ome, "series", Value::is_array) else { return };
    for each in series.items().filter(|each| !each.value.is_string()) {
        found.at(SERIES_LIST, &each);
    }
}

/// The text of `METADATA.ome.xml`, beside `images` images.
pub fn xml(found: &mut Findings, name: &str, text: &[u8], images: Option<usize>) {
    let mut reader = Reader::from_reader(text);
    reader.config_mut().check_end_names = true;
    let (mut depth, mut counted, mut is_ome) = (0usize, 0usize, false);
    loop {
        let (element, opens) = match reader.read_event() {
            Ok(Event::Start(element)) => (element, true),
            Ok(Event::Empty(element)) => (element, false),
            Ok(Event::End(_)) => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Ok(Event::Eof) => break,
            Ok(_) => continue,
            Err(error) => return found.add(XML_VALID, name, ome_stream::shown::sentence(error)),
        };
        let local = element.local_name();
        let local = local.as_ref();
        if depth == 0 && local == b"OME" {
            is_ome = true;
        }
        counted += usize::from(depth == 1 && local == b"Image");
        if FORBIDDEN.contains(&local) {
            return found.add(XML_VALID, name, format!("an element {}", String::from_utf8_lossy(local)));
        }
        depth += usize::from(opens);
    }
    if !is_ome || depth > 0 {
        return found.add(XML_VALID, name, if is_ome { "it ends early" } else { "no element OME" });
    }
    if let Some(images) = images
        && images != counted
    {
        found.add(XML_IMAGES, name, format!("{counted} Image elements for {images} images"));
    }
}
