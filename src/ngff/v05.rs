//! OME-NGFF 0.5 on Zarr v3: the attributes of the groups.

use serde::Serialize;

use super::model::{Attributes, Hierarchy, Image};
use super::namespace::RESERVED_NAMESPACES;
use super::ome_xml;
use super::parts::{AxisPart, DatasetPart, Omero, Writer};
use crate::error::{Error, Result};
use crate::zarr::{Document, group_v3};

const VERSION: &str = "0.5";

/// What a group is, by its `ome` attribute.
#[derive(Serialize)]
#[serde(untagged)]
enum Ome<'a> {
    /// An image (spec: "multiscales" and "omero" metadata).
    Image {
        version: &'static str,
        multiscales: [Multiscale<'a>; 1],
        #[serde(skip_serializing_if = "Option::is_none")]
        omero: Option<Omero<'a>>,
    },
    /// The root over several images (spec: "bioformats2raw.layout").
    Collection {
        version: &'static str,
        #[serde(rename = "bioformats2raw.layout")]
        layout: u8,
    },
    /// The `OME` group beside them.
    Series { version: &'static str, series: Vec<&'a str> },
}

#[derive(Serialize)]
struct Multiscale<'a> {
    name: &'a str,
    axes: Vec<AxisPart<'a>>,
    datasets: Vec<DatasetPart<'a>>,
}

#[derive(Serialize)]
struct GroupAttributes<'a> {
    ome: Ome<'a>,
    ome_stream: Writer<'a>,
    #[serde(flatten)]
    host: &'a Attributes,
    #[serde(flatten)]
    image: &'a Attributes,
}

impl<'a> Ome<'a> {
    fn image(image: &'a Image) -> Self {
        let multiscale = Multiscale {
            name: &image.name,
            axes: image.axes.iter().map(AxisPart::from).collect(),
            datasets: image.datasets.iter().map(DatasetPart::from).collect(),
        };
        Self::Image { version: VERSION, multiscales: [multiscale], omero: Omero::of(image) }
    }
}

/// Every metadata file of the hierarchy's groups in OME-NGFF 0.5, each made when the iterator comes to it, in the order
/// in which they should be written: what is pointed at before what points, the root last. The arrays' own metadata is
/// not among them.
///
/// `root` are the host's namespaces, stored in the root group; `image_attributes` gives those of the image with that
/// number, stored in its group (frame metadata), and is asked when that image's turn comes, so that only one image's
/// are in memory.
///
/// Several images get `OME/METADATA.ome.xml` (spec: SHOULD), one `Image` for each group, where OME-XML has words for
/// their axes: x, y, z, c and t.
///
/// # Errors
/// At once what [`Hierarchy::validate`] finds; from the iterator [`Error::InvalidMetadata`] for an attribute whose name
/// NGFF or this library uses itself, and whatever `image_attributes` returns.
pub fn documents_v05<'a>(
    hierarchy: &'a Hierarchy,
    root: &'a Attributes,
    mut image_attributes: impl FnMut(usize) -> Result<Attributes> + 'a,
) -> Result<impl Iterator<Item = Result<Document>> + 'a> {
    hierarchy.validate()?;
    let none: &Attributes = &EMPTY;
    check_attributes(root, none)?;
    let images = hierarchy.images().enumerate().map(move |(number, (path, image))| {
        let attributes = image_attributes(number)?;
        let host = if path.is_empty() { root } else { none };
        check_attributes(&attributes, host)?;
        document(path, Ome::image(image), Writer::of(&image.channels), [host, &attributes])
    });
    let mut collection = Vec::new();
    if let Hierarchy::Series(series) = hierarchy {
        let xml = ome_xml::metadata_only(series.iter().map(|(path, image)| (path.as_str(), image)));
        let xml = xml.map(|text| Document { path: "OME/METADATA.ome.xml".into(), bytes: text.into_bytes() });
        collection.extend(xml.map(Ok));
        let paths = series.iter().map(|(path, _)| path.as_str()).collect();
        let order = Ome::Series { version: VERSION, series: paths };
        collection.push(document("OME", order, Writer::of(&[]), [none, none]));
        collection.push(collection_v05(root));
    }
    Ok(images.chain(collection))
}

/// The root's document over several images, with the host's namespaces: the last of [`documents_v05`], which depends on
/// none of the images.
///
/// # Errors
/// [`Error::InvalidMetadata`] for an attribute whose name NGFF or this library uses itself.
pub fn collection_v05(root: &Attributes) -> Result<Document> {
    check_attributes(root, &EMPTY)?;
    let top = Ome::Collection { version: VERSION, layout: 3 };
    document("", top, Writer::of(&[]), [root, &EMPTY])
}

static EMPTY: Attributes = Attributes::new();

/// Attributes must take the place neither of what makes the group an image nor of `others` in the same group.
fn check_attributes(attributes: &Attributes, others: &Attributes) -> Result<()> {
    let reserved = |name: &str| name != "ome_writers" && RESERVED_NAMESPACES.contains(&name);
    match attributes.keys().find(|name| reserved(name) || others.contains_key(*name)) {
        None => Ok(()),
        Some(name) => Err(Error::InvalidMetadata {
            namespace: name.clone(),
            problem: "this name is already in use in this group".into(),
            remedy: "use another one, such as that of your program".into(),
        }),
    }
}

fn document(path: &str, ome: Ome<'_>, writer: Writer<'_>, [host, image]: [&Attributes; 2]) -> Result<Document> {
    let attributes = GroupAttributes { ome, ome_stream: writer, host, image };
    group_v3(path, &attributes).map_err(|cause| Error::Internal { place: "ngff", message: cause.to_string() })
}
