//! `OME/METADATA.ome.xml` of a store with several images: the same images in OME-XML, with `<MetadataOnly/>` in place
//! of pixels (OME-NGFF 0.5, "bioformats2raw.layout"; OME model 2016-06).
//!
//! Written by hand: quick-xml leaves line breaks in attributes bare, and writes characters that XML cannot hold.

use std::fmt::Write as _;

use super::display;
use super::model::{AxisKind, Channel, Image};
use super::planes::Planes;

const HEADER: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "<OME xmlns=\"http://www.openmicroscopy.org/Schemas/OME/2016-06\" ",
    "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ",
    "xsi:schemaLocation=\"http://www.openmicroscopy.org/Schemas/OME/2016-06 ",
    "http://www.openmicroscopy.org/Schemas/OME/2016-06/ome.xsd\"",
);

/// The document for these images in this order, each with the path of its group, or `None` where OME-XML has no words
/// for the axes of one of them: each group must be exactly one `Image` (OME-NGFF 0.5, "bioformats2raw.layout"). What is
/// known of single frames are their `planes`.
pub(super) fn metadata_only<'a>(images: impl Iterator<Item = (&'a str, &'a Image)>, planes: &Planes) -> Option<String> {
    let mut xml = String::from(HEADER);
    write_attribute(&mut xml, "Creator", &format!("ome-stream {}", crate::VERSION));
    xml.push_str(">\n");
    for (number, (path, image)) in images.enumerate() {
        write_image(&mut xml, number, path, image, planes.of(number))?;
    }
    xml.push_str("</OME>\n");
    Some(xml)
}

fn write_image(xml: &mut String, number: usize, path: &str, image: &Image, planes: &str) -> Option<()> {
    let pixels = Pixels::of(image)?;
    xml.push_str("  <Image");
    // napari-ome-zarr looks for the group behind the colon; an ID has no white space (OME schema, `ImageID`).
    let id = if path.contains(char::is_whitespace) { number.to_string() } else { path.to_owned() };
    write_attribute(xml, "ID", &format!("Image:{id}"));
    write_attribute(xml, "Name", &image.name);
    xml.push_str(">\n    <Pixels");
    write_attribute(xml, "ID", &format!("Pixels:{number}"));
    write_attribute(xml, "DimensionOrder", &pixels.order);
    write_attribute(xml, "Type", pixels.data_type);
    for (letter, size) in pixels.sizes {
        write_attribute(xml, &format!("Size{letter}"), &size.to_string());
    }
    for (name, value) in &pixels.physical {
        write_attribute(xml, name, value);
    }
    xml.push_str(">\n");
    // Colors are those that `omero` has.
    for (nth, (channel, color)) in image.channels.iter().zip(display::colors(&image.channels)).enumerate() {
        write_channel(xml, &format!("Channel:{number}:{nth}"), channel, color);
    }
    xml.push_str("      <MetadataOnly/>\n");
    xml.push_str(planes);
    xml.push_str("    </Pixels>\n  </Image>\n");
    Some(())
}

fn write_channel(xml: &mut String, id: &str, channel: &Channel, [red, green, blue]: [u8; 3]) {
    xml.push_str("      <Channel");
    write_attribute(xml, "ID", id);
    write_attribute(xml, "Name", &channel.label);
    write_attribute(xml, "SamplesPerPixel", "1");
    write_attribute(xml, "Color", &i32::from_be_bytes([red, green, blue, 255]).to_string());
    let wavelengths = [("Excitation", channel.excitation_nm), ("Emission", channel.emission_nm)];
    for (light, nm) in wavelengths.into_iter().filter_map(|(light, nm)| Some((light, nm?))) {
        write_attribute(xml, &format!("{light}Wavelength"), &nm.to_string());
        write_attribute(xml, &format!("{light}WavelengthUnit"), "nm");
    }
    if let Some(fluorophore) = &channel.fluorophore {
        write_attribute(xml, "Fluor", fluorophore);
    }
    xml.push_str("/>\n");
}

/// What `<Pixels>` says of an image.
struct Pixels {
    data_type: &'static str,
    /// The five letters, fastest first: `XYZCT`.
    order: String,
    sizes: [(char, u64); 5],
    /// Pixel sizes and time step, where they have a unit.
    physical: Vec<(String, String)>,
}

