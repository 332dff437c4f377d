//! OME-XML: which images there are, and what is known of them. Read without a schema, in any of its versions.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// A value with its unit.
pub type Measured = (f64, String);

/// The whole document.
#[derive(Debug, Default)]
pub struct Document {
    /// Identity of the file that holds it.
    pub uuid: Option<String>,
    /// The file that holds the metadata of this one.
    pub binary_only: Option<String>,
    pub images: Vec<Image>,
    /// Elements that are not read, by name.
    pub left: std::collections::BTreeSet<String>,
}

/// `<Image>` with its `<Pixels>`.
#[derive(Debug, Default)]
pub struct Image {
    pub name: String,
    pub acquired: Option<String>,
    /// Place of the stage along x, y, z.
    pub stage: [Option<Measured>; 3],
    /// Fastest first, such as `XYZCT`.
    pub order: String,
    pub dtype: String,
    /// X, Y, Z, C, T; 0 where they are missing.
    pub sizes: [u64; 5],
    /// X, Y, Z.
    pub physical: [Option<Measured>; 3],
    pub increment: Option<Measured>,
    pub channels: Vec<Channel>,
    pub data: Vec<TiffData>,
    pub planes: Vec<Plane>,
}

/// `<Channel>`.
#[derive(Debug, Default)]
pub struct Channel {
    pub name: Option<String>,
    /// Red, green, blue and opacity in one signed number.
    pub color: Option<i32>,
    pub excitation: Option<Measured>,
    pub emission: Option<Measured>,
    pub fluor: Option<String>,
    /// Samples of a pixel.
    pub samples: u64,
}

/// `<TiffData>`: pages of a file that hold planes.
#[derive(Debug, Default)]
pub struct TiffData {
    pub ifd: Option<u64>,
    /// Z, C, T of the first plane.
    pub first: [u64; 3],
    pub count: Option<u64>,
    /// Name and identity of the file.
    pub file: Option<(String, String)>,
}

/// `<Plane>`.
#[derive(Debug, Default)]
pub struct Plane {
    /// Z, C, T.
    pub at: [u64; 3],
    pub delta: Option<Measured>,
    pub exposure: Option<Measured>,
    /// X, Y, Z.
    pub position: [Option<Measured>; 3],
}

/// Reads a document.
///
/// # Errors
/// What is wrong with the XML, or with a number in it.
pub fn parse(text: &str) -> Result<Document, String> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim());
    let mut document = Document::default();
    let mut path: Vec<String> = Vec::new();
    loop {
        let at = reader.buffer_position();
        match reader.read_event().map_err(|problem| format!("at byte {at}: {problem}"))? {
            Event::Start(element) => {
                let name = local_name(&element);
                open(&mut document, &path, &name, &element)
                    .map_err(|problem| format!("<{name}> at byte {at}: {problem}"))?;
                path.push(name);
            }
            Event::Empty(element) => {
                let name = local_name(&element);
                open(&mut document, &path, &name, &element)
                    .map_err(|problem| format!("<{name}> at byte {at}: {problem}"))?;
            }
            Event::End(_) => drop(path.pop()),
            Event::Text(text) => {
                let text = text.decode().map_err(|problem| problem.to_string())?;
                let text = text.trim();
                if !text.is_empty() {
                    put_text(&mut document, &path, text);
                }
            }
            Event::Eof if path.is_empty() => return Ok(document),
            Event::Eof => return Err(format!("it ends within <{}>", path.last().cloned().unwrap_or_default())),
            _ => {}
        }
    }
}

fn local_name(element: &BytesStart<'_>) -> String {
    String::from_utf8_lossy(element.local_name().as_ref()).into_owned()
}

/// Attributes of an element.
struct Attributes(Vec<(String, String)>);

impl Attributes {
    fn of(element: &BytesStart<'_>) -> Result<Self, String> {
        let mut all = Vec::new();
        for attribute in element.attributes() {
            let attribute = attribute.map_err(|problem| problem.to_string())?;
            let name = String::from_utf8_lossy(attribute.key.local_name().as_ref()).into_owned();
            let value = attribute.unescape_value().map_err(|problem| problem.to_string())?;
            all.push((name, value.into_owned()));
        }
        Ok(Self(all))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim().to_owned())
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("{name}={text:?} is not the number it should be"))
    }

    fn count(&self, name: &str) -> Result<u64, String> {
        Ok(self.parsed(name)?.unwrap_or(0))
    }

    /// Numbers that only describe: what cannot be read is not known.
    fn measured(&self, name: &str, unit: &str) -> Option<Measured> {
        let value: f64 = self.text(name)?.parse().ok()?;
        let unit = self.text(&format!("{name}Unit")).unwrap_or_else(|| unit.to_owned());
        value.is_finite().then_some((value, unit))
    }
}