impl Pixels {
    fn of(image: &Image) -> Option<Self> {
        let data_type = pixel_type(&image.dtype)?;
        let mut order = String::new();
        let mut sizes = [('X', 1), ('Y', 1), ('Z', 1), ('C', 1), ('T', 1)];
        let mut physical = Vec::new();
        let scales = &image.datasets.first()?.scale;
        let mut space = "XYZ".chars();
        for ((axis, &size), scale) in image.axes.iter().zip(&image.shape).zip(scales).rev() {
            let letter = match axis.kind {
                AxisKind::Space => space.next()?,
                AxisKind::Time => 'T',
                AxisKind::Channel => 'C',
                AxisKind::Other(_) => return None,
            };
            if order.contains(letter) {
                return None;
            }
            order.push(letter);
            // OME-XML knows no image without planes: one that has none yet, or none at all, is said to have one.
            sizes.iter_mut().filter(|(name, _)| *name == letter).for_each(|slot| slot.1 = size.max(1));
            if let Some(symbol) = axis.unit.as_deref().and_then(|unit| unit_symbol(&axis.kind, unit)) {
                let name = if letter == 'T' { "TimeIncrement".to_owned() } else { format!("PhysicalSize{letter}") };
                physical.push((name.clone(), scale.to_string()));
                physical.push((format!("{name}Unit"), symbol));
            }
        }
        // A frame's own axes come first in every DimensionOrder that OME-XML knows.
        if !order.starts_with("XY") {
            return None;
        }
        for letter in ['Z', 'C', 'T'] {
            if !order.contains(letter) {
                order.push(letter);
            }
        }
        Some(Self { data_type, order, sizes, physical })
    }
}

/// OME-XML `PixelType`. It has no 64-bit integers and no half floats, and an `Image` needs one: the type that holds
/// most of their values stands for them (the pixels are elsewhere, and their array says what they are).
fn pixel_type(dtype: &str) -> Option<&'static str> {
    Some(match dtype {
        "int8" => "int8",
        "int16" => "int16",
        "int32" => "int32",
        "uint8" => "uint8",
        "uint16" => "uint16",
        "uint32" => "uint32",
        "float16" | "float32" => "float",
        "int64" | "uint64" | "float64" => "double",
        _ => return None,
    })
}