fn open(document: &mut Document, path: &[String], name: &str, element: &BytesStart<'_>) -> Result<(), String> {
    let attributes = || Attributes::of(element);
    let parent = path.last().map(String::as_str);
    match (parent, name) {
        (None, "OME") => document.uuid = attributes()?.text("UUID"),
        (None, other) => return Err(format!("the root is not OME but {other}")),
        (Some("OME"), "BinaryOnly") => document.binary_only = attributes()?.text("MetadataFile"),
        (Some("OME"), "Image") => {
            let attributes = attributes()?;
            document.images.push(Image {
                name: attributes.text("Name").or_else(|| attributes.text("ID")).unwrap_or_default(),
                acquired: attributes.text("AcquiredDate"),
                ..Image::default()
            });
        }
        (Some("OME"), other) => drop(document.left.insert(other.to_owned())),
        _ => {
            let Some(image) = document.images.last_mut() else { return Ok(()) };
            if let Some(left) = in_image(image, parent.unwrap_or_default(), name, &attributes()?)? {
                document.left.insert(left);
            }
        }
    }
    Ok(())
}

/// An element within an image; its name where it is not read.
fn in_image(image: &mut Image, parent: &str, name: &str, attributes: &Attributes) -> Result<Option<String>, String> {
    match (parent, name) {
        ("Image", "StageLabel") => {
            image.stage = ["X", "Y", "Z"].map(|axis| attributes.measured(axis, "reference frame"));
        }
        ("Image", "Pixels") => {
            image.order = attributes.text("DimensionOrder").unwrap_or_default();
            image.dtype = attributes.text("Type").or_else(|| attributes.text("PixelType")).unwrap_or_default();
            for (size, axis) in image.sizes.iter_mut().zip(["X", "Y", "Z", "C", "T"]) {
                *size = attributes.count(&format!("Size{axis}"))?;
            }
            image.physical = ["X", "Y", "Z"].map(|axis| attributes.measured(&format!("PhysicalSize{axis}"), "µm"));
            image.increment = attributes.measured("TimeIncrement", "s");
        }
        ("Pixels", "Channel") => image.channels.push(Channel {
            name: attributes.text("Name").filter(|name| !name.is_empty()),
            color: attributes.text("Color").and_then(|color| color.parse::<i64>().ok()).map(|color| color as i32),
            excitation: attributes.measured("ExcitationWavelength", "nm"),
            emission: attributes.measured("EmissionWavelength", "nm"),
            fluor: attributes.text("Fluor").filter(|name| !name.is_empty()),
            samples: attributes.parsed("SamplesPerPixel")?.unwrap_or(1).max(1),
        }),
        ("Pixels", "TiffData") => image.data.push(TiffData {
            ifd: attributes.parsed("IFD")?,
            first: [attributes.count("FirstZ")?, attributes.count("FirstC")?, attributes.count("FirstT")?],
            count: match attributes.parsed("PlaneCount")? {
                Some(count) => Some(count),
                None => attributes.parsed("NumPlanes")?,
            },
            file: None,
        }),
        ("TiffData", "UUID") => {
            if let Some(data) = image.data.last_mut() {
                data.file = Some((attributes.text("FileName").unwrap_or_default(), String::new()));
            }
        }
        ("Pixels", "Plane") => image.planes.push(Plane {
            at: [attributes.count("TheZ")?, attributes.count("TheC")?, attributes.count("TheT")?],
            delta: attributes.measured("DeltaT", "s"),
            exposure: attributes.measured("ExposureTime", "s"),
            position: ["PositionX", "PositionY", "PositionZ"].map(|name| attributes.measured(name, "reference frame")),
        }),
        ("Pixels", "BinData") => {
            return Err("its pixels lie in the XML (BinData), which is not read; save it as OME-TIFF".into());
        }
        ("Image", "AcquisitionDate" | "AcquiredDate" | "Description") | ("Pixels", "MetadataOnly") => {}
        ("Image" | "Pixels", other) => return Ok(Some(other.to_owned())),
        _ => {}
    }
    Ok(None)
}

fn put_text(document: &mut Document, path: &[String], text: &str) {
    let Some(image) = document.images.last_mut() else { return };
    match path {
        [.., data, uuid] if data == "TiffData" && uuid == "UUID" => {
            if let Some((_, id)) = image.data.last_mut().and_then(|data| data.file.as_mut()) {
                id.push_str(text);
            }
        }
        [.., image_name, date]
            if image_name == "Image"
                && matches!(date.as_str(), "AcquisitionDate" | "AcquiredDate" | "CreationDate") =>
        {
            image.acquired = Some(text.to_owned());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn damaged_documents_are_refused() {
        for text in ["<OME>", "<Image/>", "<OME><Image><Pixels SizeX=\"-1\"/></Image></OME>", "<OME><Image></OME>"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "(<(OME|Image|Pixels|TiffData|UUID|Plane)( SizeX=\"[0-9]{0,22}\")?/?>|</(OME|Image)>|[&;a-z<>\"' ]){0,40}") {
            let _ = parse(&text);
        }
    }
}