/// OME-XML `UnitsLength` and `UnitsTime` for NGFF's unit names.
fn unit_symbol(kind: &AxisKind, unit: &str) -> Option<String> {
    let (irregular, stem, base): (&[(&str, &str)], &str, &str) = match kind {
        AxisKind::Space => (&IRREGULAR_LENGTHS, "meter", "m"),
        AxisKind::Time => (&IRREGULAR_TIMES, "second", "s"),
        AxisKind::Channel | AxisKind::Other(_) => return None,
    };
    let symbol_of = |table: &[(&str, &'static str)], name: &str| {
        table.iter().find(|(known, _)| *known == name).map(|(_, symbol)| *symbol)
    };
    if let Some(symbol) = symbol_of(irregular, unit) {
        return Some(symbol.to_owned());
    }
    let prefix = symbol_of(&PREFIXES, unit.strip_suffix(stem)?)?;
    Some(format!("{prefix}{base}"))
}

const IRREGULAR_LENGTHS: [(&str, &str); 6] =
    [("angstrom", "Å"), ("foot", "ft"), ("inch", "in"), ("mile", "mi"), ("parsec", "pc"), ("yard", "yd")];
const IRREGULAR_TIMES: [(&str, &str); 3] = [("day", "d"), ("hour", "h"), ("minute", "min")];
const PREFIXES: [(&str, &str); 20] = [
    ("", ""),
    ("yotta", "Y"),
    ("zetta", "Z"),
    ("exa", "E"),
    ("peta", "P"),
    ("tera", "T"),
    ("giga", "G"),
    ("mega", "M"),
    ("kilo", "k"),
    ("hecto", "h"),
    ("deci", "d"),
    ("centi", "c"),
    ("milli", "m"),
    ("micro", "µ"),
    ("nano", "n"),
    ("pico", "p"),
    ("femto", "f"),
    ("atto", "a"),
    ("zepto", "z"),
    ("yocto", "y"),
];

/// ` name="value"`, escaped; characters that XML 1.0 cannot hold at all become U+FFFD.
fn write_attribute(xml: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = write!(xml, " {name}=\"");
    for character in value.chars() {
        match character {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '"' => xml.push_str("&quot;"),
            '\t' => xml.push_str("&#9;"),
            '\n' => xml.push_str("&#10;"),
            '\r' => xml.push_str("&#13;"),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => xml.push('\u{fffd}'),
            other => xml.push(other),
        }
    }
    xml.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::golden_tests::{axis, image, tczyx};
    use super::*;

    fn metadata_only<'a>(images: impl Iterator<Item = (&'a str, &'a Image)>) -> Option<String> {
        super::metadata_only(images, &Planes::default())
    }

    #[test]
    fn text_that_xml_cannot_hold_as_it_is_arrives_escaped() {
        let mut named = image(&["y", "x"]);
        named.name = "<A&B> \"1\"\n\u{1}µ".into();
        let xml = metadata_only([("0", &named)].into_iter()).expect("a plain image");
        assert!(xml.contains("Name=\"&lt;A&amp;B&gt; &quot;1&quot;&#10;\u{fffd}µ\""), "{xml}");
    }

    #[test]
    fn dimension_order_follows_the_storage_order() {
        for (names, order) in [
            (&["t", "c", "z", "y", "x"][..], "XYZCT"),
            (&["c", "t", "y", "x"], "XYTCZ"),
            (&["z", "c", "y", "x"], "XYCZT"),
            (&["y", "x"], "XYZCT"),
        ] {
            let xml = metadata_only([("0", &image(names))].into_iter()).expect("axes that OME-XML knows");
            assert!(xml.contains(&format!("DimensionOrder=\"{order}\"")), "{names:?}: {xml}");
        }
    }

    #[test]
    fn images_beyond_ome_xml_leave_the_document_out() {
        let with = |change: fn(&mut Image)| {
            let mut changed = tczyx();
            change(&mut changed);
            metadata_only([("0", &tczyx()), ("1", &changed)].into_iter())
        };
        assert!(with(|_| ()).is_some());
        assert_eq!(with(|image| image.axes[0] = axis("angle", AxisKind::Other("angle".into()), None)), None);
        assert_eq!(with(|image| image.axes[1] = axis("u", AxisKind::Time, None)), None);
        assert_eq!(with(|image| image.axes[1] = axis("w", AxisKind::Space, None)), None);
    }

    #[test]
    fn every_image_has_its_group_a_type_and_a_plane() {
        let with = |path: &str, change: fn(&mut Image)| {
            let mut changed = tczyx();
            change(&mut changed);
            metadata_only([("0", &tczyx()), (path, &changed)].into_iter()).expect("all can be said")
        };
        assert!(with("A/1/0", |_| ()).contains("<Image ID=\"Image:A/1/0\""));
        assert!(with("Pos 1", |_| ()).contains("<Image ID=\"Image:1\""), "no white space");
        assert!(with("1", |image| image.dtype = "uint64".into()).contains("Type=\"double\""));
        assert!(with("1", |image| image.dtype = "float16".into()).contains("Type=\"float\""));
        assert!(with("1", |image| image.shape[0] = 0).contains("SizeT=\"1\""));
    }

    #[test]
    fn every_ngff_unit_has_its_ome_symbol() {
        let symbol = |kind, unit| unit_symbol(&kind, unit).unwrap_or_default();
        assert_eq!(symbol(AxisKind::Space, "micrometer"), "µm");
        assert_eq!(symbol(AxisKind::Space, "meter"), "m");
        assert_eq!(symbol(AxisKind::Space, "angstrom"), "Å");
        assert_eq!(symbol(AxisKind::Space, "yoctometer"), "ym");
        assert_eq!(symbol(AxisKind::Time, "millisecond"), "ms");
        assert_eq!(symbol(AxisKind::Time, "minute"), "min");
        assert_eq!(unit_symbol(&AxisKind::Time, "meter"), None);
        assert_eq!(unit_symbol(&AxisKind::Space, "furlong"), None);
        assert_eq!(unit_symbol(&AxisKind::Channel, "meter"), None);
    }

    #[test]
    fn sizes_without_a_unit_are_not_given_one() {
        let mut unitless = tczyx();
        unitless.axes.iter_mut().for_each(|axis| axis.unit = None);
        let xml = metadata_only([("0", &unitless)].into_iter()).expect("a plain image");
        assert!(!xml.contains("PhysicalSize") && !xml.contains("TimeIncrement"), "{xml}");
    }
}
